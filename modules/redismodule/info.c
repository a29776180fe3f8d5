/* info.c - sections of INFO that modules write, and INFO read by modules.
 *
 * What a module writes is known only as it writes it, so all of them stand behind one row of ours
 * that emits sections of its own: "# module_name", fields "module_field:value". */
#include "rm.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct RedisModuleInfoCtx {
    KeelInfo *info;
    const Mod *mod;
    bool in_section;
    char *dict;              /* a field "name:k=v,k=v" that is being written; NULL: none */
    size_t len, room;
    char dict_name[256];
};

int RM_RegisterInfoFunc(RedisModuleCtx *ctx, RedisModuleInfoFunc call) {
    ctx->mod->info = call;
    return REDISMODULE_OK;
}

void rm_write_info(KeelInfo *info) {
    for (Mod *mod = rm_mods; mod; mod = mod->next) {
        if (!mod->info || mod->loading) continue;
        RedisModuleInfoCtx ctx = {.info = info, .mod = mod};
        mod->info(&ctx, 0);
        if (ctx.dict) RM_InfoEndDictField(&ctx);
    }
}

/* What INFO modules shows beside what the host knows. */
static bool facts(const char *name, KeelForeignFacts *out) {
    static const struct {
        int option;
        const char *name;
    } options[] = {
        {REDISMODULE_OPTIONS_HANDLE_IO_ERRORS, "handle-io-errors"},
        {REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD, "handle-repl-async-load"},
        {REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED, "no-implicit-signal-modified"},
    };
    const Mod *mod = rm_mod_by_name(keel_str(name));
    size_t len = 0;
    if (!mod) return false;
    out->filters = mod->filters;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!(mod->options & options[i].option)) continue;
        len += (size_t)snprintf(out->options + len, sizeof(out->options) - len, "%s%s",
                                len ? "|" : "", options[i].name);
    }
    len = 0;
    for (int i = 0; i < mod->used_count && len < sizeof(out->uses); i++) {
        len += (size_t)snprintf(out->uses + len, sizeof(out->uses) - len, "%s%s", len ? " " : "",
                                mod->used[i]->name);
    }
    return true;
}

const KeelForeign rm_foreign = {sizeof(KeelForeign), facts};

