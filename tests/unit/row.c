/* row.c - every mistake in a row of a command table is found before the module runs, and named. */
#include "../../core/command.h"
#include "../../core/module.h"
#include "check.h"

#include <stdio.h>

static void handler(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)c;
    (void)argv;
    (void)argc;
}

#define GOOD .call = handler, .summary = "S.", .since = "1.0.0", .complexity = "O(1)"
#define LONG "a123456789012345678901234567890123456789012345678901234567890123"

static Module one = {.name = "one"}, two = {.name = "two"};
static char error[512];

static int add(Module *module, const KeelCommand *rows) {
    error[0] = '\0';
    return command_register(module, rows, sizeof(*rows), error, sizeof(error));
}

static const KeelCommand subs[] = {{.name = "get", .args = "key", .keys = "RO", GOOD}, {0}};
static const KeelCommand twice[] = {{.name = "get", GOOD}, {.name = "GET", GOOD}, {0}};
static const KeelCommand same[] = {{.name = "get", GOOD}, {.name = "get", GOOD}, {0}};
static const KeelCommand deep[] = {{.name = "get", .subcommands = subs, GOOD}, {0}};

/* A row, and what the message must hold; "": the row is fine. */
static const struct {
    KeelCommand row;
    const char *part;
} rows[] = {
    {{.name = "t", GOOD}, ""},
    {{.name = "t.x-y_z:1", GOOD}, ""},
    {{.name = "t", .flags = KEEL_WRITE, GOOD}, ""},
    {{.name = "t", .subcommands = subs, .summary = "S.", .since = "1.0.0"}, ""},
    {{.name = "Tx", .flags = KEEL_FOREIGN, .call = handler}, ""},
    {{.name = "tx", .flags = KEEL_FOREIGN, .arity = 2, .call = handler,
      .keys = "RW: idx 3; range -1 1 0"}, ""},
    {{.name = "Tx", GOOD}, "its name has capitals"},
    {{.name = "a b", GOOD}, "a byte that no name may have (0x20)"},
    {{.name = "a|b", GOOD}, "a byte that no name may have (0x7c)"},
    {{.name = LONG LONG, GOOD}, "its name is longer than 127 bytes"},
    {{.name = "t", .summary = "S.", .since = "1", .complexity = "O(1)"}, "it has no handler"},
    {{.name = "t", .call = handler, .since = "1", .complexity = "O(1)"}, "it has no .summary"},
    {{.name = "t", .call = handler, .summary = "S.", .complexity = "O(1)"}, "it has no .since"},
    {{.name = "t", .call = handler, .summary = "S.", .since = "1"}, "it has no .complexity"},
    {{.name = "t", .flags = KEEL_WRITE | KEEL_READONLY, GOOD}, "both KEEL_WRITE and KEEL_READONLY"},
    {{.name = "t", .flags = 1ull << 63, GOOD}, "flags that this server does not know"},
    {{.name = "t", .categories = "@nosuch", GOOD}, "'@nosuch' in .categories is no ACL category"},
    {{.name = "t", .categories = "fast", GOOD}, "'fast' in .categories is no ACL category"},
    {{.name = "t", .args = "[a", GOOD}, "column 1 of .args: '[' is not closed"},
    {{.name = "t", .args = "key", GOOD}, ".args has a key, but .keys does not say"},
    {{.name = "t", .args = "key", .keys = "RO & RW", GOOD}, ".keys has 2 uses, but .args has 1"},
    {{.name = "t", .args = "key", .keys = "READ", GOOD}, "unknown word 'READ' in .keys"},
    {{.name = "t", .args = "[a] key [key ...]", .keys = "RO", GOOD}, "does not follow from .args"},
    {{.name = "t", .args = "a", .keys = "RO: idx 2; range 0 1 0", GOOD},
     "key spec 0 points at argument 2, but a call has 1 at most"},
    {{.name = "t", .args = "a [b]", .keys = "RO: idx 3; range 0 1 0", GOOD},
     "key spec 0 points at argument 3, but a call has 2 at most"},
    {{.name = "t", .arity = 3, .keys = "RO: idx 1; range 2 1 0", GOOD},
     "key spec 0 points at argument 3, but a call has 2 at most"},
    {{.name = "t", .subcommands = twice, GOOD}, "'t|GET': two rows have this name"},
    {{.name = "t", .subcommands = same, GOOD}, "'t|get': two rows have this name"},
    {{.name = "t", .subcommands = deep, GOOD}, "a subcommand cannot have subcommands"},
};

