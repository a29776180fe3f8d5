/* daemon.h - the process and its surroundings: background, pid file, supervisor, title, limits. */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* First thing in main: remembers where the title goes. argv may be overwritten later, so whoever
 * keeps its strings copies them before daemon_set_title(). */
void daemon_init(int argc, char **argv);

/* After options_parse(), before threads and sockets: finds out who supervises, goes into the
 * background when asked to and nobody does, and writes the pid file. Ends the process (status 0 in
 * the parent that is left behind; 1 when it cannot fork). */
void daemon_start(void);
/* After the listeners are open. */
void daemon_ready(void);
/* When the end begins, and when it comes: tells the supervisor, removes the pid file. */
void daemon_stopping(void);
void daemon_end(void);
/* "STATUS=..." and such to systemd, when it supervises. False: it does not, or is out of reach. */
bool daemon_notify(const char *state);
/* Whether systemd or upstart watches over the process: INFO's process_supervised. */
const char *daemon_supervisor(void);

/* Writes proc-title-template, filled in, over the arguments that ps shows. */
void daemon_set_title(void);
bool daemon_title_valid(const char *format);

/* Asks for as many descriptors as maxclients needs. At start it logs what it could get and lowers
 * settings.maxclients to that; ends the process when not even our own would fit. */
void daemon_raise_file_limit(void);
/* The same for CONFIG SET maxclients: false with a reason, and settings.maxclients left alone. */
bool daemon_allow_clients(const char **reason);

/* bind() for a Unix socket that is never, not for a moment, more open than `mode` says; mode 0: as
 * the umask has it. As bind() returns. */
int daemon_bind_unix(int fd, const struct sockaddr *address, socklen_t len, mode_t mode);

#endif
