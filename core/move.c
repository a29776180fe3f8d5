/* move.c - moving blocks to denser places. See keel/move.h.
 *
 * jemalloc tells of a block's slab how many of its places are free, and of all slabs of that size
 * how many there are and how full. A block moves when its slab is less full than the average, or
 * hardly fuller: then the copy, which goes to the slab that is being filled, lies better, and
 * sparse slabs run empty. Both copying and freeing pass by the thread's cache of blocks, which
 * would give the freed place to the next copy. */
#include "move.h"

#include "config.h"
#include "client.h"
#include "keyspace.h"
#include "mem.h"
#include "net.h"

#include <keel/log.h>
#include <keel/loop.h>

KeelMoving *moving;

/* ---- blocks ---------------------------------------------------------------------------------- */

#ifdef HAVE_JEMALLOC
/* What "experimental.utilization.query" fills in. */
typedef struct Slab {
    void *filling;          /* the slab that new blocks of this size go to */
    size_t places_free, places, bytes;
    size_t all_free, all;   /* places of all slabs of this size */
} Slab;

static size_t query[3]; /* the numbers behind that name */
static enum { UNKNOWN, CANNOT, CAN } ability;

static bool look(void *block, Slab *slab) {
    size_t len = sizeof(*slab);
    return mallctlbymib(query, 3, slab, &len, &block, sizeof(block)) == 0 && len == sizeof(*slab);
}

/* The query is there in jemalloc 5.2 and later; averages need statistics compiled in. */
static bool find_query(void) {
    size_t parts = 3, len = sizeof(bool);
    bool statistics = false;
    Slab slab;
    void *block = malloc(64);
    bool found = block && mallctl("config.stats", &statistics, &len, NULL, 0) == 0 && statistics &&
                 mallctlnametomib("experimental.utilization.query", query, &parts) == 0 &&
                 parts == 3 && look(block, &slab) && slab.places > 1 && slab.all >= slab.places;
    free(block);
    return found;
}

bool keel_can_move(void) {
    if (ability == UNKNOWN) ability = find_query() ? CAN : CANNOT;
    return ability == CAN;
}

/* Blocks that are not in slabs are pages of their own: such have one place, and it is taken. */
static bool lies_badly(void *block) {
    Slab slab;
    if (!look(block, &slab) || slab.places_free == 0) return false;
    uintptr_t offset = (uintptr_t)block - (uintptr_t)slab.filling;
    if (offset < slab.bytes) return false;
    size_t slabs = slab.all / slab.places, taken = slab.all - slab.all_free;
    return slabs > 1 && (slab.places - slab.places_free) * slabs <= taken + taken / 8;
}

static void *copy_block(void *block, size_t size, size_t alignment) {
    void *copy = mallocx(size, (alignment ? MALLOCX_ALIGN(alignment) : 0) | MALLOCX_TCACHE_NONE);
    if (!copy) return NULL;
    memcpy(copy, block, size);
    sdallocx(block, size, MALLOCX_TCACHE_NONE);
    return copy;
}
#else
bool keel_can_move(void) {
    return false;
}

static bool lies_badly(void *block) {
    (void)block;
    return false;
}

static void *copy_block(void *block, size_t size, size_t alignment) {
    void *copy = alignment ? aligned_alloc(alignment, size) : malloc(size);
    if (!copy) return NULL;
    memcpy(copy, block, size);
    free(block);
    return copy;
}
#endif

/* Where there is no memory for a copy, all stays as it is. */
void *keel_mem_move(KeelMemory *account, void *block) {
    if (!moving) return block;
    void *copy = NULL;
    if (moving->every || lies_badly(block)) {
        size_t size = keel_mem_size(block);
        copy = copy_block(block, size, 0);
        if (copy) mem_account(account, (int64_t)keel_mem_size(copy) - (int64_t)size, 0);
    }
    if (!copy) {
        moving->stayed++;
        return block;
    }
    moving->moved++;
    return copy;
}

void *keel_mem_move_aligned(void *block, size_t alignment) {
    if (!moving) return block;
    void *copy = NULL;
    if (moving->every || lies_badly(block)) {
        size_t size = keel_mem_size(block) / alignment * alignment; /* as it was asked for */
        copy = copy_block(block, size, alignment);
    }
    if (!copy) {
        moving->stayed++;
        return block;
    }
    moving->moved++;
    return copy;
}

/* ---- slices ---------------------------------------------------------------------------------- */

bool keel_move_begin(KeelMoving *slice) {
    KEEL_ASSERT(mem_loop_thread && !moving && slice->size >= sizeof(*slice));
    if (!slice->every && !keel_can_move()) return false;
    if (config_loading || net_executing() || keel_fork_active()) return false;
    moving = slice;
    return true;
}

void keel_move_end(void) {
    KEEL_ASSERT(moving);
    moving = NULL;
}

bool keel_move_over(void) {
    return !moving || keel_monotonic_ns() >= moving->until_ns;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void set_pointer(Entry *e, void *ptr) {
    memcpy(e->data + entry_value_offset(e), &ptr, 8);
}

/* A buffer that a waiting client's argument shows stays. */
static void move_value(Db *db, Entry *e) {
    if (entry_form(e) == KEEL_FORM_BUFFER) {
        Buffer *b = entry_pointer(e);
        if (!client_shows_buffer(b)) set_pointer(e, keel_move(b));
    } else if (entry_form(e) == KEEL_FORM_VALUE && types[e->type].type.defragment) {
        const KeelType *type = &types[e->type].type;
        KeelValue v;
        entry_view(e, db->id, &v);
        if (type->free_effort && moving->later && type->free_effort(&v) > moving->large) {
            moving->later(db->id, v.name, moving->data);
        } else {
            set_pointer(e, type->defragment(&v, NULL));
        }
    }
}

static void *move_entry(void *element, void *data) {
    Entry *e = element;
    Db *db = data;
    uint64_t before = moving->moved;
    move_value(db, e);
    Entry *now = keel_move(e);
    if (now != e && now->bits & ENTRY_EXPIRES) {
        Place place = table_place_of(&db->expiring, entry_hash(now), e);
        table_replace(&db->expiring, place, now);
    }
    if (moving->moved > before) {
        moving->keys_moved++;
    } else {
        moving->keys_stayed++;
    }
    return now;
}

/* The table of expiring keys has the same entries: of it only buckets are left to move. Its cursors
 * are those with EXPIRING, as a table's own have 48 bits. */
#define EXPIRING ((uint64_t)1 << 63)

uint64_t keel_db_defragment(int id, uint64_t cursor) {
    KEEL_ASSERT(moving && id >= 0 && id < db_count);
    Db *db = &dbs[id];
    do {
        if (!(cursor & EXPIRING)) {
            cursor = table_move(&db->keys, cursor, move_entry, db);
            if (!cursor) cursor = EXPIRING;
        } else {
            cursor = table_move(&db->expiring, cursor & ~EXPIRING, NULL, NULL);
            if (!cursor) return 0;
            cursor |= EXPIRING;
        }
    } while (!keel_move_over());
    return cursor;
}

void keel_key_defragment(KeelKey *key, uint64_t *cursor) {
    KEEL_ASSERT(moving);
    KeelValue v;
    keel_key_view(key, &v);
    if (v.type->bytes || !v.type->defragment) {
        *cursor = 0;
        return;
    }
    keel_key_value_moved(key, v.type->defragment(&v, cursor));
}
