/* client_list.c - CLIENT LIST, INFO and KILL: connections described and chosen. */
#include "connection.h"

#include <inttypes.h>
#include <keel/pubsub.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- one line per connection --------------------------------------------------------------- */

/* A text that grows: as many lines as there are connections. */
typedef struct Text {
    char *bytes;
    size_t len, room;
} Text;

static void KEEL_PRINTF(2, 3) text_add(Text *text, const char *format, ...) {
    va_list args;
    for (;;) {
        va_start(args, format);
        int n = vsnprintf(text->bytes + text->len, text->room - text->len, format, args);
        va_end(args);
        if (n < 0) return;
        if ((size_t)n < text->room - text->len) {
            text->len += (size_t)n;
            return;
        }
        text->room = (text->room + (size_t)n + 1) * 2;
        text->bytes = keel_realloc(text->bytes, text->room);
    }
}

/* Redis's letters in Redis's order; N stands for none. */
static void flag_letters(const KeelClientInfo *info, char out[20]) {
    static const struct {
        uint32_t flag;
        char letter;
    } letters[] = {
        {KEEL_CF_PUBSUB, 'P'},   {KEEL_CF_IN_MULTI, 'x'},  {KEEL_CF_BLOCKED | KEEL_CF_HELD, 'b'},
        {KEEL_CF_TRACKING, 't'}, {KEEL_CF_DIRTY_CAS, 'd'}, {KEEL_CF_CLOSING, 'c'},
        {KEEL_CF_UNIX, 'U'},     {KEEL_CF_READONLY, 'r'},  {KEEL_CF_NO_EVICT, 'e'},
        {KEEL_CF_NO_TOUCH, 'T'},
    };
    char *p = out;
    if (info->kind == KEEL_CLIENT_REPLICA || info->flags & KEEL_CF_MONITOR) {
        *p++ = info->flags & KEEL_CF_MONITOR ? 'O' : 'S';
    }
    if (info->kind == KEEL_CLIENT_PRIMARY) *p++ = 'M';
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (info->flags & letters[i].flag) *p++ = letters[i].letter;
    }
    if (p == out) *p++ = 'N';
    *p = '\0';
}

/* Subscriptions, transactions and tracking are other modules' matters: what they say of the client,
 * or `none` while there is no such module. */
static int64_t column(KeelClient *client, const char *interface, int64_t none) {
    const KeelClientColumn *from = keel_interface(interface, 100);
    return from ? from->value(client) : none;
}

static void text_client(Text *text, KeelClient *client) {
    KeelClientInfo info = {.size = sizeof(info)};
    char flags[20];
    keel_client_info(client, &info);
    flag_letters(&info, flags);
    int64_t now = keel_now_ms();
    text_add(text, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRId64 " idle=%" PRId64
                   " flags=%s db=%d",
             info.id, info.addr, info.laddr, info.fd, info.name, (now - info.created_ms) / 1000,
             (now - info.last_ms) / 1000, flags, info.db);
    text_add(text, " sub=%" PRId64 " psub=%" PRId64 " ssub=%" PRId64 " multi=%" PRId64,
             column(client, "client.sub", 0), column(client, "client.psub", 0),
             column(client, "client.ssub", 0), column(client, "client.multi", -1));
    text_add(text, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%" PRId64 " rbs=%zu rbp=%zu "
                   "obl=%zu oll=%zu omem=%zu tot-mem=%zu",
             info.query_len, info.query_free, info.args_len,
             column(client, "client.multi-mem", 0), info.reply_len, info.reply_len, info.reply_len,
             info.reply_chunks, info.reply_bytes, info.memory);
    text_add(text, " events=%s cmd=%s user=%s redir=%" PRId64 " resp=%d lib-name=%s lib-ver=%s\n",
             info.reply_chunks ? "rw" : "r", info.command,
             info.kind == KEEL_CLIENT_PRIMARY ? "(superuser)" : info.user,
             column(client, "client.redir", -1), info.protocol, info.lib_name, info.lib_ver);
}

static void text_reply(KeelCtx *c, Text *text) {
    keel_reply_verbatim(c, "txt", (KeelStr){text->bytes, text->len});
    keel_free(text->bytes);
}

static Text text_new(size_t room) {
    return (Text){.bytes = keel_alloc(room), .room = room};
}

void client_info(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argv, (void)argc;
    Text text = text_new(512);
    text_client(&text, keel_client(c));
    text_reply(c, &text);
}

/* --- filters --------------------------------------------------------------------------------- */

/* What a connection must be; NULL pointers, 0 and -1 ask nothing. */
typedef struct Filter {
    const char *addr, *laddr;
    KeelStr user;
    uint64_t id;
    int kind;
    KeelClient *spare;
    Text *text;
    KeelClient *self;
    bool self_hit;
    int64_t count;
} Filter;

