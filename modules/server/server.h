/* server.h - what the files of the server module share. */
#ifndef SERVER_H
#define SERVER_H

#include <keel.h>

/* sections.c: INFO's sections that are nobody else's. */
extern const KeelInfoSection server_sections[];
extern int64_t server_started_ms;

/* memory.c */
extern const KeelCommand memory_subcommands[];

/* lolwut.c */
KeelHandler server_lolwut;

/* digest.c: a dataset's fingerprint. */
extern const KeelDigester server_digester;
KeelHandler debug_digest, debug_digest_value;

/* debug.c and its ideas. */
typedef struct DebugRow {
    const char *name;
    int least, most;          /* words after "debug name" */
    KeelHandler *call;
    const char *help;         /* lines for HELP, each ended by \n; NULL: none */
} DebugRow;
KeelHandler server_debug;
extern const DebugRow debug_rows_allocator[], debug_rows_crash[], debug_rows_keys[];
KeelHandler debug_protocol;

/* The word, cut to what an error message has room for. */
#define SHOWN(s) (int)((s).len < 128 ? (s).len : 128), (s).ptr

#endif
