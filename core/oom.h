/* oom.h - how soon the kernel ends this process when memory runs out: oom-score-adj. */
#ifndef CORE_OOM_H
#define CORE_OOM_H

#include <keel/config.h>

enum { OOM_NO, OOM_RELATIVE, OOM_ABSOLUTE };
/* Which of oom-score-adj-values counts. */
typedef enum OomRole { OOM_SERVER, OOM_FOLLOWER, OOM_CHILD, OOM_ROLES } OomRole;

/* Writes what the settings say for the present role; `no` puts back what was there at start. False
 * with *reason, and logged. */
bool oom_apply(const char **reason);
/* The process is something else now. Fork children call it first thing. */
void oom_set_role(OomRole role);

/* The value of oom-score-adj-values, for its row. */
void oom_values_get(const KeelConfig *config, KeelConfigOut *out);
bool oom_values_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason);

#endif
