/* fork.c - children that modules fork to work on a snapshot. One at a time, the server's included.
 *
 * The module that owns snapshots keeps the figures of children that INFO shows, so it forks them; on a
 * server without it the host does, and nobody asks how far a child is. */
#include "rm.h"

#include <keel/snapshot.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char purpose[] = "Module fork";
static int child;                  /* 0: none of a module's */
static RedisModuleForkDoneHandler child_done;
static void *child_data;

static const KeelSnapshotOps *snapshot(void) {
    return keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
}

int RM_Fork(RedisModuleForkDoneHandler done, void *data) {
    const KeelSnapshotOps *ops = snapshot();
    KeelChild row = {.size = sizeof(row), .name = purpose};
    KeelCtx *c = rm_callback_c();
    int pid = ops ? ops->child_fork(c, &row) : keel_fork(c, purpose);
    if (pid == 0) {
        rm_in_child = true;
    } else if (pid > 0) {
        child = pid;
        child_done = done;
        child_data = data;
        keel_log(KEEL_LOG_VERBOSE, "Module fork started pid: %ld ", (long)pid);
    }
    return pid;
}

void RM_SendChildHeartbeat(double progress) {
    const KeelSnapshotOps *ops = snapshot();
    if (rm_in_child && ops) ops->child_report(progress);
}

int RM_ExitFromChild(int status) {
    RM_SendChildHeartbeat(-1);
    _exit(status);
    return REDISMODULE_OK;
}

/* It is gone when this returns, and its handler is not called. */
int RM_KillForkChild(int pid) {
    const KeelSnapshotOps *ops = snapshot();
    if (!child || pid != child || keel_fork_active() != pid) return REDISMODULE_ERR;
    child_done = NULL;
    if (!ops || !ops->child_kill(rm_callback_c(), purpose)) keel_fork_end(rm_callback_c());
    return REDISMODULE_OK;
}

void rm_fork_event(KeelCtx *c, const KeelForkEvent *e) {
    (void)c;
    if (e->born || e->pid != child) return;
    RedisModuleForkDoneHandler done = child_done;
    child = 0;
    child_done = NULL;
    int exited = WIFEXITED(e->status) ? WEXITSTATUS(e->status) : -1;
    int by_signal = WIFSIGNALED(e->status) ? WTERMSIG(e->status) : 0;
    if (done) done(exited, by_signal, child_data);
}

/* INFO's fields about them. */
void rm_write_fork_info(KeelInfo *info) {
    const KeelSnapshotOps *ops = snapshot();
    keel_info_int(info, "module_fork_in_progress", child != 0);
    keel_info_int(info, "module_fork_last_cow_size", ops ? (int64_t)ops->child_cow(purpose) : 0);
}
