# Server commands that change nothing outside of the dataset and answer the same everywhere. Left
# out: SHUTDOWN, and what belongs to persistence, replication, ACL, slow log and latency.

group server {
    6  DBSIZE
    1  FLUSHDB [SYNC|ASYNC]
    1  FLUSHALL [@name]
    1  (FLUSHDB|FLUSHALL) (FOO|SYNC ASYNC|"")
    2  SWAPDB @db @db
    1  SWAPDB @value @db
    4  CONFIG GET @config
    2  CONFIG GET @config @config
    2  CONFIG GET (nosuch|nosuch*|"")
    3  CONFIG SET @setting @configvalue
    1  CONFIG SET @setting @configvalue @setting @configvalue
    1  CONFIG SET (nosuch 1|databases 5|hz|hz 10 hz|daemonize no|supervised no)
    1  CONFIG SET appendonly (no|NO|abc|""|no no)
    1  CONFIG RESETSTAT
    1  CONFIG REWRITE
    1  CONFIG @name
    2  COMMAND INFO @cmdname
    1  COMMAND INFO nosuch @cmdname
    1  COMMAND LIST FILTERBY (FOO|MODULE nosuch|ACLCAT nosuch|PATTERN nosuch*|PATTERN|ACLCAT)
    1  COMMAND DOCS (nosuch|"")
    2  COMMAND (GETKEYS|GETKEYSANDFLAGS) @cmdname @key @value...
    1  COMMAND (GETKEYS|GETKEYSANDFLAGS) (PING x|NOSUCH x|GET a b|MSET a b c d|SET k v EX 10)
    1  COMMAND (GETKEYS|GETKEYSANDFLAGS) (BITOP AND a b c|SET k v GET|BITFIELD k GET u8 0)
    1  COMMAND COUNT
    1  COMMAND COUNT @value
    1  COMMAND @name
    1  DEBUG @name
    2  DEBUG DIGEST
    2  DEBUG DIGEST-VALUE @key...
    1  DEBUG OBJECT @key
    1  DEBUG SLEEP 0
    1  DEBUG PROTOCOL @kind
    1  DEBUG (SET-ACTIVE-EXPIRE|SLEEP|OBJECT|POPULATE|DIGEST-VALUE|PROTOCOL) [@name]
    1  TIME
    1  MEMORY USAGE @key [SAMPLES @count]
    1  MEMORY USAGE @key (SAMPLES|SAMPLES abc|FOO|FOO 1)
    1  MEMORY (DOCTOR|PURGE|STATS)
    1  MEMORY @name
    1  (OBJECT|MEMORY|CONFIG|COMMAND|CLIENT|DEBUG) HELP [@value]
    1  INFO (nosuch|"")
    1  LOLWUT VERSION @count
    1  LOLWUT VERSION abc
}

intact "debug sleep*" "it would sleep for ever"
intact "debug populate*" "it would fill the memory"

# Directives with the same meaning and default on both sides.
proc gen::config {} {
    return [pick {timeout databases tcp-keepalive hz dynamic-hz tcp-backlog maxclients Loglevel
        proto-max-bulk-len client-query-buffer-limit lazyfree-lazy-user-del DAEMONIZE supervised
        lazyfree-lazy-user-flush lazyfree-lazy-expire requirepass oom-score-adj-values
        client-output-buffer-limit activerehashing unixsocketperm syslog-facility appendonly}]
}

# Directives that may be set without an effect on the run: no time-outs, no files.
proc gen::setting {} {
    return [pick {hz dynamic-hz tcp-keepalive lazyfree-lazy-user-del lazyfree-lazy-expire databases
        lazyfree-lazy-server-del activerehashing active-expire-effort latency-tracking Always-Show-Logo
        oom-score-adj-values crash-log-enabled port-nosuch disable-thp unixsocketperm}]
}

# Values that are refused or harmless. The real server reads numbers, and 'yes', up to the first NUL
# and takes "10\0x" for 10; here such a value is refused.
intact "config set *" "a value could get a NUL"
proc gen::configvalue {} {
    if {rand() < 0.2} {return [lindex [split [odd] \0] 0]}
    return [pick {10 20 abc "" -1 99999999999999999999 1.5 yes no YES 5 "1 2 3" 7kb}]
}

proc gen::cmdname {} {
    return [pick {get set mget mset del exists expire append bitop bitfield incrbyfloat ping echo
        select rename copy getex setrange lcs object|encoding config|get client|list bitcount
        msetnx substr getset flushall touch move scan swapdb}]
}

# Not push: its reply is two.
proc gen::kind {} {
    return [pick {string integer double null array set map attrib verbatim true false bignum
        nosuch}]
}