static void test_rows(void) {
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const KeelCommand table[] = {{.name = "before", GOOD}, rows[i].row, {0}};
        bool fine = !rows[i].part[0];
        int result = add(&one, table);
        check(result == (fine ? 0 : -1), rows[i].part, error);
        check(strstr(error, rows[i].part) != NULL, rows[i].part, error);
        check(fine || strstr(error, "module 'one': command '") == error, "who it is", error);
        check(keel_command_count() == (fine ? 2 : 0), "all or nothing", error);
        command_unregister(&one);
        check(keel_command_count() == 0 && !command_lookup(KEEL_LIT("before")), "gone", error);
    }
}

static void test_names(void) {
    const KeelCommand first[] = {{.name = "aaa", GOOD}, {.name = LONG, GOOD}, {0}};
    const KeelCommand second[] = {{.name = "bbb", GOOD}, {.name = "aaa", GOOD}, {0}};
    const KeelCommand doubled[] = {{.name = "ccc", GOOD}, {.name = "ccc", GOOD}, {0}};
    check(add(&one, first) == 0, "two commands", error);
    check(add(&two, second) < 0 && strstr(error, "module 'one' has a command of this name"),
          "a name that another module has", error);
    check(add(&two, doubled) < 0 && strstr(error, "two rows have this name"), "twice", error);
    check(keel_command_count() == 2 && !command_lookup(KEEL_LIT("bbb")), "nothing added", error);
    check(command_lookup(KEEL_LIT("AAA")) && command_lookup(KEEL_LIT(LONG)), "either case", "");
    check(!command_lookup(KEEL_LIT("aa")) && !command_lookup(KEEL_LIT("aaa\0")), "exact", "");
    command_unregister(&one);
}

/* All names of 1 to 20 letters, among others that fold alike, through the fast way in. */
static void test_fast_lookup(void) {
    char names[20][40];
    KeelCommand table[21] = {{0}};
    for (int i = 0; i < 20; i++) {
        memset(names[i], 0, sizeof(names[i]));
        memset(names[i], 'x', (size_t)i + 1);
        table[i] = (KeelCommand){.name = names[i], GOOD};
    }
    check(add(&one, table) == 0, "names of all lengths", error);
    for (size_t len = 1; len <= 20; len++) {
        char name[40] = {0};
        memset(name, 'X', len);
        memset(name + len, 'y', sizeof(name) - 1 - len); /* what follows in a buffer */
        KeelCommandRef *cmd = command_find_fast((KeelStr){name, len});
        check(cmd && strlen(cmd->name) == len, "found", name);
        name[len - 1] = 'X' ^ 0x40; /* folds to another byte than x does, or to none */
        check(!command_find_fast((KeelStr){name, len}), "not found", name);
    }
    check(!command_find_fast((KeelStr){"", 0}), "an empty name", "");
    command_unregister(&one);
    /* Only letters have two cases, whatever bits other bytes share with them. */
    const KeelCommand odd[] = {{.name = "a.b", .flags = KEEL_FOREIGN, GOOD},
                               {.name = "z-{y}", .flags = KEEL_FOREIGN, GOOD}, {0}};
    check(add(&one, odd) == 0, "names that are not all letters", error);
    check(command_find_fast((KeelStr){"A.b-------------", 3}) != NULL, "either case", "A.b");
    check(!command_find_fast((KeelStr){"a\016b-------------", 3}), "no letter", "a\\016b");
    check(command_find_fast((KeelStr){"Z-{Y}-----------", 5}) != NULL, "either case", "Z-{Y}");
    check(!command_find_fast((KeelStr){"z-[y]-----------", 5}), "no letter", "z-[y]");
    check(!command_find_fast((KeelStr){"a.b\0-----------", 4}), "a zero behind", "a.b");
    command_unregister(&one);
    check(!command_find_fast((KeelStr){"xxxxxxxxxxxxxxxx", 3}), "after they are gone", "");
}

