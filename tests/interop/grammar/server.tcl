# Server commands that change nothing outside of the dataset and answer the same everywhere.

group server {
    6  DBSIZE
    1  FLUSHDB [SYNC|ASYNC]
    1  FLUSHALL [@name]
    2  SWAPDB @db @db
    4  CONFIG GET @config
    2  CONFIG GET @config @config
    2  CONFIG GET (nosuch|nosuch*)
    2  CONFIG SET @setting @configvalue
    1  CONFIG SET (nosuch 1|maxmemory-samples|databases 5)
    1  CONFIG @name
    2  COMMAND INFO @cmdname
    1  COMMAND INFO nosuch @cmdname
    2  COMMAND GETKEYS @cmdname @key @value...
    1  COMMAND GETKEYS (PING|NOSUCH|GET|MSET a b c d|SET k v EX 10)
    1  COMMAND COUNT
    1  COMMAND @name
    1  DEBUG @name
    1  TIME
    1  LASTSAVE
    1  ROLE
    1  SLOWLOG (LEN|RESET|GET -2|GET abc|@name)
    1  LATENCY (RESET|LATEST|HISTORY foo|@name)
    1  MEMORY USAGE @key [SAMPLES @count]
    1  MEMORY @name
    1  OBJECT HELP
    1  LOLWUT VERSION @count
}

# Directives with the same meaning and default on both sides.
proc gen::config {} {
    return [pick {maxmemory-samples hash-max-listpack-entries set-max-intset-entries hz timeout
        maxmemory-policy list-compress-depth slowlog-max-len lfu-log-factor appendonly databases
        zset-max-listpack-value stream-node-max-entries appendfsync tcp-keepalive
        Hash-Max-Listpack-VALUE proto-max-bulk-len}]
}

# Directives that may be set without an effect on the run: no time-outs, no files.
proc gen::setting {} {
    return [pick {maxmemory-samples hash-max-listpack-entries set-max-intset-entries databases
        list-compress-depth slowlog-max-len lfu-log-factor zset-max-listpack-value}]
}

# Values that are refused or harmless: none of them turns on a feature that would slow the run.
proc gen::configvalue {} {
    return [pick {128 64 abc "" -1 99999999999999999999 1.5 nosuchpolicy}]
}

proc gen::cmdname {} {
    return [pick {get set mget mset del exists expire append bitop bitfield incrbyfloat ping echo
        select rename copy getex setrange lcs object|encoding config|get sort}]
}
