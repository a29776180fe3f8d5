/* role.c - tells what the module that copies data between servers would tell.
 *
 *     ROLE.TELL WHAT [host port]   KEEL_EVENT_ROLE, WHAT being a KeelRoleWhat */
#include <keel.h>
#include <keel/replication.h>

static void role_tell(KeelCtx *c, const KeelStr *argv, int argc) {
    int64_t what = 0, port = 0;
    keel_parse_int(argv[1], &what);
    if (argc > 3) keel_parse_int(argv[3], &port);
    KeelRoleEvent event = {.what = (KeelRoleWhat)what, .host = argc > 3 ? argv[2].ptr : NULL,
                           .port = (int)port};
    keel_event_send(c, KEEL_EVENT_ROLE, &event);
    keel_reply_ok(c);
}

static const KeelCommand commands[] = {
    {.name = "role.tell", .args = "what:integer [host] [port:integer]", .call = role_tell,
     .summary = "Tells of a role.", .since = "1.0.0", .complexity = "O(1)"},
    {0},
};

KEEL_MODULE(.name = "role", .version = "1.0.0", .summary = "Tells of roles.", .commands = commands);