int RM_InfoAddSection(RedisModuleInfoCtx *ctx, const char *name) {
    char full[256];
    if (ctx->dict) RM_InfoEndDictField(ctx);
    snprintf(full, sizeof(full), "%s%s%s", ctx->mod->name, name && *name ? "_" : "",
             name ? name : "");
    ctx->in_section = keel_info_begin(ctx->info, full, ctx->mod->name);
    return ctx->in_section ? REDISMODULE_OK : REDISMODULE_ERR;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static void add_part(RedisModuleInfoCtx *ctx, const char *name, const char *value) {
    size_t need = strlen(name) + strlen(value) + 3;
    if (ctx->room - ctx->len < need) {
        ctx->room = (ctx->room + need) * 2;
        ctx->dict = keel_realloc(ctx->dict, ctx->room);
    }
    ctx->len += (size_t)sprintf(ctx->dict + ctx->len, "%s%s=%s", ctx->len ? "," : "", name, value);
}

int RM_InfoBeginDictField(RedisModuleInfoCtx *ctx, const char *name) {
    if (ctx->dict) RM_InfoEndDictField(ctx);
    if (!ctx->in_section) return REDISMODULE_ERR;
    snprintf(ctx->dict_name, sizeof(ctx->dict_name), "%s_%s", ctx->mod->name, name);
    ctx->room = 256;
    ctx->len = 0;
    ctx->dict = keel_alloc(ctx->room);
    *ctx->dict = '\0';
    return REDISMODULE_OK;
}

int RM_InfoEndDictField(RedisModuleInfoCtx *ctx) {
    if (!ctx->dict) return REDISMODULE_ERR;
    keel_info_field(ctx->info, ctx->dict_name, "%s", ctx->dict);
    keel_free(ctx->dict);
    ctx->dict = NULL;
    return REDISMODULE_OK;
}

static int add_field(RedisModuleInfoCtx *ctx, const char *name, const char *value) {
    char full[256];
    if (!ctx->in_section) return REDISMODULE_ERR;
    if (ctx->dict) {
        add_part(ctx, name, value);
        return REDISMODULE_OK;
    }
    snprintf(full, sizeof(full), "%s_%s", ctx->mod->name, name);
    keel_info_field(ctx->info, full, "%s", value);
    return REDISMODULE_OK;
}

int RM_InfoAddFieldString(RedisModuleInfoCtx *ctx, const char *name, RedisModuleString *value) {
    return add_field(ctx, name, value->ptr);
}
int RM_InfoAddFieldCString(RedisModuleInfoCtx *ctx, const char *name, const char *value) {
    return add_field(ctx, name, value);
}
int RM_InfoAddFieldDouble(RedisModuleInfoCtx *ctx, const char *name, double value) {
    char text[64];
    snprintf(text, sizeof(text), "%.17g", value);
    return add_field(ctx, name, text);
}
int RM_InfoAddFieldLongLong(RedisModuleInfoCtx *ctx, const char *name, long long value) {
    char text[64];
    snprintf(text, sizeof(text), "%lld", value);
    return add_field(ctx, name, text);
}
int RM_InfoAddFieldULongLong(RedisModuleInfoCtx *ctx, const char *name, unsigned long long value) {
    char text[64];
    snprintf(text, sizeof(text), "%llu", value);
    return add_field(ctx, name, text);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The text with NULs for line ends: each line is a string as long as this lives. */
struct RedisModuleServerInfoData {
    char *text;
    size_t len;
};

RedisModuleServerInfoData *RM_GetServerInfo(RedisModuleCtx *ctx, const char *section) {
    RedisModuleServerInfoData *data = keel_alloc(sizeof(*data));
    KeelStr name = keel_str(section ? section : "");
    char *text = keel_info_text(&name, section ? 1 : 0, &data->len);
    data->text = keel_strdup((KeelStr){text, data->len});
    keel_info_free(text);
    for (char *at = data->text; at < data->text + data->len; at++) {
        if (*at == '\r' || *at == '\n') *at = '\0';
    }
    if (ctx) rm_own(ctx, OWNED_INFO, data);
    return data;
}

void RM_FreeServerInfo(RedisModuleCtx *ctx, RedisModuleServerInfoData *data) {
    if (ctx) rm_disown(ctx, OWNED_INFO, data);
    keel_free(data->text);
    keel_free(data);
}

/* The field's value; ptr NULL: there is none. */
static KeelStr find(const RedisModuleServerInfoData *data, const char *field) {
    size_t wanted = strlen(field);
    for (const char *at = data->text, *end = at + data->len; at < end; at += strlen(at) + 1) {
        if (*at == '#' || strncmp(at, field, wanted) != 0 || at[wanted] != ':') continue;
        return keel_str(at + wanted + 1);
    }
    return (KeelStr){NULL, 0};
}

RedisModuleString *RM_ServerInfoGetField(RedisModuleCtx *ctx, RedisModuleServerInfoData *data,
                                         const char *field) {
    KeelStr value = find(data, field);
    return value.ptr ? rm_string_for(ctx, value.ptr, value.len) : NULL;
}

const char *RM_ServerInfoGetFieldC(RedisModuleServerInfoData *data, const char *field) {
    return find(data, field).ptr;
}

static int told(int *error, bool good) {
    if (error) *error = good ? REDISMODULE_OK : REDISMODULE_ERR;
    return good;
}

long long RM_ServerInfoGetFieldSigned(RedisModuleServerInfoData *data, const char *field,
                                      int *error) {
    KeelStr value = find(data, field);
    int64_t v = 0;
    return told(error, value.ptr && keel_parse_int(value, &v)) ? v : 0;
}

unsigned long long RM_ServerInfoGetFieldUnsigned(RedisModuleServerInfoData *data, const char *field,
                                                 int *error) {
    KeelStr value = find(data, field);
    uint64_t v = 0;
    return told(error, value.ptr && keel_parse_uint(value, &v)) ? v : 0;
}

double RM_ServerInfoGetFieldDouble(RedisModuleServerInfoData *data, const char *field, int *error) {
    KeelStr value = find(data, field);
    double v = 0;
    return told(error, value.ptr && keel_parse_double(value, &v)) ? v : 0;
}
