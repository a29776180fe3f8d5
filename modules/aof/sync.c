/* sync.c - the thread that syncs, so that the loop does not wait for the disk.
 *
 * Its own, as the host's background thread may be busy freeing for seconds. A sync that failed is
 * never tried again and believed: the system may have dropped the pages that it could not write. So
 * the error stays until the data is safe elsewhere. */
#include "aof.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

typedef struct Job {
    struct Job *next;
    int fd;
    uint64_t offset;
    bool close_it;
} Job;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Job *first, **end = &first;
static size_t pending; /* changed under the mutex, read by the loop without it */
static bool runs, stopping;
static pthread_t thread;
static uint64_t done_offset;
static int error;

static void run(const Job *job) {
    int rc, failed = 0;
    do {
        rc = fdatasync(job->fd);
    } while (rc != 0 && errno == EINTR);
    /* What cannot be synced at all (a pipe, a device) is as safe as it gets. */
    if (rc != 0 && errno != EBADF && errno != EINVAL) failed = errno;
    if (job->close_it) close(job->fd);
    if (failed) {
        __atomic_store_n(&error, failed, __ATOMIC_RELEASE);
    } else if (!__atomic_load_n(&error, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&done_offset, job->offset, __ATOMIC_RELEASE);
    }
}

static void *sync_main(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (!first && !stopping) pthread_cond_wait(&changed, &mutex);
        if (!first) break;
        Job *job = first;
        pthread_mutex_unlock(&mutex);
        run(job);
        pthread_mutex_lock(&mutex);
        first = job->next;
        if (!first) end = &first;
        __atomic_sub_fetch(&pending, 1, __ATOMIC_RELEASE); /* after what run() found */
        pthread_cond_broadcast(&changed);
        keel_free(job);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static bool thread_start(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&thread, NULL, sync_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

void sync_start(int fd, uint64_t offset, bool close_it) {
    Job *job = keel_alloc(sizeof(*job));
    *job = (Job){.fd = fd, .offset = offset, .close_it = close_it};
    pthread_mutex_lock(&mutex);
    if (!runs) runs = thread_start();
    if (runs) {
        *end = job;
        end = &job->next;
        __atomic_add_fetch(&pending, 1, __ATOMIC_RELAXED);
        pthread_cond_broadcast(&changed);
        job = NULL;
    }
    pthread_mutex_unlock(&mutex);
    if (job) { /* no thread to be had: here and now */
        run(job);
        keel_free(job);
    }
}

size_t sync_pending(void) {
    return __atomic_load_n(&pending, __ATOMIC_ACQUIRE);
}

uint64_t sync_done_offset(void) {
    return __atomic_load_n(&done_offset, __ATOMIC_ACQUIRE);
}

void sync_note_done(uint64_t offset) {
    if (offset > sync_done_offset()) __atomic_store_n(&done_offset, offset, __ATOMIC_RELEASE);
}

int sync_error(void) {
    return __atomic_load_n(&error, __ATOMIC_ACQUIRE);
}

void sync_clear_error(void) {
    __atomic_store_n(&error, 0, __ATOMIC_RELEASE);
}

void sync_stop(void) {
    pthread_mutex_lock(&mutex);
    bool ran = runs;
    stopping = true;
    runs = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    if (ran) pthread_join(thread, NULL);
    stopping = false;
}
