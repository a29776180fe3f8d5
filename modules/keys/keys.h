/* keys.h - what the files of this module share: handlers for the table, settings, key pairs. */
#ifndef KEYS_H
#define KEYS_H

#include <keel.h>

/* The host's and other modules' settings that decide how we work; absent ones have defaults. */
typedef enum KeysSetting {
    KEYS_LAZY_USER_DEL,
    KEYS_LAZY_EXPIRE,
    KEYS_LAZY_SERVER_DEL,
    KEYS_RDB_COMPRESSION,
} KeysSetting;
bool keys_setting(KeysSetting setting);

/* A time that has come already: a key that gets it is deleted at once. */
bool keys_already_expired(KeelCtx *c, int64_t expiry);
/* A second key that the same change reached: watchers and events hear of it, but the command stays
 * one change. */
void keys_also_changed(KeelKey *key, int db, const char *event);
/* A database id argument. False: an error was replied. */
bool keys_db_argument(KeelCtx *c, KeelStr s, int *db);

KeelHandler keys_expire, keys_expireat, keys_pexpire, keys_pexpireat, keys_ttl, keys_pttl,
    keys_expiretime, keys_pexpiretime, keys_persist;
KeelHandler keys_keys, keys_scan, keys_randomkey;
KeelHandler keys_dump, keys_restore;
KeelHandler keys_object_encoding, keys_object_freq, keys_object_help, keys_object_idletime,
    keys_object_refcount;
KeelHandler keys_copy, keys_move, keys_rename, keys_renamenx;

#endif
