/* pack.c - a listpack with free space on both sides of it.
 *
 * Lists are pushed and popped at their ends. A listpack alone makes the front dear: its header and
 * all elements would move by a few bytes each time. Here the listpack lies somewhere inside its
 * block, and its six bytes of header move with its first element.
 *
 * Growth goes to the end where it is needed. When a block has room, but at the other end, the pack
 * slides over: that costs its length, and happens only once at least an eighth of it is free (or
 * the block may not grow), so a queue costs a few moved bytes for each that is pushed. */
#include <ds/host.h>
#include <string.h>

#include "lists.h"

/* While there is no block there is no room, wherever. */
static inline size_t behind(const Pack *p) {
    return p->lp ? (size_t)p->room - p->before - p->bytes : 0;
}

void pack_release(Pack *p) {
    if (p->lp) ds_free(p->lp - p->before);
    *p = PACK_EMPTY;
}

static void set_header(Pack *p) {
    lp_set_header(p->lp, p->bytes, p->count);
}

/* Puts the pack into a block of `room` bytes, `before` of them in front of it. */
static void move_to(Pack *p, size_t room, size_t before) {
    uint8_t *block = p->lp ? p->lp - p->before : NULL;
    if (block && p->before == 0 && before == 0) {
        block = ds_realloc(block, room);
    } else {
        uint8_t *fresh = ds_alloc(room);
        if (block) memcpy(fresh + before, p->lp, p->bytes);
        ds_free(block);
        if (!block) fresh[before + LP_HEADER_BYTES] = LP_END;
        block = fresh;
    }
    p->lp = block + before;
    p->before = (uint32_t)before;
    p->room = (uint32_t)room;
}

/* Makes at least `cost` bytes free at one end. */
static __attribute__((noinline)) void make_room(Pack *p, size_t cost, bool front, size_t want) {
    size_t need = p->bytes + cost, unused = (size_t)p->room - p->bytes;
    bool fits = p->lp && need <= p->room;
    if (fits && (unused >= p->bytes / 8 || (want && p->room >= want))) {
        size_t before = front ? unused : 0;
        uint8_t *to = p->lp - p->before + before;
        memmove(to, p->lp, p->bytes);
        p->lp = to;
        p->before = (uint32_t)before;
        return;
    }
    if (fits) need = (size_t)p->room + 1; /* the next class: sliding would come too often */
    size_t room = ds_class(want > need ? want : need);
    move_to(p, room, front ? room - p->bytes : 0);
}

/* Where an element of `cost` bytes goes at an end, with all but the element done. */
static inline uint8_t *push_place(Pack *p, size_t cost, bool front, size_t want) {
    uint8_t *at;
    if (front) {
        if (__builtin_expect(p->before < cost, 0)) make_room(p, cost, true, want);
        p->before -= (uint32_t)cost;
        p->lp -= cost;
        at = p->lp + LP_HEADER_BYTES;
    } else {
        if (__builtin_expect(behind(p) < cost, 0)) make_room(p, cost, false, want);
        at = p->lp + p->bytes - 1;
        at[cost] = LP_END;
    }
    p->bytes += (uint32_t)cost;
    p->count++;
    set_header(p);
    return at;
}

void pack_push(Pack *p, KeelStr s, bool front, size_t want) {
    if (lp_is_short(s)) {
        lp_write_short(push_place(p, s.len + 2, front, want), s);
        return;
    }
    LpItem item;
    lp_encode(&item, s);
    lp_write(push_place(p, item.bytes, front, want), &item);
}

void pack_drop(Pack *p, uint8_t *at, bool front) {
    if (front) {
        size_t cost = lp_element_bytes(at);
        p->lp += cost;
        p->before += (uint32_t)cost;
        p->bytes -= (uint32_t)cost;
    } else {
        *at = LP_END;
        p->bytes = (uint32_t)(at - p->lp) + 1;
    }
    p->count--;
    set_header(p);
}

/* Replaces `old` bytes at `offset` by room for `fresh` ones, and returns where that is. What is
 * removed is closed from the shorter side. Header and new bytes are the caller's to write. */
static uint8_t *splice(Pack *p, size_t offset, size_t old, size_t fresh) {
    if (fresh > old && behind(p) < fresh - old) make_room(p, fresh - old, false, 0);
    size_t tail = p->bytes - offset - old;
    if (fresh < old && offset < tail) {
        size_t gone = old - fresh;
        memmove(p->lp + gone, p->lp, offset);
        p->lp += gone;
        p->before += (uint32_t)gone;
    } else if (fresh != old) {
        memmove(p->lp + offset + fresh, p->lp + offset + old, tail);
    }
    p->bytes = (uint32_t)(p->bytes - old + fresh);
    return p->lp + offset;
}

void pack_insert(Pack *p, uint8_t *at, const LpItem *item, bool after) {
    size_t offset = (size_t)(at - p->lp) + (after ? lp_element_bytes(at) : 0);
    lp_write(splice(p, offset, 0, item->bytes), item);
    p->count++;
    set_header(p);
}

void pack_replace(Pack *p, uint8_t *at, const LpItem *item) {
    size_t offset = (size_t)(at - p->lp);
    lp_write(splice(p, offset, lp_element_bytes(at), item->bytes), item);
    set_header(p);
}

void pack_delete(Pack *p, uint8_t *at, size_t n) {
    const uint8_t *end = at;
    size_t deleted = 0;
    for (; deleted < n && *end != LP_END; deleted++) end += lp_element_bytes(end);
    splice(p, (size_t)(at - p->lp), (size_t)(end - at), 0);
    p->count -= (uint32_t)deleted;
    set_header(p);
}

void pack_settle(Pack *p, bool tight) {
    if (!p->lp || (!tight && (p->room <= 128 || p->bytes >= p->room / 4))) return;
    size_t room = ds_class(tight ? p->bytes : 2 * (size_t)p->bytes);
    if (room >= p->room) return;
    if (p->before) memmove(p->lp - p->before, p->lp, p->bytes);
    p->lp -= p->before;
    p->before = 0;
    move_to(p, room, 0);
}

Pack pack_adopt(uint8_t *lp) {
    return (Pack){.lp = lp, .bytes = (uint32_t)lp_bytes(lp), .count = (uint32_t)lp_count(lp),
                  .room = (uint32_t)ds_size(lp)};
}

Pack pack_copy(const Pack *p) {
    Pack copy = {.bytes = p->bytes, .count = p->count};
    if (!p->lp) return copy;
    copy.room = (uint32_t)ds_class(p->bytes);
    copy.lp = memcpy(ds_alloc(copy.room), p->lp, p->bytes);
    return copy;
}

void pack_defragment(Pack *p) {
    if (p->lp) p->lp = (uint8_t *)ds_move(p->lp - p->before) + p->before;
}
