/* log.h - where log lines go. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <keel/log.h>

/* Follows the settings loglevel, logfile and syslog-*; may be called again. -1: cannot open. */
int log_open(void);
/* The letter after the pid, as in Redis's log: M, S, C for a child, X other. */
void log_set_role(char role);
/* Writes bytes to the log as they are, async-signal-safe: for crash reports. */
void log_raw(const char *bytes, size_t len);

#endif
