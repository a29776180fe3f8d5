/* redismodule.h - the Redis module ABI, for modules that load into Keel, Redis and Valkey alike.
 *
 *     #include <redismodule.h>
 *
 *     static int hello(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
 *         if (argc != 2) return RedisModule_WrongArity(ctx);
 *         return RedisModule_ReplyWithString(ctx, argv[1]);
 *     }
 *
 *     int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
 *         if (RedisModule_Init(ctx, "hello", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR)
 *             return REDISMODULE_ERR;
 *         return RedisModule_CreateCommand(ctx, "hello.echo", hello, "readonly fast", 0, 0, 0);
 *     }
 *
 * Caveats first. Every RedisModule_* is a pointer that RedisModule_Init() fills by asking the
 * server for it by name; one that the server lacks stays NULL: ask RMAPI_FUNC_SUPPORTED() before calling
 * what is newer than the oldest server you care for. Arguments live until the callback returns;
 * strings, keys and replies that a context made are freed with it after RedisModule_AutoMemory().
 * Only memory, logs and what stands under "Threads" may be used by threads without the global lock.
 *
 * The layouts, numbers and names are those of Redis 7.2 (with a few newer functions); a module
 * built against this header is the same as one built against Redis's own. New modules for Keel alone are
 * shorter against <keel.h>.
 *
 * MODULE RELOAD name [path] loads new code of a module beside the old one and hands over to it. For
 * values the encoding version that RedisModule_CreateDataType() gets is a promise: when it is the same,
 * the new code gets the pointers that the old one made, so it must read the same structs, and these may
 * point neither to the old code nor to its variables; when it is another, rdb_save of the old and
 * rdb_load of the new code make new values. Auxiliary fields are saved and loaded so in any case,
 * settings get their values from RedisModule_LoadConfigs(). Then RedisModule_OnUnload() of the old code
 * may refuse; after it, `free` may be called for values that were saved. Any failure leaves the old code
 * as it was. What else a module keeps is lost, and what keeps it from being unloaded (waiting clients,
 * timers, APIs in use, but not types) keeps it from being replaced. */
#ifndef REDISMODULE_H
#define REDISMODULE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- numbers --------------------------------------------------------------------------------- */

/* What functions return, and what authentication callbacks say. */
#define REDISMODULE_OK               0
#define REDISMODULE_ERR              1
#define REDISMODULE_AUTH_HANDLED     0
#define REDISMODULE_AUTH_NOT_HANDLED 1

/* Versions: of the API, and of the struct RedisModuleTypeMethods. */
#define REDISMODULE_APIVER_1            1
#define REDISMODULE_TYPE_METHOD_VERSION 5

/* How a key is opened: reading or writing, and what looking at it does not do. */
#define REDISMODULE_READ                    1
#define REDISMODULE_WRITE                   2
#define REDISMODULE_OPEN_KEY_NOTOUCH        65536
#define REDISMODULE_OPEN_KEY_NONOTIFY       131072
#define REDISMODULE_OPEN_KEY_NOSTATS        262144
#define REDISMODULE_OPEN_KEY_NOEXPIRE       524288
#define REDISMODULE_OPEN_KEY_NOEFFECTS      1048576
#define REDISMODULE_OPEN_KEY_ACCESS_EXPIRED 2097152
#define _REDISMODULE_OPEN_KEY_ALL           4128771

/* Ends of a list. */
#define REDISMODULE_LIST_HEAD 0
#define REDISMODULE_LIST_TAIL 1

/* Types of values, and of replies. */
#define REDISMODULE_KEYTYPE_EMPTY         0
#define REDISMODULE_KEYTYPE_STRING        1
#define REDISMODULE_KEYTYPE_LIST          2
#define REDISMODULE_KEYTYPE_HASH          3
#define REDISMODULE_KEYTYPE_SET           4
#define REDISMODULE_KEYTYPE_ZSET          5
#define REDISMODULE_KEYTYPE_MODULE        6
#define REDISMODULE_KEYTYPE_STREAM        7
#define REDISMODULE_REPLY_UNKNOWN         (-1)
#define REDISMODULE_REPLY_STRING          0
#define REDISMODULE_REPLY_ERROR           1
#define REDISMODULE_REPLY_INTEGER         2
#define REDISMODULE_REPLY_ARRAY           3
#define REDISMODULE_REPLY_NULL            4
#define REDISMODULE_REPLY_MAP             5
#define REDISMODULE_REPLY_SET             6
#define REDISMODULE_REPLY_BOOL            7
#define REDISMODULE_REPLY_DOUBLE          8
#define REDISMODULE_REPLY_BIG_NUMBER      9
#define REDISMODULE_REPLY_VERBATIM_STRING 10
#define REDISMODULE_REPLY_ATTRIBUTE       11
#define REDISMODULE_REPLY_PROMISE         12

/* Lengths that are told later; keys without an expiry. */
#define REDISMODULE_POSTPONED_ARRAY_LEN (-1)
#define REDISMODULE_POSTPONED_LEN       (-1)
#define REDISMODULE_NO_EXPIRE           (-1)

/* ZsetAdd: what to do (in) and what was done (out). */
#define REDISMODULE_ZADD_XX      1
#define REDISMODULE_ZADD_NX      2
#define REDISMODULE_ZADD_ADDED   4
#define REDISMODULE_ZADD_UPDATED 8
#define REDISMODULE_ZADD_NOP     16
#define REDISMODULE_ZADD_GT      32
#define REDISMODULE_ZADD_LT      64

/* HashSet and HashGet. */
#define REDISMODULE_HASH_NONE      0
#define REDISMODULE_HASH_NX        1
#define REDISMODULE_HASH_XX        2
#define REDISMODULE_HASH_CFIELDS   4
#define REDISMODULE_HASH_EXISTS    8
#define REDISMODULE_HASH_COUNT_ALL 16

/* In place of a value: delete the field. */
#define REDISMODULE_HASH_DELETE ((RedisModuleString *)(long)1)

/* Kinds of settings. */
#define REDISMODULE_CONFIG_DEFAULT      0
#define REDISMODULE_CONFIG_IMMUTABLE    1
#define REDISMODULE_CONFIG_SENSITIVE    2
#define REDISMODULE_CONFIG_HIDDEN       16
#define REDISMODULE_CONFIG_PROTECTED    32
#define REDISMODULE_CONFIG_DENY_LOADING 64
#define REDISMODULE_CONFIG_MEMORY       128
#define REDISMODULE_CONFIG_BITFLAGS     256

/* Streams. */
#define REDISMODULE_STREAM_ADD_AUTOID         1
#define REDISMODULE_STREAM_ITERATOR_EXCLUSIVE 1
#define REDISMODULE_STREAM_ITERATOR_REVERSE   2
#define REDISMODULE_STREAM_TRIM_APPROX        1

/* GetContextFlags. */
#define REDISMODULE_CTX_FLAGS_LUA                     1
#define REDISMODULE_CTX_FLAGS_MULTI                   2
#define REDISMODULE_CTX_FLAGS_MASTER                  4
#define REDISMODULE_CTX_FLAGS_SLAVE                   8
#define REDISMODULE_CTX_FLAGS_READONLY                16
#define REDISMODULE_CTX_FLAGS_CLUSTER                 32
#define REDISMODULE_CTX_FLAGS_AOF                     64
#define REDISMODULE_CTX_FLAGS_RDB                     128
#define REDISMODULE_CTX_FLAGS_MAXMEMORY               256
#define REDISMODULE_CTX_FLAGS_EVICT                   512
#define REDISMODULE_CTX_FLAGS_OOM                     1024
#define REDISMODULE_CTX_FLAGS_OOM_WARNING             2048
#define REDISMODULE_CTX_FLAGS_REPLICATED              4096
#define REDISMODULE_CTX_FLAGS_LOADING                 8192
#define REDISMODULE_CTX_FLAGS_REPLICA_IS_STALE        16384
#define REDISMODULE_CTX_FLAGS_REPLICA_IS_CONNECTING   32768
#define REDISMODULE_CTX_FLAGS_REPLICA_IS_TRANSFERRING 65536
#define REDISMODULE_CTX_FLAGS_REPLICA_IS_ONLINE       131072
#define REDISMODULE_CTX_FLAGS_ACTIVE_CHILD            262144
#define REDISMODULE_CTX_FLAGS_MULTI_DIRTY             524288
#define REDISMODULE_CTX_FLAGS_IS_CHILD                1048576
#define REDISMODULE_CTX_FLAGS_DENY_BLOCKING           2097152
#define REDISMODULE_CTX_FLAGS_RESP3                   4194304
#define REDISMODULE_CTX_FLAGS_ASYNC_LOADING           8388608
#define REDISMODULE_CTX_FLAGS_SERVER_STARTUP          16777216
#define _REDISMODULE_CTX_FLAGS_NEXT                   33554432

/* Classes of keyspace notifications. */
#define REDISMODULE_NOTIFY_KEYSPACE 1
#define REDISMODULE_NOTIFY_KEYEVENT 2
#define REDISMODULE_NOTIFY_GENERIC  4
#define REDISMODULE_NOTIFY_STRING   8
#define REDISMODULE_NOTIFY_LIST     16
#define REDISMODULE_NOTIFY_SET      32
#define REDISMODULE_NOTIFY_HASH     64
#define REDISMODULE_NOTIFY_ZSET     128
#define REDISMODULE_NOTIFY_EXPIRED  256
#define REDISMODULE_NOTIFY_EVICTED  512
#define REDISMODULE_NOTIFY_STREAM   1024
#define REDISMODULE_NOTIFY_KEY_MISS 2048
#define REDISMODULE_NOTIFY_LOADED   4096
#define REDISMODULE_NOTIFY_MODULE   8192
#define REDISMODULE_NOTIFY_NEW      16384
#define REDISMODULE_NOTIFY_ALL      10236
#define _REDISMODULE_NOTIFY_NEXT    32768

