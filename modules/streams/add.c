/* add.c - XADD and XTRIM.
 *
 * What they leave to chance or to limits is settled here once: what is recorded has the id that was
 * made, and for a trim by whole nodes the exact length or id that came of it. */
#include "streams.h"

typedef struct AddOptions {
    Trim trim;
    int trim_at, id_at;    /* arguments: the threshold, the id */
    bool no_create;
    bool generated;        /* "*" */
    bool generated_seq;    /* "ms-*" */
    bool limited;          /* LIMIT was given */
    Id id;
} AddOptions;

static bool loading;

void streams_loading(KeelCtx *c, const void *data) {
    const KeelLoadingEvent *event = data;
    (void)c;
    loading = event->phase == KEEL_BEFORE && !event->aside;
}

/* A primary's command, or one of a file, was settled by whom it comes from. */
static bool settled(KeelCtx *c) {
    const KeelClient *client = keel_client(c);
    return loading || (client && keel_client_kind(client) == KEEL_CLIENT_PRIMARY);
}

static bool is_char(KeelStr s, char ch) {
    return s.len == 1 && *s.ptr == ch;
}

/* "MAXLEN" or "MINID" at *i, with more arguments behind it; *i is then the threshold. */
static bool parse_trim(KeelCtx *c, const KeelStr *argv, int argc, int *i, AddOptions *o) {
    bool by_length = keel_is(argv[*i], "maxlen");
    int64_t length;
    if (o->trim.by != TRIM_NONE) {
        keel_reply_error(c, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                         "compatible");
        return false;
    }
    ++*i;
    o->trim.approximate = *i + 1 < argc && is_char(argv[*i], '~');
    if (o->trim.approximate || (*i + 1 < argc && is_char(argv[*i], '='))) ++*i;
    o->trim_at = *i;
    if (!by_length) {
        o->trim.by = TRIM_ID;
        return id_strict_argument(c, argv[*i], &o->trim.id);
    }
    o->trim.by = TRIM_LENGTH;
    if (!keel_arg_int(c, argv[*i], &length)) return false;
    o->trim.length = (uint64_t)length;
    if (length >= 0) return true;
    keel_reply_error(c, "ERR The MAXLEN argument must be >= 0.");
    return false;
}

static bool parse_limit(KeelCtx *c, KeelStr text, AddOptions *o) {
    o->limited = true;
    if (!keel_arg_int(c, text, &o->trim.limit)) return false;
    if (o->trim.limit >= 0) return true;
    keel_reply_error(c, "ERR The LIMIT argument must be >= 0.");
    return false;
}

/* Without a limit of its own, a trim by whole nodes goes through 100 of them. */
static bool settle_limit(KeelCtx *c, AddOptions *o) {
    if (!o->limited && !o->trim.approximate) return true;
    if (settled(c)) {
        o->trim.limit = 0;
        return true;
    }
    if (o->limited) {
        if (o->trim.approximate) return true;
        keel_reply_error(c, "ERR syntax error, LIMIT cannot be used without the special ~ option");
        return false;
    }
    if (node_max_entries <= 0) {
        o->trim.limit = 10000;
    } else {
        o->trim.limit = node_max_entries < 10000 ? node_max_entries * 100 : 1000000;
    }
    return true;
}

static bool parse_id(KeelCtx *c, KeelStr text, AddOptions *o) {
    if (is_char(text, '*')) {
        o->generated = true;
        return true;
    }
    if (id_parse(text, 0, true, &o->generated_seq, &o->id)) return true;
    keel_reply_error(c, "ERR Invalid stream ID specified as stream command argument");
    return false;
}

