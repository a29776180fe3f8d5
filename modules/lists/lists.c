/* lists.c - the type "list", and the rows of LPUSH, RPOP, LRANGE, LMOVE, BLPOP ...
 *
 * A list is a sequence of strings that is changed at its ends. A small one is a single listpack;
 * one that outgrows list-max-listpack-size is a quicklist, a chain of listpacks. Either way an
 * element costs its bytes and two or three more, and pushing or popping costs writing or skipping
 * them: listpacks lie in blocks with room on both sides, so nothing else moves and, as nodes are
 * used up whole, about one command in a thousand allocates. Reaching into the middle walks over
 * nodes from the nearer end, then inside one.
 *
 * On disk a list is RDB type 18, its nodes as they are in memory.
 *
 * Beside this file: pack.c (listpacks with room), quicklist.c, edit.c and compress.c (the chain),
 * list.c (one or the other), push.c, pop.c, read.c, change.c, move.c and blocking.c (commands),
 * file.c (saving, loading) and operations.c (the interface "list"). */
#include "lists.h"

#include <keel/debug.h>

int64_t lists_fill, lists_depth;

/* ---- the type -------------------------------------------------------------------------------- */

static size_t list_effort(const KeelValue *v) {
    const List *l = v->ptr;
    return l->quick ? l->quick->nodes : 1;
}

static void *list_copy(const KeelValue *v) {
    const List *from = v->ptr;
    List *l = list_new();
    if (from->quick) {
        l->quick = quick_copy(from->quick);
    } else {
        l->pack = pack_copy(&from->pack);
    }
    return l;
}

static void *list_defragment(const KeelValue *v, uint64_t *cursor) {
    List *l = v->ptr;
    if (!cursor || *cursor == 0 || !l->quick) l = keel_move(l);
    if (l->quick) {
        l->quick = quick_defragment(l->quick, cursor);
    } else {
        pack_defragment(&l->pack);
        if (cursor) *cursor = 0;
    }
    return l;
}

static size_t list_length(const KeelValue *v) {
    return list_count(v->ptr);
}

static size_t block_size(const Pack *p, bool plain) {
    return p->lp ? keel_mem_size(plain ? p->lp : p->lp - p->before) : 0;
}

/* Nodes are much alike: some of them tell about all. */
static size_t list_memory(const KeelValue *v, size_t samples) {
    const List *l = v->ptr;
    const Quick *q = l->quick;
    size_t bytes = keel_mem_size(l), nodes = 0, seen = 0;
    if (!q) return bytes + block_size(&l->pack, false);
    for (const Node *node = q->head; node && (!samples || seen < samples); node = node->next) {
        nodes += keel_mem_size(node) + block_size(&node->pack, node->plain);
        seen++;
    }
    return bytes + keel_mem_size(q) + (seen ? (size_t)((double)nodes / seen * q->nodes) : 0);
}

static const char *list_encoding(const KeelKey *key, const KeelValue *v) {
    (void)key;
    return ((const List *)v->ptr)->quick ? "quicklist" : "listpack";
}

const KeelType lists_type = {
    .name = "list",
    .number = 1,
    .opcodes = (const uint8_t[]){18, 14, 10, 1, 255},
    .save = list_save,
    .load = list_load,
    .rewrite = list_rewrite,
    .free = list_free,
    .free_effort = list_effort,
    .copy = list_copy,
    .defragment = list_defragment,
    .length = list_length,
    .memory = list_memory,
    .digest = list_digest,
    .encoding = list_encoding,
    .operations = &list_operations,
};

static const KeelType *const types[] = {&lists_type, NULL};

/* ---- DEBUG QUICKLIST-PACKED-THRESHOLD -------------------------------------------------------- */

static void debug_threshold(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t bytes;
    (void)argc;
    /* Nodes of packed elements count their bytes in 32 bits, with a little to spare. */
    if (!keel_parse_memory(argv[2], &bytes) || bytes < 0 ||
        bytes > ((int64_t)1 << 32) - ((int64_t)1 << 20)) {
        keel_reply_error(c, "ERR argument must be a memory value bigger than 1 and smaller than "
                            "4gb");
        return;
    }
    quick_plain_from = bytes ? (uint64_t)bytes : QUICK_PLAIN_FROM;
    keel_reply_ok(c);
}

static const char *const threshold_help[] = {
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Elements of this size and above become nodes of lists by themselves.",
    "    0 is back to 1gb.",
    NULL,
};

static const KeelDebug threshold = {
    .size = sizeof(KeelDebug), .call = debug_threshold, .help = threshold_help, .arity = 3};

/* ---- tables ---------------------------------------------------------------------------------- */

