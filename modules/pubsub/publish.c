/* publish.c - one message to all who listen.
 *
 * The message is put together once, in the form in which it is sent: only the first byte depends on
 * the protocol. The host then copies it to each output. For a pattern the pattern's name is written
 * in front of the part that all patterns share, into room left for it. */
#include "pubsub.h"

#include <string.h>

enum { HEADER_ROOM = 32, KEPT = 64 * 1024 };

/* `lead` bytes for a pattern's name, then channel and message. */
static char *scratch;
static size_t scratch_room;

static char *put_bulk(char *p, KeelStr s) {
    *p++ = '$';
    p += keel_format_int(p, (int64_t)s.len);
    *p++ = '\r';
    *p++ = '\n';
    memcpy(p, s.ptr, s.len);
    p += s.len;
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static KeelStr body_build(KeelStr channel, KeelStr message, size_t lead) {
    size_t need = lead + channel.len + message.len + 2 * HEADER_ROOM;
    if (scratch_room < need) {
        keel_free(scratch);
        scratch_room = need < 1024 ? 1024 : need;
        scratch = keel_alloc(scratch_room);
    }
    char *end = put_bulk(put_bulk(scratch + lead, channel), message);
    return (KeelStr){scratch + lead, (size_t)(end - scratch) - lead};
}

/* The body with the pattern's name in front, within the lead. */
static KeelStr body_with(KeelStr body, KeelStr pattern) {
    char header[HEADER_ROOM];
    size_t n = 1 + keel_format_int(header + 1, (int64_t)pattern.len);
    header[0] = '$';
    header[n++] = '\r';
    header[n++] = '\n';
    char *at = scratch + (body.ptr - scratch) - n - pattern.len - 2, *p = at;
    memcpy(p, header, n);
    memcpy(p + n, pattern.ptr, pattern.len);
    memcpy(p + n + pattern.len, "\r\n", 2);
    return (KeelStr){at, body.len + (size_t)(body.ptr - at)};
}

/* Most patterns are a literal and a star, or do not even begin like the channel. */
static bool matches(const Topic *pattern, KeelStr channel) {
    size_t n = pattern->literal;
    if (n > channel.len || memcmp(pattern->name.ptr, channel.ptr, n) != 0) return false;
    KeelStr rest = {pattern->name.ptr + n, pattern->name.len - n};
    if (!rest.len) return n == channel.len;
    if (rest.len == 1 && rest.ptr[0] == '*' && channel.len) return true;
    return keel_match(pattern->name, channel, false);
}

/* What the walk will look at soon. */
static void fetch_ahead(const Topics *patterns, size_t i) {
    if (i + 12 < patterns->count) {
        const char *topic = (const char *)patterns->all[i + 12];
        __builtin_prefetch(topic);
        __builtin_prefetch(topic + 64);
    }
    if (i + 6 < patterns->count) {
        const char *client = (const char *)patterns->all[i + 6]->clients[0];
        __builtin_prefetch(client);
        __builtin_prefetch(client + 64);
        __builtin_prefetch(client + 128);
    }
}

static size_t publish_patterns(KeelStr channel, KeelStr message) {
    const Topics *patterns = &topics[PATTERN];
    size_t sent = 0, lead = 0;
    KeelStr body = {0};
    for (size_t i = 0; i < patterns->count; i++) {
        const Topic *t = patterns->all[i];
        fetch_ahead(patterns, i);
        if (!matches(t, channel)) continue;
        if (!body.ptr || t->name.len + HEADER_ROOM > lead) {
            lead = 2 * t->name.len + 128;
            body = body_build(channel, message, lead);
        }
        sent += keel_push_raw(t->clients, t->count, KEEL_LIT("*4\r\n$8\r\npmessage\r\n"),
                              KEEL_LIT(">4\r\n$8\r\npmessage\r\n"), body_with(body, t->name));
    }
    return sent;
}

size_t publish(KeelStr channel, KeelStr message, bool shard) {
    const Topic *t = topic_find(shard ? SHARD : CHANNEL, channel);
    size_t sent = 0;
    if (t && shard) {
        sent = keel_push_raw(t->clients, t->count, KEEL_LIT("*3\r\n$8\r\nsmessage\r\n"),
                             KEEL_LIT(">3\r\n$8\r\nsmessage\r\n"),
                             body_build(channel, message, 0));
    } else if (t) {
        sent = keel_push_raw(t->clients, t->count, KEEL_LIT("*3\r\n$7\r\nmessage\r\n"),
                             KEEL_LIT(">3\r\n$7\r\nmessage\r\n"),
                             body_build(channel, message, 0));
    }
    if (!shard && topics[PATTERN].count) sent += publish_patterns(channel, message);
    if (scratch_room > KEPT) publish_free(); /* one large message is no reason to keep its memory */
    return sent;
}

void publish_free(void) {
    keel_free(scratch);
    scratch = NULL;
    scratch_room = 0;
}