/* A module that was compiled when rows ended behind .since. */
static void test_short_rows(void) {
    enum { SIZE = offsetof(KeelCommand, complexity) + sizeof(char *) };
    char bytes[3 * SIZE] = {0};
    const KeelCommand full[] = {{.name = "old1", .args = "a", GOOD}, {.name = "old2", GOOD}};
    memcpy(bytes, &full[0], SIZE);
    memcpy(bytes + SIZE, &full[1], SIZE);
    check(command_register(&one, (const KeelCommand *)bytes, SIZE, error, sizeof(error)) == 0,
          "short rows", error);
    const KeelCommandRef *cmd = command_lookup(KEEL_LIT("old1"));
    check(cmd && cmd->arity == 2 && !cmd->row->group && !cmd->row->get_keys, "zeros behind", "");
    check(command_lookup(KEEL_LIT("old2")) != NULL, "the second row", "");
    command_unregister(&one);
}

static bool count_each(const KeelCommandRef *cmd, void *data) {
    (void)cmd;
    return ++*(int *)data < 2;
}

static void test_answers(void) {
    const KeelCommand table[] = {
        {.name = "box", .subcommands = subs, .summary = "S.", .since = "1"},
        {.name = "sum", .args = "destination numkeys key [key ...]", .keys = "OW & RO",
         .flags = KEEL_WRITE, .group = "string", GOOD},
        {.name = "any", .args = "numkeys [key [key ...]]", .keys = "RW",
         .flags = KEEL_NO_MANDATORY_KEYS, GOOD},
        {0},
    };
    const KeelStr call[] = {KEEL_LIT("sum"), KEEL_LIT("d"), KEEL_LIT("2"), KEEL_LIT("a"),
                            KEEL_LIT("b")};
    KeelKeyUse uses[3] = {{0}};
    check(add(&one, table) == 0, "three commands", error);
    const KeelCommandRef *sum = keel_command_find(KEEL_LIT("SUM"));
    check(sum && sum->arity == -4 && sum->first_key == 1 && sum->last_key == 1, "plain range", "");
    check(sum->flags & KEEL_MOVABLE_KEYS, "the other keys move", "");
    check(keel_command_keys(sum, call, 5, uses, 3) == 3 && uses[0].position == 1 &&
          uses[1].position == 3 && uses[2].position == 4, "keys", "");
    check(uses[0].flags == KEEL_USE_OW && uses[2].flags == KEEL_USE_RO, "uses", "");
    check(keel_command_keys(sum, call, 5, uses, 1) == 3, "more than there is room for", "");
    check(keel_command_keys(sum, call, 4, uses, 3) == -1, "a count that is too large", "");
    check(keel_command_keys(sum, call, 3, uses, 3) == -1, "wrong arity", "");
    const KeelStr none[] = {KEEL_LIT("any"), KEEL_LIT("0")};
    check(keel_command_keys(keel_command_of(none, 2), none, 2, uses, 3) == 0, "no keys", "");
    check(keel_command_categories(sum) == (KEEL_CATEGORY_STRING | KEEL_CATEGORY_WRITE |
                                           KEEL_CATEGORY_SLOW), "categories", "");

    const KeelCommandRef *get = keel_command_find(KEEL_LIT("box|GET"));
    const KeelStr sub[] = {KEEL_LIT("BOX"), KEEL_LIT("get")};
    const KeelStr nosuch[] = {KEEL_LIT("box"), KEEL_LIT("nosuch")};
    check(get && get->arity == 3 && get->first_key == 2, "a subcommand's key", "");
    check(keel_command_of(sub, 2) == get && !keel_command_of(nosuch, 2), "what would run", "");
    check(strcmp(keel_command_name(get), "box|get") == 0, "its full name", "");
    check(keel_command_of(sub, 1)->arity == -2, "a container's arity", "");

    int n = 0;
    keel_command_each(NULL, count_each, &n);
    check(n == 2, "a walk that stops", "");

    const uint64_t wanted[] = {0, KEEL_WRITE, 0}, except[] = {0, 0, KEEL_WRITE};
    command_set_gates(wanted, except, 3);
    check(sum->gates == 3 && get->gates == 5, "gates", "");
    command_set_gates(NULL, NULL, 0);
    command_unregister(&one);
}

static void test_latency_limits(void) {
    bool ordered = true;
    int cells = keel_command_latency(NULL, NULL);
    for (int i = 1; i < cells; i++) {
        ordered = ordered && keel_latency_limit(i) >= keel_latency_limit(i - 1);
    }
    check(ordered && keel_latency_limit(cells - 1) == UINT64_MAX, "limits rise", "");
}

int main(void) {
    test_rows();
    test_names();
    test_fast_lookup();
    test_short_rows();
    test_answers();
    test_latency_limits();
    return check_done();
}
