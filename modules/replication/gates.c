/* gates.c - what a replica refuses: writes, and reads of data that may be old.
 *
 * The gates are armed for each connection rather than for all, so that the primary's own commands,
 * the many, do not even meet them. */
#include "replication.h"

int gate_readonly, gate_stale;

static bool refuses_writes(void) {
    return is_replica() && read_only;
}

static bool refuses_reads(void) {
    return is_replica() && !serve_stale && primary.state != LINK_CONNECTED;
}

void gates_client(KeelClient *client) {
    bool peer = keel_client_kind(client) == KEEL_CLIENT_PRIMARY;
    keel_gate_arm_client(client, gate_readonly, !peer && refuses_writes());
    keel_gate_arm_client(client, gate_stale, !peer && refuses_reads());
}

static bool update(KeelClient *client, void *data) {
    (void)data;
    gates_client(client);
    return true;
}

void gates_update(void) {
    keel_client_each(update, NULL);
    writable_update();
}

KeelVerdict readonly_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    keel_reply_error(c, "READONLY You can't write against a read only replica.");
    return KEEL_ANSWERED;
}

KeelVerdict stale_decide(KeelCtx *c, const KeelCommandRef *cmd, const KeelStr *argv, int argc) {
    (void)cmd, (void)argv, (void)argc;
    keel_reply_error(c, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set "
                        "to 'no'.");
    return KEEL_ANSWERED;
}