/* The text of a common error. */
#define REDISMODULE_ERRORMSG_WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/* Scores without end. */
#define REDISMODULE_POSITIVE_INFINITE (1.0 / 0.0)
#define REDISMODULE_NEGATIVE_INFINITE (-1.0 / 0.0)

/* Cluster nodes. */
#define REDISMODULE_NODE_ID_LEN                 40
#define REDISMODULE_NODE_MYSELF                 1
#define REDISMODULE_NODE_MASTER                 2
#define REDISMODULE_NODE_SLAVE                  4
#define REDISMODULE_NODE_PFAIL                  8
#define REDISMODULE_NODE_FAIL                   16
#define REDISMODULE_NODE_NOFAILOVER             32
#define REDISMODULE_CLUSTER_FLAG_NONE           0
#define REDISMODULE_CLUSTER_FLAG_NO_FAILOVER    2
#define REDISMODULE_CLUSTER_FLAG_NO_REDIRECTION 4

/* Levels of log lines. */
#define REDISMODULE_LOGLEVEL_DEBUG   "debug"
#define REDISMODULE_LOGLEVEL_VERBOSE "verbose"
#define REDISMODULE_LOGLEVEL_NOTICE  "notice"
#define REDISMODULE_LOGLEVEL_WARNING "warning"

/* When auxiliary fields are saved. */
#define REDISMODULE_AUX_BEFORE_RDB 1
#define REDISMODULE_AUX_AFTER_RDB  2

/* Yield; blocking; filters; options of a module. */
#define REDISMODULE_YIELD_FLAG_NONE                             1
#define REDISMODULE_YIELD_FLAG_CLIENTS                          2
#define REDISMODULE_BLOCK_UNBLOCK_DEFAULT                       0
#define REDISMODULE_BLOCK_UNBLOCK_DELETED                       1
#define REDISMODULE_CMDFILTER_NOSELF                            1
#define REDISMODULE_OPTIONS_HANDLE_IO_ERRORS                    1
#define REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED          2
#define REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD              4
#define REDISMODULE_OPTIONS_ALLOW_NESTED_KEYSPACE_NOTIFICATIONS 8
#define _REDISMODULE_OPTIONS_FLAGS_NEXT                         16

/* Arguments, keys and channels of commands. */
#define REDISMODULE_CMD_ARG_NONE            0
#define REDISMODULE_CMD_ARG_OPTIONAL        1
#define REDISMODULE_CMD_ARG_MULTIPLE        2
#define REDISMODULE_CMD_ARG_MULTIPLE_TOKEN  4
#define _REDISMODULE_CMD_ARG_NEXT           8
#define REDISMODULE_CMD_KEY_RO              1
#define REDISMODULE_CMD_KEY_RW              2
#define REDISMODULE_CMD_KEY_OW              4
#define REDISMODULE_CMD_KEY_RM              8
#define REDISMODULE_CMD_KEY_ACCESS          16
#define REDISMODULE_CMD_KEY_UPDATE          32
#define REDISMODULE_CMD_KEY_INSERT          64
#define REDISMODULE_CMD_KEY_DELETE          128
#define REDISMODULE_CMD_KEY_NOT_KEY         256
#define REDISMODULE_CMD_KEY_INCOMPLETE      512
#define REDISMODULE_CMD_KEY_VARIABLE_FLAGS  1024
#define REDISMODULE_CMD_CHANNEL_PATTERN     1
#define REDISMODULE_CMD_CHANNEL_PUBLISH     2
#define REDISMODULE_CMD_CHANNEL_SUBSCRIBE   4
#define REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE 8

/* Descriptors in the event loop. */
#define REDISMODULE_EVENTLOOP_READABLE 1
#define REDISMODULE_EVENTLOOP_WRITABLE 2

/* Server events. */
#define REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED 0
#define REDISMODULE_EVENT_PERSISTENCE              1
#define REDISMODULE_EVENT_FLUSHDB                  2
#define REDISMODULE_EVENT_LOADING                  3
#define REDISMODULE_EVENT_CLIENT_CHANGE            4
#define REDISMODULE_EVENT_SHUTDOWN                 5
#define REDISMODULE_EVENT_REPLICA_CHANGE           6
#define REDISMODULE_EVENT_MASTER_LINK_CHANGE       7
#define REDISMODULE_EVENT_CRON_LOOP                8
#define REDISMODULE_EVENT_MODULE_CHANGE            9
#define REDISMODULE_EVENT_LOADING_PROGRESS         10
#define REDISMODULE_EVENT_SWAPDB                   11
#define REDISMODULE_EVENT_REPL_BACKUP              12
#define REDISMODULE_EVENT_FORK_CHILD               13
#define REDISMODULE_EVENT_REPL_ASYNC_LOAD          14
#define REDISMODULE_EVENT_EVENTLOOP                15
#define REDISMODULE_EVENT_CONFIG                   16
#define REDISMODULE_EVENT_KEY                      17
#define _REDISMODULE_EVENT_NEXT                    18

/* What exactly happened. */
#define REDISMODULE_SUBEVENT_PERSISTENCE_RDB_START      0
#define REDISMODULE_SUBEVENT_PERSISTENCE_AOF_START      1
#define REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_RDB_START 2
#define REDISMODULE_SUBEVENT_PERSISTENCE_ENDED          3
#define REDISMODULE_SUBEVENT_PERSISTENCE_FAILED         4
#define REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_AOF_START 5
#define REDISMODULE_SUBEVENT_LOADING_RDB_START          0
#define REDISMODULE_SUBEVENT_LOADING_AOF_START          1
#define REDISMODULE_SUBEVENT_LOADING_REPL_START         2
#define REDISMODULE_SUBEVENT_LOADING_ENDED              3
#define REDISMODULE_SUBEVENT_LOADING_FAILED             4
#define REDISMODULE_SUBEVENT_CLIENT_CHANGE_CONNECTED    0
#define REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED 1
#define REDISMODULE_SUBEVENT_MASTER_LINK_UP             0
#define REDISMODULE_SUBEVENT_MASTER_LINK_DOWN           1
#define REDISMODULE_SUBEVENT_REPLICA_CHANGE_ONLINE      0
#define REDISMODULE_SUBEVENT_REPLICA_CHANGE_OFFLINE     1
#define REDISMODULE_SUBEVENT_FLUSHDB_START              0
#define REDISMODULE_SUBEVENT_FLUSHDB_END                1
#define REDISMODULE_SUBEVENT_MODULE_LOADED              0
#define REDISMODULE_SUBEVENT_MODULE_UNLOADED            1
#define REDISMODULE_SUBEVENT_CONFIG_CHANGE              0
#define REDISMODULE_SUBEVENT_LOADING_PROGRESS_RDB       0
#define REDISMODULE_SUBEVENT_LOADING_PROGRESS_AOF       1
#define REDISMODULE_SUBEVENT_REPL_BACKUP_CREATE         0
#define REDISMODULE_SUBEVENT_REPL_BACKUP_RESTORE        1
#define REDISMODULE_SUBEVENT_REPL_BACKUP_DISCARD        2
#define REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_STARTED    0
#define REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_ABORTED    1
#define REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_COMPLETED  2
#define REDISMODULE_SUBEVENT_FORK_CHILD_BORN            0
#define REDISMODULE_SUBEVENT_FORK_CHILD_DIED            1
#define REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP     0
#define REDISMODULE_SUBEVENT_EVENTLOOP_AFTER_SLEEP      1
#define REDISMODULE_SUBEVENT_KEY_DELETED                0
#define REDISMODULE_SUBEVENT_KEY_EXPIRED                1
#define REDISMODULE_SUBEVENT_KEY_EVICTED                2
#define REDISMODULE_SUBEVENT_KEY_OVERWRITTEN            3
#define REDISMODULE_EVENT_REPLROLECHANGED_NOW_MASTER    0
#define REDISMODULE_EVENT_REPLROLECHANGED_NOW_REPLICA   1
#define _REDISMODULE_SUBEVENT_PERSISTENCE_NEXT          6
#define _REDISMODULE_SUBEVENT_LOADING_NEXT              5
#define _REDISMODULE_SUBEVENT_CLIENT_CHANGE_NEXT        2
#define _REDISMODULE_SUBEVENT_MASTER_NEXT               2
#define _REDISMODULE_SUBEVENT_REPLICA_CHANGE_NEXT       2
#define _REDISMODULE_EVENT_REPLROLECHANGED_NEXT         2
#define _REDISMODULE_SUBEVENT_FLUSHDB_NEXT              2
#define _REDISMODULE_SUBEVENT_MODULE_NEXT               2
#define _REDISMODULE_SUBEVENT_CONFIG_NEXT               1
#define _REDISMODULE_SUBEVENT_LOADING_PROGRESS_NEXT     2
#define _REDISMODULE_SUBEVENT_REPL_BACKUP_NEXT          3
#define _REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_NEXT      3
#define _REDISMODULE_SUBEVENT_FORK_CHILD_NEXT           2
#define _REDISMODULE_SUBEVENT_EVENTLOOP_NEXT            2
#define _REDISMODULE_SUBEVENT_KEY_NEXT                  4
#define _REDISMODULE_SUBEVENT_SHUTDOWN_NEXT             0
#define _REDISMODULE_SUBEVENT_CRON_LOOP_NEXT            0
#define _REDISMODULE_SUBEVENT_SWAPDB_NEXT               0

