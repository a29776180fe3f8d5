/* stream.c - the stream of writes, kept once for all who read it.
 *
 * It is a chain of blocks. Each replica reads where it is; what lies before the first reader and is
 * more than `repl-backlog-size` old goes, block by block. So a replica that comes back soon finds
 * what it missed, one that lags costs nothing but the blocks that only it still needs, and three
 * replicas cost what one costs.
 *
 * Bytes may be staged: they are in the chain, but the history has not reached them, so nobody sees
 * them. A replica stages what its primary sends and reaches it as it is executed. */
#include "replication.h"

#include <string.h>

enum { BLOCK_MIN = 16 * 1024, BLOCK_MAX = 1024 * 1024, BLOCKS_PER_BACKLOG = 16 };

struct Block {
    Block *next, *prev;
    int64_t offset;          /* of its first byte */
    size_t used, room;
    size_t readers;          /* whose place is in it */
    char bytes[];
};

History history;

static Block *first, *last;  /* NULL: the stream is closed */
static Reader *readers;
static size_t memory;        /* of all blocks */
static int64_t uncounted;    /* of it, what keel_mem_uncount() was told */

/* ---- histories ----------------------------------------------------------------------------- */

static void random_id(char id[ID_LENGTH + 1]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[ID_LENGTH / 2];
    keel_random_bytes(bytes, sizeof(bytes));
    for (int i = 0; i < ID_LENGTH; i++) {
        id[i] = digits[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    }
    id[ID_LENGTH] = '\0';
}

void history_new(void) {
    random_id(history.id);
    memset(history.id2, '0', ID_LENGTH);
    history.id2[ID_LENGTH] = '\0';
    history.id2_offset = -1;
}

/* The first byte that is ours alone is the next one: whoever has all before it may go on. */
void history_fork(void) {
    memcpy(history.id2, history.id, sizeof(history.id2));
    history.id2_offset = history.offset + 1;
    random_id(history.id);
    keel_log(KEEL_LOG_NOTICE, "Setting secondary replication ID to %s, valid up to offset: %lld. "
             "New replication ID is %s", history.id2, (long long)history.id2_offset, history.id);
}

void history_resume(const char *id, int64_t offset) {
    memcpy(history.id2, id, sizeof(history.id2));
    history.id2_offset = offset + 1;
    history.offset += offset;
    for (Block *b = first; b; b = b->next) b->offset += offset;
    for (Reader *r = readers; r; r = r->next) r->offset += offset;
}

void history_adopt(const char *id, int64_t offset) {
    memcpy(history.id, id, ID_LENGTH);
    history.id[ID_LENGTH] = '\0';
    memset(history.id2, '0', ID_LENGTH);
    history.id2[ID_LENGTH] = '\0';
    history.id2_offset = -1;
    history.offset = offset;
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Data that goes makes the stream grow, so what is beyond the backlog is not data's fault. */
static void account(void) {
    int64_t over = memory > (size_t)backlog_size ? (int64_t)(memory - (size_t)backlog_size) : 0;
    if (over != uncounted) keel_mem_uncount(over - uncounted);
    uncounted = over;
}

static size_t block_size(size_t need) {
    size_t size = (size_t)backlog_size / BLOCKS_PER_BACKLOG;
    if (size < BLOCK_MIN) size = BLOCK_MIN;
    if (size > BLOCK_MAX) size = BLOCK_MAX;
    size_t whole = need + sizeof(Block);
    return whole > size && whole <= BLOCK_MAX ? whole : size;
}

static void block_add(int64_t offset, size_t need) {
    Block *b = keel_alloc(block_size(need));
    b->offset = offset;
    b->used = b->readers = 0;
    b->room = keel_mem_size(b) - sizeof(Block);
    b->next = NULL;
    b->prev = last;
    if (last) {
        last->next = b;
    } else {
        first = b;
    }
    last = b;
    memory += b->room + sizeof(Block);
    account();
}

static void block_free(Block *b) {
    memory -= b->room + sizeof(Block);
    keel_free(b);
}

static int64_t end_offset(void) {
    return last->offset + (int64_t)last->used;
}

/* Blocks that nobody reads go from the old end, as long as the backlog stays full without them; what
 * is staged does not fill it. */
static void trim(void) {
    while (first != last && !first->readers &&
           history.offset + 1 - first->next->offset >= backlog_size) {
        Block *b = first;
        first = b->next;
        first->prev = NULL;
        block_free(b);
    }
    account();
}

void stream_open(void) {
    if (!first) block_add(history.offset + 1, 0);
}

void stream_close(void) {
    while (readers) reader_stop(readers);
    for (Block *b = first, *next; b; b = next) {
        next = b->next;
        block_free(b);
    }
    first = last = NULL;
    account();
}

bool stream_is_open(void) {
    return first != NULL;
}

void stream_resize(void) {
    if (first) trim();
}

/* ---- writing ------------------------------------------------------------------------------- */

void stream_stage(const void *bytes, size_t len) {
    const char *from = bytes;
    if (!first) return;
    while (len) {
        if (last->used == last->room) {
            block_add(end_offset(), len);
            trim();
        }
        size_t part = last->room - last->used < len ? last->room - last->used : len;
        memcpy(last->bytes + last->used, from, part);
        last->used += part;
        from += part;
        len -= part;
    }
}

void stream_reach(int64_t offset) {
    KEEL_ASSERT(!first || offset < end_offset());
    history.offset = offset;
}

void stream_cut(void) {
    if (!first) return;
    while (last->offset > history.offset + 1) {
        Block *b = last;
        last = b->prev;
        last->next = NULL;
        block_free(b);
    }
    last->used = (size_t)(history.offset + 1 - last->offset);
    account();
}

void stream_write(const void *bytes, size_t len) {
    stream_stage(bytes, len);
    history.offset += (int64_t)len;
}

/* ---- reading ------------------------------------------------------------------------------- */

int64_t stream_first(void) {
    return first ? first->offset : 0;
}

size_t stream_length(void) {
    return first ? (size_t)(history.offset + 1 - first->offset) : 0;
}

size_t stream_memory(void) {
    return memory;
}

bool stream_covers(int64_t offset) {
    return first && offset >= first->offset && offset <= history.offset + 1;
}

/* The block is looked for from the new end, which is where readers mostly begin. */
void reader_start(Reader *r, int64_t offset) {
    KEEL_ASSERT(!r->block && stream_covers(offset));
    Block *b = last;
    while (b->offset > offset) b = b->prev;
    *r = (Reader){.block = b, .at = (size_t)(offset - b->offset), .offset = offset,
                  .next = readers};
    if (readers) readers->prev = r;
    readers = r;
    b->readers++;
}

void reader_stop(Reader *r) {
    if (!r->block) return;
    r->block->readers--;
    if (r->prev) r->prev->next = r->next; else readers = r->next;
    if (r->next) r->next->prev = r->prev;
    *r = (Reader){0};
    trim();
}

size_t reader_behind(const Reader *r) {
    return r->block ? (size_t)(history.offset + 1 - r->offset) : 0;
}

size_t reader_show(Reader *r, KeelStr *pieces, size_t room) {
    size_t n = 0, left = reader_behind(r), at = r->at;
    for (const Block *b = r->block; b && left && n < room; b = b->next, at = 0) {
        size_t len = b->used - at < left ? b->used - at : left;
        if (len) pieces[n++] = (KeelStr){b->bytes + at, len};
        left -= len;
    }
    return n;
}

void reader_advance(Reader *r, size_t bytes) {
    Block *b = r->block;
    r->offset += (int64_t)bytes;
    r->at += bytes;
    while (r->at >= b->used && b->next) {
        r->at -= b->used;
        b = b->next;
    }
    if (b == r->block) return;
    r->block->readers--;
    b->readers++;
    r->block = b;
    trim();
}
