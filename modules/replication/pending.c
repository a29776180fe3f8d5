/* pending.c - rooms that are still empty: each function goes as its room comes. */
#include "replication.h"

#define EMPTY __attribute__((weak))

EMPTY int feed_db(void) {
    return 0;
}
EMPTY void failover_done(KeelCtx *c) {
    (void)c;
}
EMPTY void failover_abort(KeelCtx *c, const char *why) {
    (void)c, (void)why;
}
EMPTY int feed_subscriber, last_write_slot, replica_slot, gate_peer, gate_few;
EMPTY Replica *replicas;
EMPTY void feed_records(const KeelRecord *records, size_t n) {
    (void)records, (void)n;
}
EMPTY void feed_arm(void) {}
EMPTY void feed_forget_db(void) {}
EMPTY void feed_words(const char *first, ...) {
    (void)first;
}
EMPTY void feed_command(const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
}
EMPTY void replicas_close(const char *why) {
    (void)why;
}
EMPTY void role_primary(KeelCtx *c) {
    keel_reply_null_array(c);
}
#define COMMAND(name)                                                                              \
    EMPTY void name(KeelCtx *c, const KeelStr *argv, int argc) {                                   \
        (void)argv, (void)argc;                                                                    \
        keel_reply_error(c, "ERR not yet");                                                        \
    }
COMMAND(replconf)
COMMAND(psync)
COMMAND(sync_command)
COMMAND(wait_command)
COMMAND(waitaof_command)
COMMAND(failover)
EMPTY void replicas_cron(KeelCtx *c) {
    (void)c;
}
EMPTY void replicas_info(KeelInfo *info) {
    (void)info;
}
EMPTY void replica_gone(KeelClient *client, void *value) {
    (void)client, (void)value;
}
EMPTY KeelVerdict peer_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                              int argc) {
    (void)c, (void)cmd, (void)argv, (void)argc;
    return KEEL_PASS;
}
EMPTY void peer_refused(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c, (void)argv, (void)argc;
}
EMPTY void few_update(void) {}
EMPTY KeelVerdict few_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv,
                             int argc) {
    (void)c, (void)cmd, (void)argv, (void)argc;
    return KEEL_PASS;
}
EMPTY size_t replicas_in(ReplicaState state) {
    (void)state;
    return 0;
}
EMPTY size_t replicas_at(int64_t offset) {
    (void)offset;
    return 0;
}
EMPTY void sync_cron(KeelCtx *c) {
    (void)c;
}
EMPTY void payload_reaped(KeelCtx *c, const void *data) {
    (void)c, (void)data;
}
EMPTY void wait_turn(KeelCtx *c, const void *data) {
    (void)c, (void)data;
}
EMPTY void wait_look(KeelCtx *c) {
    (void)c;
}
EMPTY void failover_cron(KeelCtx *c) {
    (void)c;
}
EMPTY bool failing_over(void) {
    return false;
}
EMPTY const char *failover_state(void) {
    return "no-failover";
}
EMPTY void failover_shutdown(KeelCtx *c, const void *data) {
    (void)c, (void)data;
}