/* RedisModuleClientInfo.flags. */
#define REDISMODULE_CLIENTINFO_FLAG_SSL        1
#define REDISMODULE_CLIENTINFO_FLAG_PUBSUB     2
#define REDISMODULE_CLIENTINFO_FLAG_BLOCKED    4
#define REDISMODULE_CLIENTINFO_FLAG_TRACKING   8
#define REDISMODULE_CLIENTINFO_FLAG_UNIXSOCKET 16
#define REDISMODULE_CLIENTINFO_FLAG_MULTI      32

/* Versions of the structs that events come with. */
#define REDISMODULE_CLIENTINFO_VERSION       1
#define REDISMODULE_REPLICATIONINFO_VERSION  1
#define REDISMODULE_FLUSHINFO_VERSION        1
#define REDISMODULE_MODULE_CHANGE_VERSION    1
#define REDISMODULE_CONFIGCHANGE_VERSION     1
#define REDISMODULE_CRON_LOOP_VERSION        1
#define REDISMODULE_LOADING_PROGRESS_VERSION 1
#define REDISMODULE_SWAPDBINFO_VERSION       1
#define REDISMODULE_KEYINFO_VERSION          1

/* What says that an auxiliary macro argument is not used; whether a server has a function; the id
 * of the client that stands for a file being loaded. */
#define REDISMODULE_NOT_USED(v) ((void)(v))
#define RMAPI_FUNC_SUPPORTED(function) ((function) != NULL)
#define RedisModule_IsAOFClient(id) ((id) == UINT64_MAX)

/* ---- types ----------------------------------------------------------------------------------- */

/* The server's: only pointers to them are passed. */
typedef struct RedisModuleCtx RedisModuleCtx;
typedef struct RedisModuleString RedisModuleString;
typedef struct RedisModuleKey RedisModuleKey;
typedef struct RedisModuleCallReply RedisModuleCallReply;
typedef struct RedisModuleType RedisModuleType;
typedef struct RedisModuleIO RedisModuleIO;
typedef struct RedisModuleDigest RedisModuleDigest;
typedef struct RedisModuleBlockedClient RedisModuleBlockedClient;
typedef struct RedisModuleDict RedisModuleDict;
typedef struct RedisModuleDictIter RedisModuleDictIter;
typedef struct RedisModuleCommandFilterCtx RedisModuleCommandFilterCtx;
typedef struct RedisModuleCommandFilter RedisModuleCommandFilter;
typedef struct RedisModuleCommand RedisModuleCommand;
typedef struct RedisModuleInfoCtx RedisModuleInfoCtx;
typedef struct RedisModuleServerInfoData RedisModuleServerInfoData;
typedef struct RedisModuleScanCursor RedisModuleScanCursor;
typedef struct RedisModuleUser RedisModuleUser;
typedef struct RedisModuleKeyOptCtx RedisModuleKeyOptCtx;
typedef struct RedisModuleDefragCtx RedisModuleDefragCtx;
typedef struct RedisModuleRdbStream RedisModuleRdbStream;

typedef long long mstime_t;
typedef long long ustime_t;
typedef uint64_t RedisModuleTimerID;

typedef struct RedisModuleStreamID {
    uint64_t ms;
    uint64_t seq;
} RedisModuleStreamID;

/* An event and the version of the struct that comes with it. Passed by value. */
typedef struct RedisModuleEvent {
    uint64_t id;
    uint64_t dataver;
} RedisModuleEvent;

/* What an argument of a command is. */
typedef enum RedisModuleCommandArgType {
    REDISMODULE_ARG_TYPE_STRING = 0,
    REDISMODULE_ARG_TYPE_INTEGER = 1,
    REDISMODULE_ARG_TYPE_DOUBLE = 2,
    REDISMODULE_ARG_TYPE_KEY = 3,
    REDISMODULE_ARG_TYPE_PATTERN = 4,
    REDISMODULE_ARG_TYPE_UNIX_TIME = 5,
    REDISMODULE_ARG_TYPE_PURE_TOKEN = 6,
    REDISMODULE_ARG_TYPE_ONEOF = 7,
    REDISMODULE_ARG_TYPE_BLOCK = 8,
} RedisModuleCommandArgType;

/* How a key spec finds its first key, and the others. */
typedef enum RedisModuleKeySpecBeginSearchType {
    REDISMODULE_KSPEC_BS_INVALID = 0,
    REDISMODULE_KSPEC_BS_UNKNOWN = 1,
    REDISMODULE_KSPEC_BS_INDEX = 2,
    REDISMODULE_KSPEC_BS_KEYWORD = 3,
} RedisModuleKeySpecBeginSearchType;

typedef enum RedisModuleKeySpecFindKeysType {
    REDISMODULE_KSPEC_FK_OMITTED = 0,
    REDISMODULE_KSPEC_FK_UNKNOWN = 1,
    REDISMODULE_KSPEC_FK_RANGE = 2,
    REDISMODULE_KSPEC_FK_KEYNUM = 3,
} RedisModuleKeySpecFindKeysType;

/* Why something was denied. */
typedef enum RedisModuleACLLogEntryReason {
    REDISMODULE_ACL_LOG_AUTH = 0,
    REDISMODULE_ACL_LOG_CMD = 1,
    REDISMODULE_ACL_LOG_KEY = 2,
    REDISMODULE_ACL_LOG_CHANNEL = 3,
} RedisModuleACLLogEntryReason;

/* ---- callbacks ------------------------------------------------------------------------------- */

typedef void (*RedisModuleEventLoopFunc)(int, void *, int);
typedef void (*RedisModuleEventLoopOneShotFunc)(void *);
typedef void (*RedisModuleEventCallback)(RedisModuleCtx *, RedisModuleEvent, uint64_t, void *);
typedef void (*RedisModuleInfoFunc)(RedisModuleInfoCtx *, int);
typedef void (*RedisModuleDefragFunc)(RedisModuleDefragCtx *);
typedef void (*RedisModuleUserChangedFunc)(uint64_t, void *);
typedef int (*RedisModuleCmdFunc)(RedisModuleCtx *, RedisModuleString **, int);
typedef void (*RedisModuleDisconnectFunc)(RedisModuleCtx *, RedisModuleBlockedClient *);
typedef int (*RedisModuleNotificationFunc)(RedisModuleCtx *, int, const char *,
        RedisModuleString *);
typedef void (*RedisModulePostNotificationJobFunc)(RedisModuleCtx *, void *);
typedef void *(*RedisModuleTypeLoadFunc)(RedisModuleIO *, int);
typedef void (*RedisModuleTypeSaveFunc)(RedisModuleIO *, void *);
typedef int (*RedisModuleTypeAuxLoadFunc)(RedisModuleIO *, int, int);
typedef void (*RedisModuleTypeAuxSaveFunc)(RedisModuleIO *, int);
typedef void (*RedisModuleTypeRewriteFunc)(RedisModuleIO *, RedisModuleString *, void *);
typedef size_t (*RedisModuleTypeMemUsageFunc)(const void *);
typedef size_t (*RedisModuleTypeMemUsageFunc2)(RedisModuleKeyOptCtx *, const void *, size_t);
typedef void (*RedisModuleTypeDigestFunc)(RedisModuleDigest *, void *);
typedef void (*RedisModuleTypeFreeFunc)(void *);
typedef size_t (*RedisModuleTypeFreeEffortFunc)(RedisModuleString *, const void *);
typedef size_t (*RedisModuleTypeFreeEffortFunc2)(RedisModuleKeyOptCtx *, const void *);
typedef void (*RedisModuleTypeUnlinkFunc)(RedisModuleString *, const void *);
typedef void (*RedisModuleTypeUnlinkFunc2)(RedisModuleKeyOptCtx *, const void *);
typedef void *(*RedisModuleTypeCopyFunc)(RedisModuleString *, RedisModuleString *, const void *);
typedef void *(*RedisModuleTypeCopyFunc2)(RedisModuleKeyOptCtx *, const void *);
typedef int (*RedisModuleTypeDefragFunc)(RedisModuleDefragCtx *, RedisModuleString *, void **);
typedef void (*RedisModuleClusterMessageReceiver)(RedisModuleCtx *, const char *, uint8_t,
        const unsigned char *, uint32_t);
typedef void (*RedisModuleTimerProc)(RedisModuleCtx *, void *);
typedef void (*RedisModuleCommandFilterFunc)(RedisModuleCommandFilterCtx *);
typedef void (*RedisModuleForkDoneHandler)(int, int, void *);
typedef void (*RedisModuleScanCB)(RedisModuleCtx *, RedisModuleString *, RedisModuleKey *, void *);
typedef void (*RedisModuleScanKeyCB)(RedisModuleKey *, RedisModuleString *, RedisModuleString *,
        void *);
typedef RedisModuleString *(*RedisModuleConfigGetStringFunc)(const char *, void *);
typedef long long (*RedisModuleConfigGetNumericFunc)(const char *, void *);
typedef int (*RedisModuleConfigGetBoolFunc)(const char *, void *);
typedef int (*RedisModuleConfigGetEnumFunc)(const char *, void *);
typedef int (*RedisModuleConfigSetStringFunc)(const char *, RedisModuleString *, void *,
        RedisModuleString **);
typedef int (*RedisModuleConfigSetNumericFunc)(const char *, long long, void *,
        RedisModuleString **);
