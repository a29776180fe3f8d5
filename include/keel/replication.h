/* keel/replication.h - the interface "replication": what the module that copies this server's data
 * to others, or another one's to this, tells to the rest. A replacement of it brings this too. */
#ifndef KEEL_REPLICATION_H
#define KEEL_REPLICATION_H

#include <keel/base.h>

#define KEEL_REPLICATION_VERSION 100

/* From keel_interface("replication", KEEL_REPLICATION_VERSION). Contexts: any on the loop's thread.
 * Cost: loads, where nothing else is said. */
typedef struct KeelReplicationOps {
    uint32_t size;
    /* Whether this server copies another one; whether it is in step with it now, and whether a full
     * copy is under way. */
    bool (*is_replica)(void);
    bool (*link_up)(void);
    bool (*syncing)(void);
    /* Servers that copy this one and follow it live. */
    size_t (*replicas_online)(void);
    /* Of those, how many have acknowledged all that was written up to `offset`. Cost: a walk over
     * them. */
    size_t (*replicas_at)(int64_t offset);
    /* The stream's end: bytes since the history began. Flush the journal before to include what
     * this turn wrote. And the history's id, 40 hexadecimal digits. */
    int64_t (*offset)(void);
    const char *(*id)(void);
    /* No write may be made now for a while, even by timers: a replica is taking over. */
    bool (*avoid_writes)(void);
    /* Whether this server copies another one and yet holds its data to limits of its own. */
    bool (*holds_limits)(void);
    /* Bytes of memory that the kept part of the stream takes, whoever reads it. */
    size_t (*backlog_memory)(void);
} KeelReplicationOps;

/* What KEEL_EVENT_ROLE tells: its data is a KeelRoleEvent. */
typedef enum KeelRoleWhat {
    KEEL_ROLE_PRIMARY,       /* this server is a primary now */
    KEEL_ROLE_REPLICA,       /* this server is a replica now, of `host` and `port` */
    KEEL_ROLE_PEER_ONLINE,   /* a replica of this server, `client`, is online, or is no more */
    KEEL_ROLE_PEER_OFFLINE,
    KEEL_ROLE_LINK_UP,       /* the link to the primary is up and in step, or is lost */
    KEEL_ROLE_LINK_DOWN,
} KeelRoleWhat;
typedef struct KeelRoleEvent {
    KeelRoleWhat what;
    const char *host;        /* the primary's, or the replica's as it announced itself; NULL: none */
    int port;
    KeelClient *client;      /* of PEER_*; NULL for the others */
    size_t replicas;         /* online after this */
} KeelRoleEvent;

#endif
