/* debug_allocator.c - DEBUG MALLCTL and MALLCTL-STR: jemalloc's own settings and figures.
 *
 * The allocator is the host's, and there may be another one, so it is found at run time. Its
 * values have sizes that only it knows: integers are tried from 8 bytes downwards, and what is
 * claimed to be a string is read through the kernel, which refuses where a load would fault. */
#define _GNU_SOURCE
#include "server.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

typedef int Mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len);

/* NULL, after an error reply, where the allocator has none. */
static Mallctl *mallctl_find(KeelCtx *c, KeelStr name) {
    Mallctl *call;
    *(void **)&call = dlsym(RTLD_DEFAULT, "mallctl");
    if (!call) {
        keel_reply_errorf(c, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try "
                             "DEBUG HELP.", SHOWN(name));
    }
    return call;
}

static void debug_mallctl(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t old = 0, value = 0;
    int error = EINVAL;
    if (argc == 4 && !keel_arg_int(c, argv[3], &value)) return;
    Mallctl *call = mallctl_find(c, argv[1]);
    if (!call) return;
    for (size_t size = sizeof(old); size && error == EINVAL; size /= 2) {
        size_t old_size = size;
        old = 0;
        error = call(argv[2].ptr, &old, &old_size, argc == 4 ? &value : NULL,
                     argc == 4 ? size : 0);
        if (error == EPERM && argc == 4) {
            error = call(argv[2].ptr, NULL, NULL, &value, size);    /* can be written only */
            if (!error) old = value;
        }
    }
    if (error) keel_reply_errorf(c, "ERR %s", strerror(error));
    else keel_reply_int(c, old);
}

/* A copy of the string at `from`, if that is one. Returns its length, -1: it is not. */
static int64_t read_string(const char *from, char *to, size_t room) {
    size_t len = 0;
    while (len < room) {
        struct iovec local = {to + len, 1}, remote = {(void *)(uintptr_t)(from + len), 1};
        if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1) return -1;
        if (!to[len]) return (int64_t)len;
        len++;
    }
    return (int64_t)len;
}

static void debug_mallctl_str(KeelCtx *c, const KeelStr *argv, int argc) {
    char *old = NULL, text[1024];
    const char *value = argc == 4 ? argv[3].ptr : NULL;
    size_t size = sizeof(old);
    Mallctl *call = mallctl_find(c, argv[1]);
    if (!call) return;
    bool set = value && strcasecmp(value, "void") != 0;
    int error = call(argv[2].ptr, &old, &size, set ? &value : NULL, set ? sizeof(value) : 0);
    if (error == EPERM && set) {
        error = call(argv[2].ptr, NULL, NULL, &value, sizeof(value));
        old = NULL;
    }
    int64_t len = error || !old ? 0 : read_string(old, text, sizeof(text));
    if (!error && len < 0) error = EINVAL;
    if (error) keel_reply_errorf(c, "ERR %s", strerror(error));
    else if (!old) keel_reply_null(c);
    else keel_reply_bulk(c, (KeelStr){text, (size_t)len});
}

const DebugRow debug_rows_allocator[] = {
    {"mallctl", 1, 2, debug_mallctl,
     "MALLCTL <name> [<value>]\n"
     "    Get or set one of the allocator's numbers.\n"},
    {"mallctl-str", 1, 2, debug_mallctl_str,
     "MALLCTL-STR <name> [<value>]\n"
     "    Get or set one of the allocator's strings.\n"},
    {0},
};