typedef int (*RedisModuleConfigSetBoolFunc)(const char *, int, void *, RedisModuleString **);
typedef int (*RedisModuleConfigSetEnumFunc)(const char *, int, void *, RedisModuleString **);
typedef int (*RedisModuleConfigApplyFunc)(RedisModuleCtx *, void *, RedisModuleString **);
typedef void (*RedisModuleOnUnblocked)(RedisModuleCtx *, RedisModuleCallReply *, void *);
typedef int (*RedisModuleAuthCallback)(RedisModuleCtx *, RedisModuleString *, RedisModuleString *,
        RedisModuleString **);

/* ---- structs --------------------------------------------------------------------------------- */

/* The callbacks of a data type. `version` says how far the fields reach; any may be NULL. */
typedef struct RedisModuleTypeMethods {
    uint64_t version;
    RedisModuleTypeLoadFunc rdb_load;
    RedisModuleTypeSaveFunc rdb_save;
    RedisModuleTypeRewriteFunc aof_rewrite;
    RedisModuleTypeMemUsageFunc mem_usage;
    RedisModuleTypeDigestFunc digest;
    RedisModuleTypeFreeFunc free;
    /* version 2 */
    RedisModuleTypeAuxLoadFunc aux_load;
    RedisModuleTypeAuxSaveFunc aux_save;
    int aux_save_triggers;      /* REDISMODULE_AUX_* */
    /* version 3 */
    RedisModuleTypeFreeEffortFunc free_effort;
    RedisModuleTypeUnlinkFunc unlink;
    RedisModuleTypeCopyFunc copy;
    RedisModuleTypeDefragFunc defrag;
    /* version 4: the same, told more */
    RedisModuleTypeMemUsageFunc2 mem_usage2;
    RedisModuleTypeFreeEffortFunc2 free_effort2;
    RedisModuleTypeUnlinkFunc2 unlink2;
    RedisModuleTypeCopyFunc2 copy2;
    /* version 5: writes nothing at all when the callback writes nothing */
    RedisModuleTypeAuxSaveFunc aux_save2;
} RedisModuleTypeMethods;

/* What COMMAND INFO and COMMAND DOCS tell of a command. Arrays end with an empty element, and the
 * version tells the server how large their elements are. */
typedef struct RedisModuleCommandHistoryEntry {
    const char *since;
    const char *changes;
} RedisModuleCommandHistoryEntry;

typedef struct RedisModuleCommandKeySpec {
    const char *notes;
    uint64_t flags;             /* REDISMODULE_CMD_KEY_* */
    RedisModuleKeySpecBeginSearchType begin_search_type;
    union {
        struct {
            int pos;
        } index;
        struct {
            const char *keyword;
            int startfrom;      /* negative: from the end */
        } keyword;
    } bs;
    RedisModuleKeySpecFindKeysType find_keys_type;
    union {
        struct {
            int lastkey;        /* relative to the first key; negative: from the end */
            int keystep;
            int limit;          /* with lastkey -1: the keys are a limit-th of the rest */
        } range;
        struct {
            int keynumidx;
            int firstkey;
            int keystep;
        } keynum;
    } fk;
} RedisModuleCommandKeySpec;

typedef struct RedisModuleCommandArg {
    const char *name;
    RedisModuleCommandArgType type;
    int key_spec_index;
    const char *token;
    const char *summary;
    const char *since;
    int flags;                  /* REDISMODULE_CMD_ARG_* */
    const char *deprecated_since;
    struct RedisModuleCommandArg *subargs;
    const char *display_text;
} RedisModuleCommandArg;

typedef struct RedisModuleCommandInfoVersion {
    int version;
    size_t sizeof_historyentry;
    size_t sizeof_keyspec;
    size_t sizeof_arg;
} RedisModuleCommandInfoVersion;

typedef struct RedisModuleCommandInfo {
    const RedisModuleCommandInfoVersion *version;
    const char *summary;
    const char *complexity;
    const char *since;
    RedisModuleCommandHistoryEntry *history;
    const char *tips;           /* separated by blanks */
    int arity;                  /* negative: at least that many, the name included */
    RedisModuleCommandKeySpec *key_specs;
    RedisModuleCommandArg *args;
} RedisModuleCommandInfo;

/* What events come with. */
typedef struct {
    uint64_t version;           /* 1, also on entry to GetClientInfoById */
    uint64_t flags;             /* REDISMODULE_CLIENTINFO_FLAG_* */
    uint64_t id;
    char addr[46];
    uint16_t port;
    uint16_t db;
} RedisModuleClientInfoV1;

typedef struct {
    uint64_t version;
    int master;                 /* whether this server is one */
    char *masterhost;
    int masterport;
    char *replid1, *replid2;
    uint64_t repl1_offset, repl2_offset;
} RedisModuleReplicationInfoV1;

typedef struct {
    uint64_t version;
    int32_t sync;
    int32_t dbnum;              /* -1: all */
} RedisModuleFlushInfoV1;

typedef struct {
    uint64_t version;
    const char *module_name;
    int32_t module_version;
} RedisModuleModuleChangeV1;

typedef struct {
    uint64_t version;
    uint32_t num_changes;
    const char **config_names;
} RedisModuleConfigChangeV1;

typedef struct {
    uint64_t version;
    int32_t hz;
} RedisModuleCronLoopV1;

typedef struct {
    uint64_t version;
    int32_t hz;
    int32_t progress;           /* 0 to 1024; -1: not known */
} RedisModuleLoadingProgressV1;

typedef struct {
    uint64_t version;
    int32_t dbnum_first, dbnum_second;
} RedisModuleSwapDbInfoV1;

typedef struct {
    uint64_t version;
    RedisModuleKey *key;
} RedisModuleKeyInfoV1;

#define RedisModuleClientInfo RedisModuleClientInfoV1
#define RedisModuleReplicationInfo RedisModuleReplicationInfoV1
#define RedisModuleFlushInfo RedisModuleFlushInfoV1
#define RedisModuleModuleChange RedisModuleModuleChangeV1
#define RedisModuleConfigChange RedisModuleConfigChangeV1
#define RedisModuleCronLoop RedisModuleCronLoopV1
#define RedisModuleLoadingProgress RedisModuleLoadingProgressV1
#define RedisModuleSwapDbInfo RedisModuleSwapDbInfoV1
#define RedisModuleKeyInfo RedisModuleKeyInfoV1

/* ---- functions ------------------------------------------------------------------------------- */

