/* fuzz.h - what the fuzz targets share: a server in this process, without listeners.
 *
 * `make fuzz` builds each source here but support.c into a program of its own and runs each for
 * FUZZ_SECONDS over its corpus. A finding is a file that the program takes as its argument. */
#ifndef FUZZ_H
#define FUZZ_H

#include "client.h"
#include "config.h"
#include "keyspace.h"
#include "loop.h"

#include <keel/call.h>
#include <keel/text.h>

/* Whatever breaks a promise is a crash, which the fuzzer reports. */
#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything main() does before it listens, with all modules. Once, at the first input. */
void fuzz_server(void);
/* Runs a command that must not be refused with an "unknown command"; its reply's type byte. */
int fuzz_call(const KeelStr *argv, int argc);
/* One turn of the loop for this client: all it sent is read, run and answered. */
void fuzz_turn(KeelClient *client);
/* What follows every turn. */
void fuzz_between(void);
/* Length of the whole, well-formed reply at `p`, in at most `len` bytes; 0: it is neither. */
size_t fuzz_reply_length(const char *p, size_t len);

#endif
