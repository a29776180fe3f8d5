/* table.c - the table of entries: finding, growing, shrinking, chains, and what a scan guarantees. */
#include "check.h"
#include "hash.h"
#include "keyspace.h"
#include "mem.h"
#include <keel.h>

enum { KEYS = 40000 };

static Entry *entries[KEYS];
static unsigned char seen[KEYS];

static KeelStr name_of(int i, char room[32]) {
    return (KeelStr){room, (size_t)snprintf(room, 32, "key:%d", i)};
}

static uint64_t hash_of_key(int i) {
    char room[32];
    KeelStr name = name_of(i, room);
    return hash_bytes(name.ptr, name.len);
}

static void add(Table *t, int i) {
    char room[32];
    Entry *e = entry_new(name_of(i, room), KEEL_NO_EXPIRY, KEEL_FORM_INT, 8);
    int64_t v = i;
    memcpy(e->data + entry_value_offset(e), &v, 8);
    entries[i] = e;
    table_insert(t, hash_of_key(i), e);
}

static void drop(Table *t, int i) {
    uint64_t hash = hash_of_key(i);
    Place place = table_place_of(t, hash, entries[i]);
    table_remove(t, hash, place);
    entry_free(entries[i]);
    entries[i] = NULL;
}

/* Every entry is found where it should be, and nothing else is. */
static bool consistent(const Table *t) {
    uint64_t n = 0;
    for (int i = 0; i < KEYS; i++) {
        char room[32];
        Place place;
        Entry *e = table_find(t, hash_of_key(i), name_of(i, room), &place);
        if (e != entries[i]) return false;
        if (e && bucket_element(place.bucket, place.index) != e) return false;
        n += e != NULL;
    }
    return n == t->used;
}

static void mark(void *element, void *data) {
    Entry *e = element;
    (void)data;
    seen[entry_int(e)]++;
}

/* Walks the whole table; between the steps `meddle` does as it likes with the upper half of keys. */
static bool walk_sees_all(Table *t, void (*meddle)(Table *t, int step)) {
    memset(seen, 0, sizeof(seen));
    uint64_t cursor = 0;
    int step = 0;
    do {
        cursor = table_scan(t, cursor, mark, NULL);
        if (cursor >> 48) return false;
        if (meddle) meddle(t, step++);
    } while (cursor);
    for (int i = 0; i < KEYS / 2; i++) {
        if (entries[i] && !seen[i]) return false;
    }
    return true;
}

static void grow_meanwhile(Table *t, int step) {
    for (int i = KEYS / 2 + step * 20; i < KEYS / 2 + step * 20 + 20 && i < KEYS; i++) {
        if (!entries[i]) add(t, i);
    }
}

static void shrink_meanwhile(Table *t, int step) {
    for (int i = KEYS / 2 + step * 40; i < KEYS / 2 + step * 40 + 40 && i < KEYS; i++) {
        if (entries[i]) drop(t, i);
    }
    if (step % 3 == 0) table_maybe_shrink(t);
    if (step % 2 == 0) table_resize_step(t, 1);
}

/* A copy elsewhere in the entry's place. */
static void *elsewhere(void *element, void *data) {
    Entry *e = keel_move(element);
    (void)data;
    entries[entry_int(e)] = e;
    return e;
}

/* Moves all that a table has, step by step; between the steps `meddle` does as it likes. */
static bool moving_keeps_all(Table *t, void (*meddle)(Table *t, int step)) {
    KeelMoving moving = {.size = sizeof(moving), .every = true};
    Entry *before = entries[0];
    uint64_t cursor = 0;
    int step = 0;
    do {
        always(keel_move_begin(&moving), "a slice begins", "");
        cursor = table_move(t, cursor, elsewhere, NULL);
        keel_move_end();
        if (meddle) meddle(t, step++);
    } while (cursor);
    return consistent(t) && moving.stayed == 0 && (meddle || moving.moved >= t->used) &&
           entries[0] != before && keel_move(entries[0]) == entries[0];
}

int main(void) {
    Table t;
    mem_init();
    hash_init();
    table_init(&t, entry_hash);

    for (int i = 0; i < KEYS / 2; i++) add(&t, i);
    check(consistent(&t), "all are found while the table grows", "");
    check(walk_sees_all(&t, NULL), "a walk sees every key", "");
    check(moving_keeps_all(&t, NULL), "all are found after they moved", "");
    check(moving_keeps_all(&t, grow_meanwhile), "also when the table grows meanwhile", "");
    for (int i = KEYS / 2; i < KEYS; i++) {
        if (entries[i]) drop(&t, i);
    }
    check(walk_sees_all(&t, grow_meanwhile), "a walk sees what stays while the table grows", "");
    for (int i = 0; i < KEYS; i++) {
        if (!entries[i]) add(&t, i);
    }
    check(consistent(&t), "all are found after growth", "");

    for (int i = KEYS / 40; i < KEYS / 2; i++) drop(&t, i);
    check(consistent(&t), "all that stay are found after removals", "");
    check(walk_sees_all(&t, shrink_meanwhile), "a walk sees what stays while the table shrinks", "");
    for (int i = KEYS / 2; i < KEYS; i++) {
        if (entries[i]) drop(&t, i);
    }
    table_resize_step(&t, UINT64_MAX);
    uint8_t before = t.bits;
    table_maybe_shrink(&t);
    check(moving_keeps_all(&t, shrink_meanwhile), "and when it shrinks", "");
    check(walk_sees_all(&t, shrink_meanwhile), "a walk sees what stays in a nearly empty table", "");
    table_resize_step(&t, UINT64_MAX);
    check(t.bits < before || before <= 8, "a table that emptied shrinks", "");
    check(consistent(&t), "all are found after shrinking", "");

    /* While resizing is paused chains carry the load, and they go as it goes. */
    keel_resize_pause();
    uint8_t bits = t.bits;
    for (int i = 0; i < KEYS / 4; i++) {
        if (!entries[i]) add(&t, i);
    }
    check(t.used < (uint64_t)40 << t.bits || t.bits > bits, "a pause yields when chains grow long", "");
    check(consistent(&t), "all are found in long chains", "");
    check(walk_sees_all(&t, NULL), "a walk sees long chains", "");
    check(moving_keeps_all(&t, NULL), "long chains move", "");
    keel_resize_resume();
    for (int i = 0; i < KEYS; i++) {
        if (entries[i]) drop(&t, i);
    }
    table_resize_step(&t, UINT64_MAX);
    check(t.used == 0 && t.overflows == 0, "an empty table has no overflow buckets", "");

    table_reserve(&t, 100000);
    check(((uint64_t)8 << t.bits) >= 100000, "reserved room is there", "");
    for (int i = 0; i < 1000; i++) add(&t, i);
    check(consistent(&t), "a reserved table works", "");
    for (int i = 0; i < 1000; i++) drop(&t, i);
    table_release(&t);
    check(keel_self.memory.bytes == 0, "all memory is given back and accounted", "");
    return check_done();
}