static bool filter_fits(const Filter *filter, const KeelClient *client) {
    KeelClientInfo info = {.size = sizeof(info)};
    if (client == filter->spare) return false;
    keel_client_info(client, &info);
    if (filter->addr && strcmp(filter->addr, info.addr) != 0) return false;
    if (filter->laddr && strcmp(filter->laddr, info.laddr) != 0) return false;
    if (filter->kind >= 0 && (int)info.kind != filter->kind) return false;
    if (filter->id && filter->id != info.id) return false;
    return !filter->user.ptr || keel_equal(filter->user, keel_str(info.user));
}

static void reply_unknown_kind(KeelCtx *c, KeelStr kind) {
    keel_reply_errorf(c, "ERR Unknown client type '%s'", kind.ptr);
}

/* --- LIST ------------------------------------------------------------------------------------ */

static bool list_each(KeelClient *client, void *data) {
    Filter *filter = data;
    if (filter_fits(filter, client)) text_client(filter->text, client);
    return true;
}

/* LIST ID id ...: in the order asked for. False: an error was replied. */
static bool list_ids(KeelCtx *c, const KeelStr *argv, int argc, Text *text) {
    for (int i = 3; i < argc; i++) {
        int64_t id;
        if (!keel_parse_int(argv[i], &id)) {
            keel_reply_error(c, "ERR Invalid client ID");
            return false;
        }
        KeelClient *client = id > 0 ? keel_client_by_id((uint64_t)id) : NULL;
        if (client) text_client(text, client);
    }
    return true;
}

/* One filter at a time, as in Redis: TYPE and ID do not combine. */
void client_list(KeelCtx *c, const KeelStr *argv, int argc) {
    Text text = text_new(4096);
    Filter filter = {.kind = -1, .text = &text};
    if (argc > 3 && keel_is(argv[2], "id")) {
        if (!list_ids(c, argv, argc, &text)) goto out;
    } else if (argc == 2 || (argc == 4 && keel_is(argv[2], "type"))) {
        if (argc == 4 && (filter.kind = client_kind_by_name(argv[3])) < 0) {
            reply_unknown_kind(c, argv[3]);
            goto out;
        }
        keel_client_each(list_each, &filter);
    } else {
        keel_reply_syntax(c);
        goto out;
    }
    text_reply(c, &text);
    return;
out:
    keel_free(text.bytes);
}

/* --- KILL ------------------------------------------------------------------------------------ */

static bool kill_each(KeelClient *client, void *data) {
    Filter *filter = data;
    if (!filter_fits(filter, client)) return true;
    filter->count++;
    /* The caller still is to be told. */
    keel_client_close(client, client == filter->self);
    return true;
}

/* One "OPTION value". False: an error was replied. */
static bool kill_option(KeelCtx *c, KeelStr option, KeelStr value, Filter *filter) {
    int64_t id;
    if (keel_is(option, "id")) {
        if (!keel_parse_int(value, &id) || id < 1) {
            keel_reply_error(c, "ERR client-id should be greater than 0");
            return false;
        }
        filter->id = (uint64_t)id;
    } else if (keel_is(option, "type")) {
        filter->kind = client_kind_by_name(value);
        if (filter->kind < 0) {
            reply_unknown_kind(c, value);
            return false;
        }
    } else if (keel_is(option, "addr")) {
        filter->addr = value.ptr;
    } else if (keel_is(option, "laddr")) {
        filter->laddr = value.ptr;
    } else if (keel_is(option, "user")) {
        if (!keel_equal(value, KEEL_LIT("default"))) {
            keel_reply_errorf(c, "ERR No such user '%s'", value.ptr);
            return false;
        }
        filter->user = value;
    } else if (keel_is(option, "skipme") && (keel_is(value, "yes") || keel_is(value, "no"))) {
        filter->spare = keel_is(value, "yes") ? keel_client(c) : NULL;
    } else {
        keel_reply_syntax(c);
        return false;
    }
    return true;
}

/* The old form, KILL addr, hits the caller too and answers OK or an error; the new one, KILL option
 * value ..., spares the caller unless told otherwise and answers how many it hit. A connection that
 * is killed goes at the turn's end, so the walk is safe. */
void client_kill(KeelCtx *c, const KeelStr *argv, int argc) {
    Filter filter = {.kind = -1, .self = keel_client(c)};
    if (argc == 3) {
        filter.addr = argv[2].ptr;
    } else {
        filter.spare = filter.self;
        for (int i = 2; i < argc; i += 2) {
            if (i + 1 == argc) {
                keel_reply_syntax(c);
                return;
            }
            if (!kill_option(c, argv[i], argv[i + 1], &filter)) return;
        }
    }
    keel_client_each(kill_each, &filter);
    if (argc > 3) keel_reply_int(c, filter.count);
    else if (filter.count) keel_reply_ok(c);
    else keel_reply_error(c, "ERR No such client");
}
