/* client.c - whom a context serves: the state of server and client as flags, clients by id, messages
 * to channels, and what else concerns the running command rather than keys. */
#include "rm.h"

#include <keel/eviction.h>
#include <keel/pause.h>
#include <keel/pubsub.h>
#include <keel/replication.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- flags ----------------------------------------------------------------------------------- */

static bool setting_is(const char *name, const char *value) {
    char text[64];
    return keel_config_get(keel_str(name), text, sizeof(text), NULL) && !strcmp(text, value);
}

static int client_flags(const RedisModuleCtx *ctx) {
    KeelClient *client = ctx->c ? keel_client(ctx->c) : NULL;
    int flags = 0;
    if (!client) return 0;
    if (keel_block_denied(ctx->c)) flags |= REDISMODULE_CTX_FLAGS_DENY_BLOCKING;
    if (keel_client_kind(client) == KEEL_CLIENT_PRIMARY) flags |= REDISMODULE_CTX_FLAGS_REPLICATED;
    if (keel_reply_protocol(ctx->c) == 3) flags |= REDISMODULE_CTX_FLAGS_RESP3;
    /* EXEC lends its client's context to each command, which finds the client itself there; what a
     * module calls has a pretended one. */
    if (keel_is_nested(ctx->c) && keel_client_by_id(keel_client_id(client)) == client) {
        flags |= REDISMODULE_CTX_FLAGS_MULTI;
    }
    if (keel_client_flags(client) & KEEL_CF_DIRTY_CAS) flags |= REDISMODULE_CTX_FLAGS_MULTI_DIRTY;
    return flags;
}

static int memory_flags(void) {
    const KeelEvictionOps *eviction = keel_interface("eviction", KEEL_EVICTION_VERSION);
    size_t limit = eviction ? eviction->limit() : 0;
    if (!limit) return 0;
    int flags = REDISMODULE_CTX_FLAGS_MAXMEMORY;
    size_t used = eviction->used();
    if (!setting_is("maxmemory-policy", "noeviction")) flags |= REDISMODULE_CTX_FLAGS_EVICT;
    if (used > limit) flags |= REDISMODULE_CTX_FLAGS_OOM;
    if (used > limit / 4 * 3) flags |= REDISMODULE_CTX_FLAGS_OOM_WARNING;
    return flags;
}

static int role_flags(void) {
    const KeelReplicationOps *ops = keel_interface("replication", KEEL_REPLICATION_VERSION);
    if (!ops || !ops->is_replica()) return REDISMODULE_CTX_FLAGS_MASTER;
    int flags = REDISMODULE_CTX_FLAGS_SLAVE;
    if (setting_is("replica-read-only", "yes")) flags |= REDISMODULE_CTX_FLAGS_READONLY;
    if (ops->link_up()) return flags | REDISMODULE_CTX_FLAGS_REPLICA_IS_ONLINE;
    return flags | REDISMODULE_CTX_FLAGS_REPLICA_IS_STALE |
           (ops->syncing() ? REDISMODULE_CTX_FLAGS_REPLICA_IS_TRANSFERRING
                           : REDISMODULE_CTX_FLAGS_REPLICA_IS_CONNECTING);
}

static int server_flags(void) {
    char text[64];
    int flags = memory_flags();
    if (setting_is("appendonly", "yes")) flags |= REDISMODULE_CTX_FLAGS_AOF;
    if (keel_config_get(KEEL_LIT("save"), text, sizeof(text), NULL) && *text) {
        flags |= REDISMODULE_CTX_FLAGS_RDB;
    }
    flags |= role_flags();
    if (rm_async_loading) flags |= REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
    else if (rm_server_loading) flags |= REDISMODULE_CTX_FLAGS_LOADING;
    if (rm_in_child) flags |= REDISMODULE_CTX_FLAGS_IS_CHILD;
    if (keel_fork_active()) flags |= REDISMODULE_CTX_FLAGS_ACTIVE_CHILD;
    if (!rm_server_started) flags |= REDISMODULE_CTX_FLAGS_SERVER_STARTUP;
    return flags;
}

int RM_GetContextFlags(RedisModuleCtx *ctx) {
    return (ctx ? client_flags(ctx) : 0) | server_flags();
}

int RM_GetContextFlagsAll(void) {
    return _REDISMODULE_CTX_FLAGS_NEXT - 1;
}

/* While clients are paused, be it for a hand-over, replicas are to be left alone. */
int RM_AvoidReplicaTraffic(void) {
    const KeelPauseOps *pause = keel_interface("pause", KEEL_PAUSE_VERSION);
    const KeelReplicationOps *replication = keel_interface("replication", KEEL_REPLICATION_VERSION);
    if (replication && replication->avoid_writes && replication->avoid_writes()) return 1;
    return pause && pause->active();
}

/* ---- clients --------------------------------------------------------------------------------- */

unsigned long long RM_GetClientId(RedisModuleCtx *ctx) {
    if (ctx->blocked) return rm_blocked_client_id(ctx->blocked);
    KeelClient *client = ctx->c ? keel_client(ctx->c) : NULL;
    return client ? keel_client_id(client) : 0;
}

static KeelClient *by_id(uint64_t id, KeelClientInfo *info) {
    KeelClient *client = keel_client_by_id(id);
    if (!client) return NULL;
    info->size = sizeof(*info);
    keel_client_info(client, info);
    return client;
}