/* Every function once: F(what it returns, its name without RedisModule_, its parameters). */
#define REDISMODULE_FUNCTIONS(F)                                                                   \
    /* Memory, from any thread. */                                                                 \
    F(void *, Alloc, (size_t))                                                                     \
    F(void *, TryAlloc, (size_t))                                                                  \
    F(void *, Realloc, (void *, size_t))                                                           \
    F(void *, TryRealloc, (void *, size_t))                                                        \
    F(void, Free, (void *))                                                                        \
    F(void *, Calloc, (size_t, size_t))                                                            \
    F(void *, TryCalloc, (size_t, size_t))                                                         \
    F(char *, Strdup, (const char *))                                                              \
    F(void *, PoolAlloc, (RedisModuleCtx *, size_t))                                               \
    F(size_t, MallocSize, (void *))                                                                \
    F(size_t, MallocUsableSize, (void *))                                                          \
    F(size_t, MallocSizeString, (RedisModuleString *))                                             \
    F(size_t, MallocSizeDict, (RedisModuleDict *))                                                 \
    F(float, GetUsedMemoryRatio, (void))                                                           \
    /* The module and its commands. */                                                             \
    F(int, CreateCommand, (RedisModuleCtx *, const char *, RedisModuleCmdFunc, const char *, int,  \
        int, int))                                                                                 \
    F(RedisModuleCommand *, GetCommand, (RedisModuleCtx *, const char *))                          \
    F(int, CreateSubcommand, (RedisModuleCommand *, const char *, RedisModuleCmdFunc,              \
        const char *, int, int, int))                                                              \
    F(int, SetCommandInfo, (RedisModuleCommand *, const RedisModuleCommandInfo *))                 \
    F(int, SetCommandACLCategories, (RedisModuleCommand *, const char *))                          \
    F(int, AddACLCategory, (RedisModuleCtx *, const char *))                                       \
    F(void, SetModuleAttribs, (RedisModuleCtx *, const char *, int, int))                          \
    F(int, IsModuleNameBusy, (const char *))                                                       \
    F(void, SetModuleOptions, (RedisModuleCtx *, int))                                             \
    F(int, GetModuleOptionsAll, (void))                                                            \
    F(int, GetServerVersion, (void))                                                               \
    F(int, WrongArity, (RedisModuleCtx *))                                                         \
    F(int, IsKeysPositionRequest, (RedisModuleCtx *))                                              \
    F(void, KeyAtPos, (RedisModuleCtx *, int))                                                     \
    F(void, KeyAtPosWithFlags, (RedisModuleCtx *, int, int))                                       \
    F(int, IsChannelsPositionRequest, (RedisModuleCtx *))                                          \
    F(void, ChannelAtPosWithFlags, (RedisModuleCtx *, int, int))                                   \
    F(int *, GetCommandKeys, (RedisModuleCtx *, RedisModuleString **, int, int *))                 \
    F(int *, GetCommandKeysWithFlags, (RedisModuleCtx *, RedisModuleString **, int, int *,         \
        int **))                                                                                   \
    F(const char *, GetCurrentCommandName, (RedisModuleCtx *))                                     \
    F(int, RedactClientCommandArgument, (RedisModuleCtx *, int))                                   \
    /* Replies. */                                                                                 \
    F(int, ReplyWithLongLong, (RedisModuleCtx *, long long))                                       \
    F(int, ReplyWithError, (RedisModuleCtx *, const char *))                                       \
    F(int, ReplyWithErrorFormat, (RedisModuleCtx *, const char *, ...))                            \
    F(int, ReplyWithSimpleString, (RedisModuleCtx *, const char *))                                \
    F(int, ReplyWithArray, (RedisModuleCtx *, long))                                               \
    F(int, ReplyWithMap, (RedisModuleCtx *, long))                                                 \
    F(int, ReplyWithSet, (RedisModuleCtx *, long))                                                 \
    F(int, ReplyWithAttribute, (RedisModuleCtx *, long))                                           \
    F(int, ReplyWithNullArray, (RedisModuleCtx *))                                                 \
    F(int, ReplyWithEmptyArray, (RedisModuleCtx *))                                                \
    F(void, ReplySetArrayLength, (RedisModuleCtx *, long))                                         \
    F(void, ReplySetMapLength, (RedisModuleCtx *, long))                                           \
    F(void, ReplySetSetLength, (RedisModuleCtx *, long))                                           \
    F(void, ReplySetAttributeLength, (RedisModuleCtx *, long))                                     \
    F(void, ReplySetPushLength, (RedisModuleCtx *, long))                                          \
    F(int, ReplyWithStringBuffer, (RedisModuleCtx *, const char *, size_t))                        \
    F(int, ReplyWithCString, (RedisModuleCtx *, const char *))                                     \
    F(int, ReplyWithString, (RedisModuleCtx *, RedisModuleString *))                               \
    F(int, ReplyWithEmptyString, (RedisModuleCtx *))                                               \
    F(int, ReplyWithVerbatimString, (RedisModuleCtx *, const char *, size_t))                      \
    F(int, ReplyWithVerbatimStringType, (RedisModuleCtx *, const char *, size_t, const char *))    \
    F(int, ReplyWithNull, (RedisModuleCtx *))                                                      \
    F(int, ReplyWithBool, (RedisModuleCtx *, int))                                                 \
    F(int, ReplyWithLongDouble, (RedisModuleCtx *, long double))                                   \
    F(int, ReplyWithDouble, (RedisModuleCtx *, double))                                            \
    F(int, ReplyWithBigNumber, (RedisModuleCtx *, const char *, size_t))                           \
    F(int, ReplyWithCallReply, (RedisModuleCtx *, RedisModuleCallReply *))                         \
    /* Strings. */                                                                                 \
    F(RedisModuleString *, CreateString, (RedisModuleCtx *, const char *, size_t))                 \
    F(RedisModuleString *, CreateStringFromLongLong, (RedisModuleCtx *, long long))                \
    F(RedisModuleString *, CreateStringFromULongLong, (RedisModuleCtx *, unsigned long long))      \
    F(RedisModuleString *, CreateStringFromDouble, (RedisModuleCtx *, double))                     \
    F(RedisModuleString *, CreateStringFromLongDouble, (RedisModuleCtx *, long double, int))       \
    F(RedisModuleString *, CreateStringFromString, (RedisModuleCtx *, const RedisModuleString *))  \
    F(RedisModuleString *, CreateStringFromStreamID, (RedisModuleCtx *,                            \
        const RedisModuleStreamID *))                                                              \
    F(RedisModuleString *, CreateStringFromCallReply, (RedisModuleCallReply *))                    \
    F(RedisModuleString *, CreateStringPrintf, (RedisModuleCtx *, const char *, ...))              \
    F(void, FreeString, (RedisModuleCtx *, RedisModuleString *))                                   \
    F(void, RetainString, (RedisModuleCtx *, RedisModuleString *))                                 \
    F(RedisModuleString *, HoldString, (RedisModuleCtx *, RedisModuleString *))                    \
    F(const char *, StringPtrLen, (const RedisModuleString *, size_t *))                           \
    F(int, StringToLongLong, (const RedisModuleString *, long long *))                             \
    F(int, StringToULongLong, (const RedisModuleString *, unsigned long long *))                   \
    F(int, StringToDouble, (const RedisModuleString *, double *))                                  \
    F(int, StringToLongDouble, (const RedisModuleString *, long double *))                         \
    F(int, StringToStreamID, (const RedisModuleString *, RedisModuleStreamID *))                   \
    F(int, StringAppendBuffer, (RedisModuleCtx *, RedisModuleString *, const char *, size_t))      \
    F(void, TrimStringAllocation, (RedisModuleString *))                                           \
    F(int, StringCompare, (const RedisModuleString *, const RedisModuleString *))                  \
    F(void, AutoMemory, (RedisModuleCtx *))                                                        \
    /* The context, its client and its database. */                                                \
    F(int, GetSelectedDb, (RedisModuleCtx *))                                                      \
    F(int, SelectDb, (RedisModuleCtx *, int))                                                      \
    F(int, GetContextFlags, (RedisModuleCtx *))                                                    \
    F(int, GetContextFlagsAll, (void))                                                             \
    F(int, AvoidReplicaTraffic, (void))                                                            \
    F(unsigned long long, GetClientId, (RedisModuleCtx *))                                         \
    F(RedisModuleString *, GetClientUserNameById, (RedisModuleCtx *, uint64_t))                    \
    F(int, GetClientInfoById, (void *, uint64_t))                                                  \
    F(RedisModuleString *, GetClientNameById, (RedisModuleCtx *, uint64_t))                        \
    F(int, SetClientNameById, (uint64_t, RedisModuleString *))                                     \
    F(RedisModuleString *, GetClientCertificate, (RedisModuleCtx *, uint64_t))                     \
    F(int, DeauthenticateAndCloseClient, (RedisModuleCtx *, uint64_t))                             \
    F(int, PublishMessage, (RedisModuleCtx *, RedisModuleString *, RedisModuleString *))           \
    F(int, PublishMessageShard, (RedisModuleCtx *, RedisModuleString *, RedisModuleString *))      \
    /* Keys. */                                                                                    \
    F(int, KeyExists, (RedisModuleCtx *, RedisModuleString *))                                     \
    F(RedisModuleKey *, OpenKey, (RedisModuleCtx *, RedisModuleString *, int))                     \
    F(int, GetOpenKeyModesAll, (void))                                                             \
    F(void, CloseKey, (RedisModuleKey *))                                                          \
    F(int, KeyType, (RedisModuleKey *))                                                            \
    F(size_t, ValueLength, (RedisModuleKey *))                                                     \
    F(int, DeleteKey, (RedisModuleKey *))                                                          \
    F(int, UnlinkKey, (RedisModuleKey *))                                                          \
    F(mstime_t, GetExpire, (RedisModuleKey *))                                                     \
    F(int, SetExpire, (RedisModuleKey *, mstime_t))                                                \
    F(mstime_t, GetAbsExpire, (RedisModuleKey *))                                                  \
    F(int, SetAbsExpire, (RedisModuleKey *, mstime_t))                                             \
    F(int, SetLRU, (RedisModuleKey *, mstime_t))                                                   \
    F(int, GetLRU, (RedisModuleKey *, mstime_t *))                                                 \
    F(int, SetLFU, (RedisModuleKey *, long long))                                                  \
    F(int, GetLFU, (RedisModuleKey *, long long *))                                                \
    F(void, ResetDataset, (int, int))                                                              \
    F(unsigned long long, DbSize, (RedisModuleCtx *))                                              \
    F(RedisModuleString *, RandomKey, (RedisModuleCtx *))                                          \
    F(const RedisModuleString *, GetKeyNameFromModuleKey, (RedisModuleKey *))                      \
    F(int, GetDbIdFromModuleKey, (RedisModuleKey *))                                               \
    F(int, SignalModifiedKey, (RedisModuleCtx *, RedisModuleString *))                             \
    /* Values that are strings. */                                                                 \
    F(int, StringSet, (RedisModuleKey *, RedisModuleString *))                                     \
    F(char *, StringDMA, (RedisModuleKey *, size_t *, int))                                        \
    F(int, StringTruncate, (RedisModuleKey *, size_t))                                             \
    /* Values that are lists. */                                                                   \
    F(int, ListPush, (RedisModuleKey *, int, RedisModuleString *))                                 \
    F(RedisModuleString *, ListPop, (RedisModuleKey *, int))                                       \
    F(RedisModuleString *, ListGet, (RedisModuleKey *, long))                                      \
    F(int, ListSet, (RedisModuleKey *, long, RedisModuleString *))                                 \
    F(int, ListInsert, (RedisModuleKey *, long, RedisModuleString *))                              \
    F(int, ListDelete, (RedisModuleKey *, long))                                                   \
    /* Values that are sorted sets. */                                                             \
    F(int, ZsetAdd, (RedisModuleKey *, double, RedisModuleString *, int *))                        \
    F(int, ZsetIncrby, (RedisModuleKey *, double, RedisModuleString *, int *, double *))           \
    F(int, ZsetScore, (RedisModuleKey *, RedisModuleString *, double *))                           \
    F(int, ZsetRem, (RedisModuleKey *, RedisModuleString *, int *))                                \
    F(void, ZsetRangeStop, (RedisModuleKey *))                                                     \
    F(int, ZsetFirstInScoreRange, (RedisModuleKey *, double, double, int, int))                    \
    F(int, ZsetLastInScoreRange, (RedisModuleKey *, double, double, int, int))                     \
    F(int, ZsetFirstInLexRange, (RedisModuleKey *, RedisModuleString *, RedisModuleString *))      \
    F(int, ZsetLastInLexRange, (RedisModuleKey *, RedisModuleString *, RedisModuleString *))       \
    F(RedisModuleString *, ZsetRangeCurrentElement, (RedisModuleKey *, double *))                  \
    F(int, ZsetRangeNext, (RedisModuleKey *))                                                      \
    F(int, ZsetRangePrev, (RedisModuleKey *))                                                      \
    F(int, ZsetRangeEndReached, (RedisModuleKey *))                                                \
    /* Values that are hashes. */                                                                  \
    F(int, HashSet, (RedisModuleKey *, int, ...))                                                  \
    F(int, HashGet, (RedisModuleKey *, int, ...))                                                  \
    /* Values that are streams. */                                                                 \
    F(int, StreamAdd, (RedisModuleKey *, int, RedisModuleStreamID *, RedisModuleString **,         \
        int64_t))                                                                                  \
    F(int, StreamDelete, (RedisModuleKey *, RedisModuleStreamID *))                                \
    F(int, StreamIteratorStart, (RedisModuleKey *, int, RedisModuleStreamID *,                     \
        RedisModuleStreamID *))                                                                    \
    F(int, StreamIteratorStop, (RedisModuleKey *))                                                 \
    F(int, StreamIteratorNextID, (RedisModuleKey *, RedisModuleStreamID *, long *))                \
    F(int, StreamIteratorNextField, (RedisModuleKey *, RedisModuleString **,                       \
        RedisModuleString **))                                                                     \
    F(int, StreamIteratorDelete, (RedisModuleKey *))                                               \
    F(long long, StreamTrimByLength, (RedisModuleKey *, int, long long))                           \
    F(long long, StreamTrimByID, (RedisModuleKey *, int, RedisModuleStreamID *))                   \
    /* Calling commands, and their replies. */                                                     \
    F(RedisModuleCallReply *, Call, (RedisModuleCtx *, const char *, const char *, ...))           \
    F(const char *, CallReplyProto, (RedisModuleCallReply *, size_t *))                            \
    F(void, FreeCallReply, (RedisModuleCallReply *))                                               \
    F(int, CallReplyType, (RedisModuleCallReply *))                                                \
    F(long long, CallReplyInteger, (RedisModuleCallReply *))                                       \
    F(double, CallReplyDouble, (RedisModuleCallReply *))                                           \
    F(int, CallReplyBool, (RedisModuleCallReply *))                                                \
    F(const char *, CallReplyBigNumber, (RedisModuleCallReply *, size_t *))                        \
    F(const char *, CallReplyVerbatim, (RedisModuleCallReply *, size_t *, const char **))          \
    F(RedisModuleCallReply *, CallReplySetElement, (RedisModuleCallReply *, size_t))               \
    F(int, CallReplyMapElement, (RedisModuleCallReply *, size_t, RedisModuleCallReply **,          \
        RedisModuleCallReply **))                                                                  \
    F(int, CallReplyAttributeElement, (RedisModuleCallReply *, size_t, RedisModuleCallReply **,    \
        RedisModuleCallReply **))                                                                  \
    F(RedisModuleCallReply *, CallReplyAttribute, (RedisModuleCallReply *))                        \
    F(size_t, CallReplyLength, (RedisModuleCallReply *))                                           \
    F(RedisModuleCallReply *, CallReplyArrayElement, (RedisModuleCallReply *, size_t))             \
    F(const char *, CallReplyStringPtr, (RedisModuleCallReply *, size_t *))                        \
    F(void, CallReplyPromiseSetUnblockHandler, (RedisModuleCallReply *, RedisModuleOnUnblocked,    \
        void *))                                                                                   \
    F(int, CallReplyPromiseAbort, (RedisModuleCallReply *, void **))                               \
    /* Propagation. */                                                                             \
    F(int, Replicate, (RedisModuleCtx *, const char *, const char *, ...))                         \
    F(int, ReplicateVerbatim, (RedisModuleCtx *))                                                  \
    /* Data types. */                                                                              \
    F(RedisModuleType *, CreateDataType, (RedisModuleCtx *, const char *, int,                     \
        RedisModuleTypeMethods *))                                                                 \
    F(int, GetTypeMethodVersion, (void))                                                           \
    F(int, ModuleTypeSetValue, (RedisModuleKey *, RedisModuleType *, void *))                      \
    F(int, ModuleTypeReplaceValue, (RedisModuleKey *, RedisModuleType *, void *, void **))         \
    F(RedisModuleType *, ModuleTypeGetType, (RedisModuleKey *))                                    \
    F(void *, ModuleTypeGetValue, (RedisModuleKey *))                                              \
    F(void *, LoadDataTypeFromString, (const RedisModuleString *, const RedisModuleType *))        \
    F(void *, LoadDataTypeFromStringEncver, (const RedisModuleString *, const RedisModuleType *,   \
        int))                                                                                      \
    F(RedisModuleString *, SaveDataTypeToString, (RedisModuleCtx *, void *,                        \
        const RedisModuleType *))                                                                  \
    F(int, GetDbIdFromOptCtx, (RedisModuleKeyOptCtx *))                                            \
    F(int, GetToDbIdFromOptCtx, (RedisModuleKeyOptCtx *))                                          \
    F(const RedisModuleString *, GetKeyNameFromOptCtx, (RedisModuleKeyOptCtx *))                   \
    F(const RedisModuleString *, GetToKeyNameFromOptCtx, (RedisModuleKeyOptCtx *))                 \
    /* Saving and loading values. */                                                               \
    F(int, IsIOError, (RedisModuleIO *))                                                           \
    F(void, SaveUnsigned, (RedisModuleIO *, uint64_t))                                             \
    F(uint64_t, LoadUnsigned, (RedisModuleIO *))                                                   \
    F(void, SaveSigned, (RedisModuleIO *, int64_t))                                                \
    F(int64_t, LoadSigned, (RedisModuleIO *))                                                      \
    F(void, EmitAOF, (RedisModuleIO *, const char *, const char *, ...))                           \
    F(void, SaveString, (RedisModuleIO *, RedisModuleString *))                                    \
    F(void, SaveStringBuffer, (RedisModuleIO *, const char *, size_t))                             \
    F(RedisModuleString *, LoadString, (RedisModuleIO *))                                          \
    F(char *, LoadStringBuffer, (RedisModuleIO *, size_t *))                                       \
    F(void, SaveDouble, (RedisModuleIO *, double))                                                 \
    F(double, LoadDouble, (RedisModuleIO *))                                                       \
    F(void, SaveFloat, (RedisModuleIO *, float))                                                   \
    F(float, LoadFloat, (RedisModuleIO *))                                                         \
    F(void, SaveLongDouble, (RedisModuleIO *, long double))                                        \
    F(long double, LoadLongDouble, (RedisModuleIO *))                                              \
    F(void, LogIOError, (RedisModuleIO *, const char *, const char *, ...))                        \
    F(RedisModuleCtx *, GetContextFromIO, (RedisModuleIO *))                                       \
    F(const RedisModuleString *, GetKeyNameFromIO, (RedisModuleIO *))                              \
    F(int, GetDbIdFromIO, (RedisModuleIO *))                                                       \
    F(RedisModuleRdbStream *, RdbStreamCreateFromFile, (const char *))                             \
    F(void, RdbStreamFree, (RedisModuleRdbStream *))                                               \
    F(int, RdbLoad, (RedisModuleCtx *, RedisModuleRdbStream *, int))                               \
    F(int, RdbSave, (RedisModuleCtx *, RedisModuleRdbStream *, int))                               \
    /* Digests. */                                                                                 \
    F(void, DigestAddStringBuffer, (RedisModuleDigest *, const char *, size_t))                    \
    F(void, DigestAddLongLong, (RedisModuleDigest *, long long))                                   \
    F(void, DigestEndSequence, (RedisModuleDigest *))                                              \
    F(int, GetDbIdFromDigest, (RedisModuleDigest *))                                               \
    F(const RedisModuleString *, GetKeyNameFromDigest, (RedisModuleDigest *))                      \
    /* Ordered dictionaries. */                                                                    \
    F(RedisModuleDict *, CreateDict, (RedisModuleCtx *))                                           \
    F(void, FreeDict, (RedisModuleCtx *, RedisModuleDict *))                                       \
    F(uint64_t, DictSize, (RedisModuleDict *))                                                     \
    F(int, DictSetC, (RedisModuleDict *, void *, size_t, void *))                                  \
    F(int, DictReplaceC, (RedisModuleDict *, void *, size_t, void *))                              \
    F(int, DictSet, (RedisModuleDict *, RedisModuleString *, void *))                              \
    F(int, DictReplace, (RedisModuleDict *, RedisModuleString *, void *))                          \
    F(void *, DictGetC, (RedisModuleDict *, void *, size_t, int *))                                \
    F(void *, DictGet, (RedisModuleDict *, RedisModuleString *, int *))                            \
    F(int, DictDelC, (RedisModuleDict *, void *, size_t, void *))                                  \
    F(int, DictDel, (RedisModuleDict *, RedisModuleString *, void *))                              \
    F(RedisModuleDictIter *, DictIteratorStartC, (RedisModuleDict *, const char *, void *,         \
        size_t))                                                                                   \
    F(RedisModuleDictIter *, DictIteratorStart, (RedisModuleDict *, const char *,                  \
        RedisModuleString *))                                                                      \
    F(void, DictIteratorStop, (RedisModuleDictIter *))                                             \
    F(int, DictIteratorReseekC, (RedisModuleDictIter *, const char *, void *, size_t))             \
    F(int, DictIteratorReseek, (RedisModuleDictIter *, const char *, RedisModuleString *))         \
    F(void *, DictNextC, (RedisModuleDictIter *, size_t *, void **))                               \
    F(void *, DictPrevC, (RedisModuleDictIter *, size_t *, void **))                               \
    F(RedisModuleString *, DictNext, (RedisModuleCtx *, RedisModuleDictIter *, void **))           \
    F(RedisModuleString *, DictPrev, (RedisModuleCtx *, RedisModuleDictIter *, void **))           \
    F(int, DictCompareC, (RedisModuleDictIter *, const char *, void *, size_t))                    \
    F(int, DictCompare, (RedisModuleDictIter *, const char *, RedisModuleString *))                \
    /* Logs, clocks and chance. */                                                                 \
    F(void, Log, (RedisModuleCtx *, const char *, const char *, ...))                              \
    F(void, _Assert, (const char *, const char *, int))                                            \
    F(void, LatencyAddSample, (const char *, mstime_t))                                            \
    F(mstime_t, Milliseconds, (void))                                                              \
    F(uint64_t, MonotonicMicroseconds, (void))                                                     \
    F(ustime_t, Microseconds, (void))                                                              \
    F(ustime_t, CachedMicroseconds, (void))                                                        \
    F(void, GetRandomBytes, (unsigned char *, size_t))                                             \
    F(void, GetRandomHexChars, (char *, size_t))                                                   \
    /* INFO. */                                                                                    \
    F(int, RegisterInfoFunc, (RedisModuleCtx *, RedisModuleInfoFunc))                              \
    F(int, InfoAddSection, (RedisModuleInfoCtx *, const char *))                                   \
    F(int, InfoBeginDictField, (RedisModuleInfoCtx *, const char *))                               \
    F(int, InfoEndDictField, (RedisModuleInfoCtx *))                                               \
    F(int, InfoAddFieldString, (RedisModuleInfoCtx *, const char *, RedisModuleString *))          \
    F(int, InfoAddFieldCString, (RedisModuleInfoCtx *, const char *, const char *))                \
    F(int, InfoAddFieldDouble, (RedisModuleInfoCtx *, const char *, double))                       \
    F(int, InfoAddFieldLongLong, (RedisModuleInfoCtx *, const char *, long long))                  \
    F(int, InfoAddFieldULongLong, (RedisModuleInfoCtx *, const char *, unsigned long long))        \
    F(RedisModuleServerInfoData *, GetServerInfo, (RedisModuleCtx *, const char *))                \
    F(void, FreeServerInfo, (RedisModuleCtx *, RedisModuleServerInfoData *))                       \
    F(RedisModuleString *, ServerInfoGetField, (RedisModuleCtx *, RedisModuleServerInfoData *,     \
        const char *))                                                                             \
    F(const char *, ServerInfoGetFieldC, (RedisModuleServerInfoData *, const char *))              \
    F(long long, ServerInfoGetFieldSigned, (RedisModuleServerInfoData *, const char *, int *))     \
    F(unsigned long long, ServerInfoGetFieldUnsigned, (RedisModuleServerInfoData *, const char *,  \
        int *))                                                                                    \
    F(double, ServerInfoGetFieldDouble, (RedisModuleServerInfoData *, const char *, int *))        \
    /* Events. */                                                                                  \
    F(int, SubscribeToServerEvent, (RedisModuleCtx *, RedisModuleEvent, RedisModuleEventCallback)) \
    F(int, IsSubEventSupported, (RedisModuleEvent, uint64_t))                                      \
    F(int, SubscribeToKeyspaceEvents, (RedisModuleCtx *, int, RedisModuleNotificationFunc))        \
    F(int, AddPostNotificationJob, (RedisModuleCtx *, RedisModulePostNotificationJobFunc, void *,  \
        void (*)(void *)))                                                                         \
    F(int, NotifyKeyspaceEvent, (RedisModuleCtx *, int, const char *, RedisModuleString *))        \
    F(int, GetNotifyKeyspaceEvents, (void))                                                        \
    F(int, GetKeyspaceNotificationFlagsAll, (void))                                                \
    /* Clients that wait. */                                                                       \
    F(RedisModuleBlockedClient *, BlockClient, (RedisModuleCtx *, RedisModuleCmdFunc,              \
        RedisModuleCmdFunc, void (*)(RedisModuleCtx *, void *), long long))                        \
    F(void *, BlockClientGetPrivateData, (RedisModuleBlockedClient *))                             \
    F(void, BlockClientSetPrivateData, (RedisModuleBlockedClient *, void *))                       \
    F(RedisModuleBlockedClient *, BlockClientOnAuth, (RedisModuleCtx *, RedisModuleAuthCallback,   \
        void (*)(RedisModuleCtx *, void *)))                                                       \
    F(RedisModuleBlockedClient *, BlockClientOnKeys, (RedisModuleCtx *, RedisModuleCmdFunc,        \
        RedisModuleCmdFunc, void (*)(RedisModuleCtx *, void *), long long, RedisModuleString **,   \
        int, void *))                                                                              \
    F(RedisModuleBlockedClient *, BlockClientOnKeysWithFlags, (RedisModuleCtx *,                   \
        RedisModuleCmdFunc, RedisModuleCmdFunc, void (*)(RedisModuleCtx *, void *), long long,     \
        RedisModuleString **, int, void *, int))                                                   \
    F(void, SignalKeyAsReady, (RedisModuleCtx *, RedisModuleString *))                             \
    F(RedisModuleString *, GetBlockedClientReadyKey, (RedisModuleCtx *))                           \
    F(int, UnblockClient, (RedisModuleBlockedClient *, void *))                                    \
    F(int, IsBlockedReplyRequest, (RedisModuleCtx *))                                              \
    F(int, IsBlockedTimeoutRequest, (RedisModuleCtx *))                                            \
    F(void *, GetBlockedClientPrivateData, (RedisModuleCtx *))                                     \
    F(RedisModuleBlockedClient *, GetBlockedClientHandle, (RedisModuleCtx *))                      \
    F(int, BlockedClientDisconnected, (RedisModuleCtx *))                                          \
    F(int, AbortBlock, (RedisModuleBlockedClient *))                                               \
    F(int, BlockedClientMeasureTimeStart, (RedisModuleBlockedClient *))                            \
    F(int, BlockedClientMeasureTimeEnd, (RedisModuleBlockedClient *))                              \
    F(void, SetDisconnectCallback, (RedisModuleBlockedClient *, RedisModuleDisconnectFunc))        \
    F(void, Yield, (RedisModuleCtx *, int, const char *))                                          \
    /* Threads. */                                                                                 \
    F(RedisModuleCtx *, GetThreadSafeContext, (RedisModuleBlockedClient *))                        \
    F(RedisModuleCtx *, GetDetachedThreadSafeContext, (RedisModuleCtx *))                          \
    F(void, FreeThreadSafeContext, (RedisModuleCtx *))                                             \
    F(void, ThreadSafeContextLock, (RedisModuleCtx *))                                             \
    F(int, ThreadSafeContextTryLock, (RedisModuleCtx *))                                           \
    F(void, ThreadSafeContextUnlock, (RedisModuleCtx *))                                           \
    /* Timers and the event loop. */                                                               \
    F(RedisModuleTimerID, CreateTimer, (RedisModuleCtx *, mstime_t, RedisModuleTimerProc, void *)) \
    F(int, StopTimer, (RedisModuleCtx *, RedisModuleTimerID, void **))                             \
    F(int, GetTimerInfo, (RedisModuleCtx *, RedisModuleTimerID, uint64_t *, void **))              \
    F(int, EventLoopAdd, (int, int, RedisModuleEventLoopFunc, void *))                             \
    F(int, EventLoopDel, (int, int))                                                               \
    F(int, EventLoopAddOneShot, (RedisModuleEventLoopOneShotFunc, void *))                         \
    /* Scans. */                                                                                   \
    F(RedisModuleScanCursor *, ScanCursorCreate, (void))                                           \
    F(void, ScanCursorRestart, (RedisModuleScanCursor *))                                          \
    F(void, ScanCursorDestroy, (RedisModuleScanCursor *))                                          \
    F(int, Scan, (RedisModuleCtx *, RedisModuleScanCursor *, RedisModuleScanCB, void *))           \
    F(int, ScanKey, (RedisModuleKey *, RedisModuleScanCursor *, RedisModuleScanKeyCB, void *))     \
    /* Cluster. */                                                                                 \
    F(void, RegisterClusterMessageReceiver, (RedisModuleCtx *, uint8_t,                            \
        RedisModuleClusterMessageReceiver))                                                        \
    F(int, SendClusterMessage, (RedisModuleCtx *, const char *, uint8_t, const char *, uint32_t))  \
    F(int, GetClusterNodeInfo, (RedisModuleCtx *, const char *, char *, char *, int *, int *))     \
    F(char **, GetClusterNodesList, (RedisModuleCtx *, size_t *))                                  \
    F(void, FreeClusterNodesList, (char **))                                                       \
    F(const char *, GetMyClusterID, (void))                                                        \
    F(size_t, GetClusterSize, (void))                                                              \
    F(void, SetClusterFlags, (RedisModuleCtx *, uint64_t))                                         \
    F(unsigned int, ClusterKeySlot, (RedisModuleString *))                                         \
    F(const char *, ClusterCanonicalKeyNameInSlot, (unsigned int))                                 \
    /* What modules offer each other. */                                                           \
    F(int, ExportSharedAPI, (RedisModuleCtx *, const char *, void *))                              \
    F(void *, GetSharedAPI, (RedisModuleCtx *, const char *))                                      \
    /* Command filters. */                                                                         \
    F(RedisModuleCommandFilter *, RegisterCommandFilter, (RedisModuleCtx *,                        \
        RedisModuleCommandFilterFunc, int))                                                        \
    F(int, UnregisterCommandFilter, (RedisModuleCtx *, RedisModuleCommandFilter *))                \
    F(int, CommandFilterArgsCount, (RedisModuleCommandFilterCtx *))                                \
    F(RedisModuleString *, CommandFilterArgGet, (RedisModuleCommandFilterCtx *, int))              \
    F(int, CommandFilterArgInsert, (RedisModuleCommandFilterCtx *, int, RedisModuleString *))      \
    F(int, CommandFilterArgReplace, (RedisModuleCommandFilterCtx *, int, RedisModuleString *))     \
    F(int, CommandFilterArgDelete, (RedisModuleCommandFilterCtx *, int))                           \
    F(unsigned long long, CommandFilterGetClientId, (RedisModuleCommandFilterCtx *))               \
    /* Fork children. */                                                                           \
    F(int, Fork, (RedisModuleForkDoneHandler, void *))                                             \
    F(void, SendChildHeartbeat, (double))                                                          \
    F(int, ExitFromChild, (int))                                                                   \
    F(int, KillForkChild, (int))                                                                   \
    /* Users and permissions. */                                                                   \
    F(RedisModuleUser *, CreateModuleUser, (const char *))                                         \
    F(void, FreeModuleUser, (RedisModuleUser *))                                                   \
    F(void, SetContextUser, (RedisModuleCtx *, const RedisModuleUser *))                           \
    F(int, SetModuleUserACL, (RedisModuleUser *, const char *))                                    \
    F(int, SetModuleUserACLString, (RedisModuleCtx *, RedisModuleUser *, const char *,             \
        RedisModuleString **))                                                                     \
    F(RedisModuleString *, GetModuleUserACLString, (RedisModuleUser *))                            \
    F(RedisModuleString *, GetCurrentUserName, (RedisModuleCtx *))                                 \
    F(RedisModuleUser *, GetModuleUserFromUserName, (RedisModuleString *))                         \
    F(int, ACLCheckCommandPermissions, (RedisModuleUser *, RedisModuleString **, int))             \
    F(int, ACLCheckKeyPermissions, (RedisModuleUser *, RedisModuleString *, int))                  \
    F(int, ACLCheckChannelPermissions, (RedisModuleUser *, RedisModuleString *, int))              \
    F(void, ACLAddLogEntry, (RedisModuleCtx *, RedisModuleUser *, RedisModuleString *,             \
        RedisModuleACLLogEntryReason))                                                             \
    F(void, ACLAddLogEntryByUserName, (RedisModuleCtx *, RedisModuleString *,                      \
        RedisModuleString *, RedisModuleACLLogEntryReason))                                        \
    F(int, AuthenticateClientWithACLUser, (RedisModuleCtx *, const char *, size_t,                 \
        RedisModuleUserChangedFunc, void *, uint64_t *))                                           \
    F(int, AuthenticateClientWithUser, (RedisModuleCtx *, RedisModuleUser *,                       \
        RedisModuleUserChangedFunc, void *, uint64_t *))                                           \
    F(void, RegisterAuthCallback, (RedisModuleCtx *, RedisModuleAuthCallback))                     \
    /* Defragmentation. */                                                                         \
    F(int, RegisterDefragFunc, (RedisModuleCtx *, RedisModuleDefragFunc))                          \
    F(int, RegisterDefragCallbacks, (RedisModuleCtx *, RedisModuleDefragFunc,                      \
        RedisModuleDefragFunc))                                                                    \
    F(void *, DefragAlloc, (RedisModuleDefragCtx *, void *))                                       \
    F(void *, DefragAllocRaw, (RedisModuleDefragCtx *, size_t))                                    \
    F(void, DefragFreeRaw, (RedisModuleDefragCtx *, void *))                                       \
    F(RedisModuleString *, DefragRedisModuleString, (RedisModuleDefragCtx *, RedisModuleString *)) \
    F(int, DefragShouldStop, (RedisModuleDefragCtx *))                                             \
    F(int, DefragCursorSet, (RedisModuleDefragCtx *, unsigned long))                               \
    F(int, DefragCursorGet, (RedisModuleDefragCtx *, unsigned long *))                             \
    F(int, GetDbIdFromDefragCtx, (RedisModuleDefragCtx *))                                         \
    F(const RedisModuleString *, GetKeyNameFromDefragCtx, (RedisModuleDefragCtx *))                \
    /* Settings. */                                                                                \
    F(int, RegisterBoolConfig, (RedisModuleCtx *, const char *, int, unsigned int,                 \
        RedisModuleConfigGetBoolFunc, RedisModuleConfigSetBoolFunc, RedisModuleConfigApplyFunc,    \
        void *))                                                                                   \
    F(int, RegisterNumericConfig, (RedisModuleCtx *, const char *, long long, unsigned int,        \
        long long, long long, RedisModuleConfigGetNumericFunc, RedisModuleConfigSetNumericFunc,    \
        RedisModuleConfigApplyFunc, void *))                                                       \
    F(int, RegisterStringConfig, (RedisModuleCtx *, const char *, const char *, unsigned int,      \
        RedisModuleConfigGetStringFunc, RedisModuleConfigSetStringFunc,                            \
        RedisModuleConfigApplyFunc, void *))                                                       \
    F(int, RegisterEnumConfig, (RedisModuleCtx *, const char *, int, unsigned int, const char **,  \
        const int *, int, RedisModuleConfigGetEnumFunc, RedisModuleConfigSetEnumFunc,              \
        RedisModuleConfigApplyFunc, void *))                                                       \
    F(int, LoadConfigs, (RedisModuleCtx *))