/* Options, up to the id of XADD or to the end of XTRIM. */
static bool parse_options(KeelCtx *c, const KeelStr *argv, int argc, bool xadd, AddOptions *o) {
    int i = 2;
    for (; i < argc; i++) {
        bool more = i + 1 < argc;
        KeelStr word = argv[i];
        if (xadd && is_char(word, '*')) break;
        if (more && (keel_is(word, "maxlen") || keel_is(word, "minid"))) {
            if (!parse_trim(c, argv, argc, &i, o)) return false;
        } else if (more && keel_is(word, "limit")) {
            if (!parse_limit(c, argv[++i], o)) return false;
        } else if (xadd && keel_is(word, "nomkstream")) {
            o->no_create = true;
        } else if (xadd) {
            break;
        } else {
            keel_reply_syntax(c);
            return false;
        }
    }
    o->id_at = i;
    if (xadd && i < argc && !parse_id(c, argv[i], o)) return false;
    if (o->trim.limit && o->trim.by == TRIM_NONE) {
        keel_reply_error(c, "ERR syntax error, LIMIT cannot be used without specifying a trimming "
                         "strategy");
        return false;
    }
    if (!xadd && o->trim.by == TRIM_NONE) {
        keel_reply_error(c, "ERR syntax error, XTRIM must be called with a trimming strategy");
        return false;
    }
    return settle_limit(c, o);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Writes the command with the words that were settled: the id `made`, and the threshold. */
static void record(KeelCtx *c, const KeelStr *argv, int argc, const AddOptions *o, Stream *s,
                   const Id *made) {
    KeelStr own[32], *words = own;
    char id[KEEL_STREAM_ID_ROOM], threshold[KEEL_STREAM_ID_ROOM];
    if (!keel_journal_wanted(c)) return;
    if (argc > 32) words = keel_alloc(sizeof(*words) * (size_t)argc);
    memcpy(words, argv, sizeof(*words) * (size_t)argc);
    if (made) words[o->id_at] = (KeelStr){id, id_format(id, *made)};
    if (o->trim.approximate) {
        size_t len = o->trim.by == TRIM_LENGTH
                         ? keel_format_int(threshold, (int64_t)s->length)
                         : id_format(threshold, stream_first(s, true));
        words[o->trim_at - 1] = KEEL_LIT("=");
        words[o->trim_at] = (KeelStr){threshold, len};
    }
    keel_journal_instead(c, words, argc);
    if (words != own) keel_free(words);
}

/* ---- XADD ------------------------------------------------------------------------------------ */

/* The id for the new entry. False: an error was replied. */
static bool make_id(KeelCtx *c, const Stream *s, AddOptions *o) {
    Id last = s ? s->last : ID_MIN;
    if (last.ms == UINT64_MAX && last.seq == UINT64_MAX) {
        keel_reply_error(c, "ERR The stream has exhausted the last possible ID, unable to add more "
                         "items");
        return false;
    }
    if (o->generated) {
        o->id = id_next(last);
        return true;
    }
    if (o->generated_seq && o->id.ms == last.ms) {
        if (last.seq != UINT64_MAX) o->id.seq = last.seq + 1;
    }
    if (id_compare(o->id, last) > 0) return true;
    keel_reply_error(c, "ERR The ID specified in XADD is equal or smaller than the target stream "
                     "top item");
    return false;
}

static void trim_and_tell(KeelKey *key, Stream *s, const AddOptions *o) {
    if (stream_trim(s, &o->trim)) keel_key_notify(key, KEEL_NOTIFY_STREAM, "xtrim");
}

void streams_xadd(KeelCtx *c, const KeelStr *argv, int argc) {
    AddOptions o = {0};
    KeelKey key;
    if (!parse_options(c, argv, argc, true, &o)) return;
    const KeelStr *fields = argv + o.id_at + 1;
    int words = argc - o.id_at - 1;
    if (words < 2 || words % 2) {
        keel_reply_arity(c);
        return;
    }
    if (!o.generated && !o.generated_seq && id_is_zero(o.id)) {
        keel_reply_error(c, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    bool there = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!stream_operations.check(c, &key)) return;
    if (!there && o.no_create) {
        keel_reply_null(c);
        return;
    }
    Stream *s = there ? keel_key_value(&key) : NULL;
    if (!make_id(c, s, &o)) return;
    if (!there) s = stream_new();
    const char *reason;
    if (!stream_append(s, o.id, fields, (size_t)words / 2, &reason)) {
        if (!there) stream_free(s);
        keel_reply_error(c, reason);
        return;
    }
    if (!there) keel_key_set_value(&key, &streams_type, s, KEEL_NO_EXPIRY);
    id_reply(c, o.id);
    keel_key_changed(&key, KEEL_NOTIFY_STREAM, "xadd");
    if (o.trim.by != TRIM_NONE) trim_and_tell(&key, s, &o);
    bool made = o.generated || o.generated_seq;
    if (made || o.trim.approximate) record(c, argv, argc, &o, s, made ? &o.id : NULL);
    keel_key_ready(c, keel_db(c), argv[1]);
}

/* ---- XTRIM ----------------------------------------------------------------------------------- */

void streams_xtrim(KeelCtx *c, const KeelStr *argv, int argc) {
    AddOptions o = {0};
    KeelKey key;
    if (!parse_options(c, argv, argc, false, &o)) return;
    bool there = keel_key_open(c, argv[1], KEEL_KEY_WRITE, &key);
    if (!stream_operations.check(c, &key)) return;
    uint64_t removed = 0;
    if (there) {
        Stream *s = keel_key_value(&key);
        removed = stream_trim(s, &o.trim);
        if (removed) {
            if (o.trim.approximate) record(c, argv, argc, &o, s, NULL);
            keel_key_changed(&key, KEEL_NOTIFY_STREAM, "xtrim");
            if (removed > 1) keel_dirty_add(c, removed - 1);
        }
    }
    keel_reply_int(c, (int64_t)removed);
}
