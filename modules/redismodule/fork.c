/* fork.c - children that modules fork to work on a snapshot. One at a time, the server's included. */
#include "rm.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int child;                  /* 0: none of a module's */
static RedisModuleForkDoneHandler child_done;
static void *child_data;

int RM_Fork(RedisModuleForkDoneHandler done, void *data) {
    int pid = keel_fork(rm_callback_c(), "module");
    if (pid == 0) {
        rm_in_child = true;
    } else if (pid > 0) {
        child = pid;
        child_done = done;
        child_data = data;
    }
    return pid;
}

/* Who forked learns of the end through the handler; how far it is nobody asks. */
void RM_SendChildHeartbeat(double progress) {
    (void)progress;
}

int RM_ExitFromChild(int status) {
    _exit(status);
    return REDISMODULE_OK;
}

/* It is reaped like any other, but its handler is not called. */
int RM_KillForkChild(int pid) {
    if (!child || pid != child || keel_fork_active() != pid) return REDISMODULE_ERR;
    child_done = NULL;
    kill(pid, SIGUSR1);
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