/* A server that implements them needs their list, not pointers to them. */
#ifndef REDISMODULE_SERVER

#ifndef REDISMODULE_API
#define REDISMODULE_API
#endif
/* Pointers in every file of a module are the same: the linker merges them. */
#define REDISMODULE_ATTR __attribute__((__common__, unused))
#define REDISMODULE_POINTER(returns, name, parameters)                                             \
    REDISMODULE_API returns(*RedisModule_##name) parameters REDISMODULE_ATTR;
REDISMODULE_FUNCTIONS(REDISMODULE_POINTER)
#undef REDISMODULE_POINTER
REDISMODULE_API int (*RedisModule_GetApi)(const char *, void *)REDISMODULE_ATTR;

#define REDISMODULE_UNUSED __attribute__((unused))
static const RedisModuleCommandInfoVersion RedisModule_CurrentCommandInfoVersion REDISMODULE_UNUSED = {
    1, sizeof(RedisModuleCommandHistoryEntry), sizeof(RedisModuleCommandKeySpec),
    sizeof(RedisModuleCommandArg)};
#define REDISMODULE_COMMAND_INFO_VERSION (&RedisModule_CurrentCommandInfoVersion)

/* Events, as SubscribeToServerEvent takes them. */
#define REDISMODULE_EVENTS(E)                                                                      \
    E(ReplicationRoleChanged, REPLICATION_ROLE_CHANGED)                                            \
    E(Persistence, PERSISTENCE)                                                                    \
    E(FlushDB, FLUSHDB)                                                                            \
    E(Loading, LOADING)                                                                            \
    E(ClientChange, CLIENT_CHANGE)                                                                 \
    E(Shutdown, SHUTDOWN)                                                                          \
    E(ReplicaChange, REPLICA_CHANGE)                                                               \
    E(CronLoop, CRON_LOOP)                                                                         \
    E(MasterLinkChange, MASTER_LINK_CHANGE)                                                        \
    E(ModuleChange, MODULE_CHANGE)                                                                 \
    E(LoadingProgress, LOADING_PROGRESS)                                                           \
    E(SwapDB, SWAPDB)                                                                              \
    E(ReplBackup, REPL_BACKUP)                                                                     \
    E(ReplAsyncLoad, REPL_ASYNC_LOAD)                                                              \
    E(ForkChild, FORK_CHILD)                                                                       \
    E(EventLoop, EVENTLOOP)                                                                        \
    E(Config, CONFIG)                                                                              \
    E(Key, KEY)
#define REDISMODULE_EVENT_CONST(name, number)                                                      \
    static const RedisModuleEvent RedisModuleEvent_##name REDISMODULE_UNUSED = {                    \
        REDISMODULE_EVENT_##number, 1};
REDISMODULE_EVENTS(REDISMODULE_EVENT_CONST)
#undef REDISMODULE_EVENT_CONST

/* Ends the process with a report when `condition` does not hold. */
#define RedisModule_Assert(condition)                                                              \
    ((condition) ? (void)0                                                                         \
                 : (RedisModule__Assert(#condition, __FILE__, __LINE__), exit(1)))

/* First thing in RedisModule_OnLoad(): takes the functions and gives the module its name, which must
 * be free. */
static int RedisModule_Init(RedisModuleCtx *ctx, const char *name, int ver, int apiver)
    REDISMODULE_UNUSED;
static int RedisModule_Init(RedisModuleCtx *ctx, const char *name, int ver, int apiver) {
    /* The first word of a context is the function that finds all others. */
    void *first = ((void **)ctx)[0];
    RedisModule_GetApi = (int (*)(const char *, void *))(uintptr_t)first;
#define REDISMODULE_GET(returns, function, parameters)                                             \
    RedisModule_GetApi("RedisModule_" #function, (void *)&RedisModule_##function);
    REDISMODULE_FUNCTIONS(REDISMODULE_GET)
#undef REDISMODULE_GET
    if (RedisModule_IsModuleNameBusy && RedisModule_IsModuleNameBusy(name)) return REDISMODULE_ERR;
    RedisModule_SetModuleAttribs(ctx, name, ver, apiver);
    return REDISMODULE_OK;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
