# Replication. Left out: what makes a connection a replica's or a server a replica (PSYNC, SYNC,
# REPLICAOF), and WAIT for replicas that are not there, which takes its time.

group replication {
    2  ROLE
    1  ROLE @value
    2  WAIT 0 @count
    1  WAIT (0|-1|abc|"") @value
    1  WAIT 0
    1  FAILOVER
    1  FAILOVER (ABORT|TO localhost 1|TIMEOUT 0|TIMEOUT abc|FORCE|TO localhost|ABORT ABORT)
    1  FAILOVER TO localhost 1 FORCE TIMEOUT 1
    1  REPLCONF
    1  REPLCONF (capa eof|listening-port 1|listening-port abc|ip-address 1.2.3.4|hat green|capa)
    1  REPLCONF (rdb-only 2|rdb-only abc|rdb-filter-only keys|rdb-filter-only "")
    1  (REPLICAOF|SLAVEOF) (NO ONE|localhost abc|localhost)
    1  PSYNC (a|?)
    1  DEBUG (CHANGE-REPL-ID|CHANGE-REPL-ID x|REPLICATE)
    1  CONFIG SET (repl-timeout|repl-backlog-size|repl-diskless-load|min-replicas-max-lag) @configvalue
}
