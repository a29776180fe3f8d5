/* pending.c - rooms that are still empty: each function goes as its room comes. */
#include "replication.h"

#define EMPTY __attribute__((weak))

EMPTY Primary primary = {.fd = -1};
EMPTY int gate_readonly, gate_stale;
EMPTY const KeelSnapshotHead file_head = {.size = sizeof(KeelSnapshotHead)};

EMPTY void gates_update(void) {}
EMPTY KeelVerdict readonly_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                                  int argc) {
    (void)c, (void)cmd, (void)argv, (void)argc;
    return KEEL_PASS;
}
EMPTY KeelVerdict stale_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                               int argc) {
    (void)c, (void)cmd, (void)argv, (void)argc;
    return KEEL_PASS;
}
EMPTY void replicaof(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    keel_reply_error(c, "ERR not yet");
}
EMPTY void replicaof_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config, (void)out;
}
EMPTY bool replicaof_set(const KeelConfig *config, const KeelStr *argv, int argc,
                         const char **reason) {
    (void)config, (void)argv, (void)argc, (void)reason;
    return true;
}
EMPTY void role(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    role_primary(c);
}
EMPTY void role_set(KeelCtx *c, const char *host, int port) {
    (void)c, (void)host, (void)port;
}
EMPTY void role_info(KeelInfo *info) {
    (void)info;
}
EMPTY void link_cron(KeelCtx *c) {
    (void)c;
}
EMPTY void link_drop(KeelCtx *c) {
    (void)c;
}
EMPTY void link_failover(KeelCtx *c) {
    (void)c;
}
EMPTY void apply_acknowledge(void) {}
