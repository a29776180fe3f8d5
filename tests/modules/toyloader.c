/* toyloader.c - a loader for a foreign kind of module: objects that export toy_main, such as toy.c.
 *
 * Their interface: const char *toy_main(const char *argument) returns "NAME GREETING", or text that
 * begins with '!' to refuse. What the host is told of them, a command NAME.hello that replies the
 * greeting, is made on the heap, as a loader for an interface of that sort must. */
#include <keel.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef struct Toy {
    struct Toy *next;
    KeelSelf self;
    KeelModule module;
    KeelCommand commands[2];
    char name[64], command[80], greeting[64];
} Toy;
static Toy *toys;

static void toy_hello(KeelCtx *c, const KeelStr *argv, int argc) {
    (void)argc;
    for (Toy *toy = toys; toy; toy = toy->next) {
        if (keel_is(argv[0], toy->command)) {
            keel_reply_cstr(c, toy->greeting);
            return;
        }
    }
    keel_reply_error(c, "ERR no such toy");
}

static int toy_load(KeelCtx *c, void *library, const char *path, const KeelStr *argv, int argc) {
    typedef const char *ToyMain(const char *argument);
    ToyMain *toy_main = (ToyMain *)dlsym(library, "toy_main");
    if (!toy_main) return keel_load_error(c, "%s has no toy_main", path);
    const char *text = toy_main(argc ? argv[0].ptr : "");
    if (*text == '!') return keel_load_error(c, "the toy says: %s", text + 1);
    if (*text == '?') return 0; /* forgets to say what it is */
    Toy *toy = keel_zalloc(sizeof(*toy));
    if (sscanf(text, "%63s %63[^\n]", toy->name, toy->greeting) != 2) toy->name[0] = '\0';
    snprintf(toy->command, sizeof(toy->command), "%s.hello", toy->name);
    toy->commands[0] = (KeelCommand){.name = toy->command, .call = toy_hello,
                                     .summary = "Greets.", .since = "1.0.0", .complexity = "O(1)"};
    toy->module = (KeelModule){.size = sizeof(KeelModule), .abi = KEEL_ABI,
                               .command_size = sizeof(KeelCommand), .self = &toy->self,
                               .name = toy->name, .version = "0.1", .summary = "A toy.",
                               .commands = toy->commands};
    if (keel_module_adopt(c, &toy->module) != 0) {
        keel_free(toy);
        return -1;
    }
    toy->next = toys;
    toys = toy;
    return 0;
}

static void toy_free(KeelCtx *c, void *data) {
    (void)c;
    keel_free(data);
}

static int toy_unload(KeelCtx *c, const char *name) {
    if (strcmp(name, "glue") == 0) return keel_load_error(c, "glue does not come off");
    for (Toy **at = &toys; *at; at = &(*at)->next) {
        Toy *toy = *at;
        if (strcmp(toy->name, name) != 0) continue;
        *at = toy->next;
        keel_post(toy_free, toy);
        break;
    }
    return 0;
}

static const KeelLoader loaders[] = {
    {.name = "toys", .symbol = "toy_main", .load = toy_load, .unload = toy_unload}, {0}};

KEEL_MODULE(.name = "toyloader", .version = "1.0.0", .summary = "Loads toys.", .loaders = loaders);