#define WRITE_OOM (KEEL_WRITE | KEEL_DENYOOM)
#define WAITS (KEEL_WRITE | KEEL_BLOCKING)
#define TAKES "RW ACCESS DELETE"
#define MOVES "RW ACCESS DELETE & RW INSERT"
#define SIDES "(LEFT|RIGHT){where}"
#define FROM_TO "(LEFT|RIGHT){wherefrom} (LEFT|RIGHT){whereto}"
#define PUSH_COMPLEXITY "O(1) for each element added, so O(N) to add N elements when the command " \
                        "is called with multiple arguments."
#define POP_COMPLEXITY "O(N) where N is the number of elements returned"
#define PUSH_HISTORY "2.4.0: Accepts multiple `element` arguments."
#define PUSHX_HISTORY "4.0.0: Accepts multiple `element` arguments."
#define POP_HISTORY "6.2.0: Added the `count` argument."
#define TIMEOUT_HISTORY "6.0.0: `timeout` is interpreted as a double instead of an integer."

static const KeelCommand commands[] = {
    { .name = "blmove", .args = "source destination " FROM_TO " timeout:double",
      .flags = WAITS | KEEL_DENYOOM, .call = lists_blmove, .group = "list", .since = "6.2.0",
      .complexity = "O(1)", .keys = MOVES,
      .summary = "Moves an element from one list's end to another's, or waits for one." },
    { .name = "blmpop",
      .args = "timeout:double numkeys key [key ...] " SIDES " [COUNT count]",
      .flags = WAITS, .call = lists_blmpop, .group = "list", .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements "
                    "returned.",
      .keys = TAKES,
      .summary = "Pops elements from the first list that has any, or waits until one has." },
    { .name = "blpop", .args = "key [key ...] timeout:double", .flags = WAITS, .call = lists_blpop,
      .group = "list", .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.", .keys = TAKES,
      .history = TIMEOUT_HISTORY,
      .summary = "Pops the first element of the first list that has any, or waits until one has." },
    { .name = "brpop", .args = "key [key ...] timeout:double", .flags = WAITS, .call = lists_brpop,
      .group = "list", .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.", .keys = TAKES,
      .history = TIMEOUT_HISTORY,
      .summary = "Pops the last element of the first list that has any, or waits until one has." },
    { .name = "brpoplpush", .args = "source destination timeout:double",
      .flags = WAITS | KEEL_DENYOOM, .call = lists_brpoplpush, .group = "list", .since = "2.2.0",
      .complexity = "O(1)", .keys = MOVES, .history = TIMEOUT_HISTORY,
      .deprecated = "6.2.0: `BLMOVE` with the `RIGHT` and `LEFT` arguments",
      .summary = "Moves the last element of a list to the front of another, or waits for one." },
    { .name = "lindex", .args = "key index", .flags = KEEL_READONLY, .call = lists_lindex,
      .group = "list", .since = "1.0.0", .keys = "RO ACCESS",
      .complexity = "O(N) where N is the number of elements to traverse to get to the element at "
                    "index. This makes asking for the first or the last element of the list O(1).",
      .summary = "Returns the element at a position of a list." },
    { .name = "linsert", .args = "key (BEFORE|AFTER){where} pivot element", .flags = WRITE_OOM,
      .call = lists_linsert, .group = "list", .since = "2.2.0", .keys = "RW INSERT",
      .complexity = "O(N) where N is the number of elements to traverse before seeing the value "
                    "pivot. This means that inserting somewhere on the left end on the list (head) "
                    "can be considered O(1) and inserting somewhere on the right end (tail) is "
                    "O(N).",
      .summary = "Puts an element in front of another one or behind it." },
    { .name = "llen", .args = "key", .flags = KEEL_READONLY | KEEL_FAST, .call = lists_llen,
      .group = "list", .since = "1.0.0", .complexity = "O(1)", .keys = "RO",
      .summary = "Returns the number of elements of a list." },
    { .name = "lmove", .args = "source destination " FROM_TO, .flags = WRITE_OOM,
      .call = lists_lmove, .group = "list", .since = "6.2.0", .complexity = "O(1)", .keys = MOVES,
      .summary = "Moves an element from one list's end to another's." },
    { .name = "lmpop", .args = "numkeys key [key ...] " SIDES " [COUNT count]",
      .flags = KEEL_WRITE, .call = lists_lmpop, .group = "list", .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements "
                    "returned.",
      .keys = TAKES, .summary = "Pops elements from the first list that has any." },
    { .name = "lpop", .args = "key [count{6.2.0}]", .flags = KEEL_WRITE | KEEL_FAST,
      .call = lists_lpop, .group = "list", .since = "1.0.0", .complexity = POP_COMPLEXITY,
      .keys = TAKES, .history = POP_HISTORY,
      .summary = "Removes and returns the first elements of a list." },
    { .name = "lpos",
      .args = "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
      .flags = KEEL_READONLY, .call = lists_lpos, .group = "list", .since = "6.0.6",
      .complexity = "O(N) where N is the number of elements in the list, for the average case. "
                    "When searching for elements near the head or the tail of the list, or when "
                    "the MAXLEN option is provided, the command may run in constant time.",
      .keys = "RO ACCESS", .summary = "Finds the positions of an element in a list." },
    { .name = "lpush", .args = "key element [element ...]", .flags = WRITE_OOM | KEEL_FAST,
      .call = lists_lpush, .group = "list", .since = "1.0.0", .complexity = PUSH_COMPLEXITY,
      .keys = "RW INSERT", .history = PUSH_HISTORY,
      .summary = "Adds elements at the front of a list, creating it when it is missing." },
    { .name = "lpushx", .args = "key element [element ...]", .flags = WRITE_OOM | KEEL_FAST,
      .call = lists_lpushx, .group = "list", .since = "2.2.0", .complexity = PUSH_COMPLEXITY,
      .keys = "RW INSERT", .history = PUSHX_HISTORY,
      .summary = "Adds elements at the front of a list that is there." },
    { .name = "lrange", .args = "key start stop", .flags = KEEL_READONLY, .call = lists_lrange,
      .group = "list", .since = "1.0.0", .keys = "RO ACCESS",
      .complexity = "O(S+N) where S is the distance of start offset from HEAD for small lists, "
                    "from nearest end (HEAD or TAIL) for large lists; and N is the number of "
                    "elements in the specified range.",
      .summary = "Returns the elements between two positions of a list." },
    { .name = "lrem", .args = "key count element", .flags = KEEL_WRITE, .call = lists_lrem,
      .group = "list", .since = "1.0.0", .keys = "RW DELETE",
      .complexity = "O(N+M) where N is the length of the list and M is the number of elements "
                    "removed.",
      .summary = "Removes elements that are equal to one, so many of them or all." },
    { .name = "lset", .args = "key index element", .flags = WRITE_OOM, .call = lists_lset,
      .group = "list", .since = "1.0.0", .keys = "RW UPDATE",
      .complexity = "O(N) where N is the length of the list. Setting either the first or the last "
                    "element of the list is O(1).",
      .summary = "Replaces the element at a position of a list." },
    { .name = "ltrim", .args = "key start stop", .flags = KEEL_WRITE, .call = lists_ltrim,
      .group = "list", .since = "1.0.0", .keys = "RW DELETE",
      .complexity = "O(N) where N is the number of elements to be removed by the operation.",
      .summary = "Keeps only the elements between two positions of a list." },
    { .name = "rpop", .args = "key [count{6.2.0}]", .flags = KEEL_WRITE | KEEL_FAST,
      .call = lists_rpop, .group = "list", .since = "1.0.0", .complexity = POP_COMPLEXITY,
      .keys = TAKES, .history = POP_HISTORY,
      .summary = "Removes and returns the last elements of a list." },
    { .name = "rpoplpush", .args = "source destination", .flags = WRITE_OOM,
      .call = lists_rpoplpush, .group = "list", .since = "1.2.0", .complexity = "O(1)",
      .keys = MOVES, .deprecated = "6.2.0: `LMOVE` with the `RIGHT` and `LEFT` arguments",
      .summary = "Moves the last element of a list to the front of another." },
    { .name = "rpush", .args = "key element [element ...]", .flags = WRITE_OOM | KEEL_FAST,
      .call = lists_rpush, .group = "list", .since = "1.0.0", .complexity = PUSH_COMPLEXITY,
      .keys = "RW INSERT", .history = PUSH_HISTORY,
      .summary = "Adds elements at the end of a list, creating it when it is missing." },
    { .name = "rpushx", .args = "key element [element ...]", .flags = WRITE_OOM | KEEL_FAST,
      .call = lists_rpushx, .group = "list", .since = "2.2.0", .complexity = PUSH_COMPLEXITY,
      .keys = "RW INSERT", .history = PUSHX_HISTORY,
      .summary = "Adds elements at the end of a list that is there." },
    {0},
};

static const KeelConfig configs[] = {
    /* They hold for lists that become quicklists from now on. */
    { .name = "list-compress-depth", .type = KEEL_CONFIG_INT, .var = &lists_depth, .value = "0",
      .min = 0, .max = INT32_MAX },
    { .name = "list-max-listpack-size", .alias = "list-max-ziplist-size", .type = KEEL_CONFIG_INT,
      .var = &lists_fill, .value = "-2", .min = INT32_MIN, .max = INT32_MAX },
    {0},
};

static const KeelInterface provides[] = {
    {"list", KEEL_LIST_VERSION, &list_operations},
    {"debug.quicklist-packed-threshold", 100, &threshold},
    {0},
};

/* lzf compresses the nodes inside of long lists, and nothing else could open them again. */
KEEL_MODULE(.name = "lists", .version = "1.0.0", .summary = "Lists: LPUSH, RPOP, LRANGE, BLPOP ...",
            .needs = "lzf", .commands = commands, .types = types, .configs = configs,
            .provides = provides);
