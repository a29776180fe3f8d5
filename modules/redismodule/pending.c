/* pending.c - weak ends for the parts that are not there yet, so that partial builds load. Each goes
 * as its file comes; the file goes with the last one. */
#include "rm.h"

#define WEAK __attribute__((weak))
WEAK void rm_forget_settings(Mod *mod) { (void)mod; }
WEAK void rm_forget_events(Mod *mod) { (void)mod; }
WEAK void rm_forget_filters(Mod *mod) { (void)mod; }
WEAK void rm_forget_users(Mod *mod) { (void)mod; }
WEAK void rm_describe(RedisModuleCommand *cmd, KeelCommand *row) { (void)cmd; (void)row; }
WEAK void rm_forget_info(RedisModuleCommand *cmd) { (void)cmd; }
WEAK void rm_send_module_change(const Mod *mod, bool loaded) { (void)mod; (void)loaded; }
WEAK void rm_build_settings(Mod *mod) { (void)mod; }
WEAK void rm_build_sections(Mod *mod) { (void)mod; }
