/* keel.h - the native API of Keel: everything a module may use, and all that the modules of
 * this project use themselves.
 *
 * A whole module:
 *
 *     #include <keel.h>
 *
 *     static void echo(KeelCtx *c, const KeelStr *argv, int argc) {
 *         (void)argc;
 *         keel_reply_bulk(c, argv[1]);
 *     }
 *
 *     static const KeelCommand commands[] = {
 *         { .name = "echo", .args = "message", .flags = KEEL_READONLY | KEEL_FAST, .call = echo,
 *           .summary = "Returns the given string.", .since = "1.0.0", .complexity = "O(1)" },
 *         { 0 }
 *     };
 *
 *     KEEL_MODULE(.name = "echo", .version = "1.0.0", .summary = "The ECHO command.",
 *                 .commands = commands);
 *
 * Caveats first.
 *
 * Threads. Every function is for the thread that runs the loop, or for a thread that holds the
 * global lock (thread.h), unless its contract says "any thread".
 *
 * Lifetimes. A KeelStr is borrowed: an argument lives until the command returns, a value's bytes
 * until the next function that may change the keyspace. A KeelCtx lives as long as the callback
 * that was given it. A KeelClient lives until the callback returns; keep its id instead.
 *
 * Fork. A fork child may read the keyspace and write files; it may not reply, block, or change
 * keys.
 *
 * Unload. The host removes what the module's constant declares. What a module made at run time
 * (timers, watched descriptors, threads) it ends itself in .unload, or the unload is refused.
 *
 * Contexts named in contracts: "command" (a handler, gate or observer), "timer" (any callback of
 * the loop), "load" (.load and .unload), "thread", "child".
 */
#ifndef KEEL_H
#define KEEL_H

#include <keel/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <keel/memory.h>
#include <keel/text.h>
#include <keel/log.h>
#include <keel/reply.h>
#include <keel/command.h>
#include <keel/client.h>
#include <keel/link.h>
#include <keel/type.h>
#include <keel/stream.h>
#include <keel/string.h>
#include <keel/list.h>
#include <keel/set.h>
#include <keel/zset.h>
#include <keel/hash.h>
#include <keel/key.h>
#include <keel/db.h>
#include <keel/move.h>
#include <keel/scan.h>
#include <keel/codec.h>
#include <keel/gate.h>
#include <keel/event.h>
#include <keel/journal.h>
#include <keel/block.h>
#include <keel/loop.h>
#include <keel/thread.h>
#include <keel/config.h>
#include <keel/info.h>
#include <keel/call.h>
#include <keel/debug.h>
#include <keel/module.h>

#ifdef __cplusplus
}
#endif

#endif