RedisModuleString *RM_GetClientUserNameById(RedisModuleCtx *ctx, uint64_t id) {
    KeelClientInfo info;
    if (!by_id(id, &info)) {
        errno = ENOENT;
        return NULL;
    }
    if (!*info.user) {
        errno = ENOTSUP;
        return NULL;
    }
    errno = 0;
    return rm_string_for(ctx, info.user, strlen(info.user));
}

RedisModuleString *RM_GetClientNameById(RedisModuleCtx *ctx, uint64_t id) {
    KeelClientInfo info;
    if (!by_id(id, &info) || !*info.name) return NULL;
    return rm_string_for(ctx, info.name, strlen(info.name));
}

int RM_SetClientNameById(uint64_t id, RedisModuleString *name) {
    KeelClientInfo info;
    KeelClient *client = by_id(id, &info);
    if (!client) {
        errno = ENOENT;
        return REDISMODULE_ERR;
    }
    for (size_t i = 0; i < name->len; i++) {
        if (name->ptr[i] >= '!' && name->ptr[i] <= '~') continue;
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    keel_client_set_name(client, rm_view(name));
    errno = 0;
    return REDISMODULE_OK;
}

/* Connections are never encrypted here. */
RedisModuleString *RM_GetClientCertificate(RedisModuleCtx *ctx, uint64_t id) {
    (void)ctx, (void)id;
    return NULL;
}

void rm_client_info(KeelClient *client, RedisModuleClientInfoV1 *out) {
    KeelClientInfo info = {.size = sizeof(info)};
    keel_client_info(client, &info);
    memset(out, 0, sizeof(*out));
    out->version = REDISMODULE_CLIENTINFO_VERSION;
    out->id = info.id;
    out->db = (uint16_t)info.db;
    if (info.flags & KEEL_CF_PUBSUB) out->flags |= REDISMODULE_CLIENTINFO_FLAG_PUBSUB;
    if (info.flags & KEEL_CF_UNIX) out->flags |= REDISMODULE_CLIENTINFO_FLAG_UNIXSOCKET;
    if (info.flags & KEEL_CF_BLOCKED) out->flags |= REDISMODULE_CLIENTINFO_FLAG_BLOCKED;
    if (info.flags & KEEL_CF_IN_MULTI) out->flags |= REDISMODULE_CLIENTINFO_FLAG_MULTI;
    if (info.flags & KEEL_CF_TRACKING) out->flags |= REDISMODULE_CLIENTINFO_FLAG_TRACKING;
    const char *colon = strrchr(info.addr, ':'), *start = info.addr;
    if (!colon) return;
    size_t len = (size_t)(colon - start);
    if (len > 1 && *start == '[' && colon[-1] == ']') {
        start++;
        len -= 2;
    }
    if (len >= sizeof(out->addr)) len = sizeof(out->addr) - 1;
    memcpy(out->addr, start, len);
    out->port = (uint16_t)atoi(colon + 1);
}

int RM_GetClientInfoById(void *out, uint64_t id) {
    RedisModuleClientInfoV1 *info = out;
    KeelClient *client = keel_client_by_id(id);
    if (!client) return REDISMODULE_ERR;
    if (!info) return REDISMODULE_OK;
    if (info->version != REDISMODULE_CLIENTINFO_VERSION) return REDISMODULE_ERR;
    rm_client_info(client, info);
    return REDISMODULE_OK;
}

int RM_DeauthenticateAndCloseClient(RedisModuleCtx *ctx, uint64_t id) {
    KeelClient *client = keel_client_by_id(id);
    if (!client) return REDISMODULE_ERR;
    bool own = ctx->c && keel_client(ctx->c) && keel_client_id(keel_client(ctx->c)) == id;
    rm_user_changed(client);
    keel_client_set_user(client, NULL);
    keel_client_close(client, own);
    return REDISMODULE_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

const char *RM_GetCurrentCommandName(RedisModuleCtx *ctx) {
    if (ctx->command) return ctx->command->full_name;
    const KeelCommandRef *cmd = ctx->c ? keel_command(ctx->c) : NULL;
    return cmd ? keel_command_name(cmd) : NULL;
}

int RM_RedactClientCommandArgument(RedisModuleCtx *ctx, int position) {
    if (!ctx->c || !ctx->command || position <= 0 || position >= ctx->argc) return REDISMODULE_ERR;
    keel_redact(ctx->c, position);
    return REDISMODULE_OK;
}

void RM_LatencyAddSample(const char *what, mstime_t ms) {
    keel_latency_add(what, ms * 1000000);
}

/* ---- messages -------------------------------------------------------------------------------- */

static int publish(RedisModuleString *channel, RedisModuleString *message, bool shard) {
    const KeelPubsubOps *ops = keel_interface("pubsub", KEEL_PUBSUB_VERSION);
    return ops ? (int)ops->publish(rm_view(channel), rm_view(message), shard) : 0;
}

int RM_PublishMessage(RedisModuleCtx *ctx, RedisModuleString *channel, RedisModuleString *message) {
    (void)ctx;
    return publish(channel, message, false);
}

int RM_PublishMessageShard(RedisModuleCtx *ctx, RedisModuleString *channel,
                           RedisModuleString *message) {
    (void)ctx;
    return publish(channel, message, true);
}
