/* keel/journal.h - the stream of executed writes.
 *
 * A command that was dirty goes to the journal as the client sent it, byte for byte, unless it
 * says otherwise. Subscribers get each turn's records at once, before any reply of the turn is
 * written, so one that fails can still keep replies back. Records of one command or transaction
 * stand together between KEEL_JOURNAL_BEGIN and KEEL_JOURNAL_END when there are several. */
#ifndef KEEL_JOURNAL_H
#define KEEL_JOURNAL_H

#include <keel/base.h>

/* Instead of the command itself, write these (may be called several times). argv is copied. */
KEEL_API void keel_journal_instead(KeelCtx *c, const KeelStr *argv, int argc);
/* The same, given as NUL-terminated words and a NULL. */
KEEL_API void keel_journal_words(KeelCtx *c, const char *first, ...)
    __attribute__((sentinel));
/* Besides what is written anyway, after it. */
KEEL_API void keel_journal_also(KeelCtx *c, int db, const KeelStr *argv, int argc);
/* Whether what the running command records goes anywhere. False: records that are dear to make need
 * not be made. Cost: a load. */
KEEL_API bool keel_journal_wanted(KeelCtx *c);
/* Write the command as it is even if nothing was dirty; or nothing even if it was. */
KEEL_API void keel_journal_force(KeelCtx *c);
KEEL_API void keel_journal_nothing(KeelCtx *c);
/* All records from the first to the second call stand together as one transaction. */
KEEL_API void keel_journal_group(KeelCtx *c, bool begin);

/* Writes a record of its own, whatever the command does, and no matter whether it was told to write
 * nothing. `flags`: KEEL_JOURNAL_CLEAN, KEEL_JOURNAL_LOCAL. argv is copied. Also in timers and by
 * threads that hold the lock. */
KEEL_API void keel_journal_write(KeelCtx *c, const KeelStr *argv, int argc, unsigned flags);

enum {
    KEEL_JOURNAL_BEGIN = 1u << 0, /* first of a group: precede it with MULTI */
    KEEL_JOURNAL_END = 1u << 1,   /* last of a group: follow it with EXEC */
    KEEL_JOURNAL_CLEAN = 1u << 2, /* forced by a command that changed no data: for those who follow
                                     live, not for files from which data is loaded again */
    KEEL_JOURNAL_LOCAL = 1u << 3, /* the opposite: for this server's files, not for those who follow
                                     live */
};
typedef struct KeelRecord {
    KeelStr resp;    /* the command as a RESP array */
    int db;
    unsigned flags;
    uint64_t client; /* whose it was; 0: nobody's */
} KeelRecord;

typedef struct KeelSubscriber {
    const char *name;
    int *id;
    /* One turn's records. Lives until the call returns. */
    void (*records)(const KeelRecord *records, size_t n);
} KeelSubscriber;
/* Unarmed at first: while no subscriber is armed nothing is recorded. */
KEEL_API void keel_journal_arm(int subscriber, bool on);
/* Hands over what has gathered now, in the middle of a turn. */
KEEL_API void keel_journal_flush(void);
/* Keeps all replies of this and later turns in their buffers until released, counted. */
KEEL_API void keel_replies_hold(void);
KEEL_API void keel_replies_release(void);

#endif
