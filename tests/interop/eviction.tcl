# eviction.tcl - memory limits beside the real server: what is refused, in and out of transactions,
# with which words, and the clocks and notifications that go with it. Limits are of one byte or none,
# so that both servers are over it, or not, alike.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# CONFIG SET on a connection of its own, on both servers.
proc both_set args {
    foreach level {0 -1} {
        set other [redis_client $level]
        $other config set {*}$args
        $other ping
        $other close
    }
}

start_pair {tags {interop eviction}} {
    test "commands that need memory are refused, and no others" {
        same_all {{flushall} {set k v} {expire k 1000} {config set maxmemory 1}}
        same_all {
            {set a 1} {get k} {incr n} {append k x} {del nosuch} {expire k 100} {rename k k2}
            {copy k2 k3} {mset a 1 b 2} {msetnx a 1} {bitfield b get u8 0} {bitfield b set u8 0 1}
            {bitfield_ro b get u8 0} {setbit b 1 1} {setrange b 1 x} {bitop not d b} {getex k2 ex 100}
            {getset k2 v} {restore r 0 abc} {move k2 1} {select 1} {move k2 0} {select 0}
            {persist k2} {getdel k2} {publish c m} {ping} {echo x} {dbsize} {swapdb 0 1} {set a}
            {nosuch} {psetex a 1 b} {setex a 1 b} {setnx a b} {incrbyfloat a 1} {decr a} {touch a}
            {unlink a} {type a} {dump a} {object freq a} {scan 0} {client getname} {flushall}
            {config set maxmemory 0} {set a 1}
        }
    }

    foreach {what queue between exec} {
        "a queue that needs memory"        {{set a 1} {get a}}  {}          {{exec} {get a}}
        "a queue that needs none"          {{get a} {ping}}     {}          {{exec}}
        "a queue that was refused more"    {{get a} {set a 1}}  {{set b 1}} {{exec} {get a}}
        "one refused, none that needs it"  {{get a}}            {{set b 1}} {{exec}}
        "a queue with an unknown command"  {{set a 1} {nosuch}} {}          {{exec}}
        "a queue to be dropped"            {{set a 1}}          {}          {{discard} {get a}}
        "MULTI and WATCH inside"           {{get a}}            {{multi} {watch x}} {{exec}}
        "UNWATCH inside"                   {{get a}}            {{unwatch}} {{exec} {unwatch}}
        "wrong EXEC"                       {{set a 1}}          {{exec x}}  {{exec}}
        "RESET inside"                     {{set a 1}}          {{reset}}   {{exec}}
        "an empty one"                     {}                   {}          {{exec}}
    } {
        test "a transaction that meets the limit: $what" {
            both_set maxmemory 0 maxmemory-policy noeviction
            same_all [list flushall multi {*}$queue]
            both_set maxmemory 1
            same_all [list {*}$between {*}$exec]
            both_set maxmemory 0
        }
    }

    test "a watched key that changed is no excuse" {
        same_all {flushall {watch w} multi {set a 1}}
        both_set maxmemory 1
        foreach level {0 -1} {r $level del w}
        same_all {exec}
        both_set maxmemory 0
    }

    test "a limit set inside of EXEC holds after it" {
        same_all {
            multi {set a 1} {config set maxmemory 1} {set b 2} exec {set c 3} {mget a b c}
            {config set maxmemory 0}
        }
    }

    foreach policy {allkeys-lru allkeys-lfu allkeys-random} {
        test "all keys go when none may stay: $policy" {
            same_all [list flushall {set a 1} {set b 2 ex 1000} {select 1} {set c 3} {select 0} \
                          [list config set maxmemory-policy $policy maxmemory 1] \
                          {exists a b} {set x 1} dbsize {select 1} dbsize {select 0} \
                          {config set maxmemory 0}]
        }
    }

    foreach policy {volatile-lru volatile-lfu volatile-random volatile-ttl} {
        test "keys that expire go when none may stay: $policy" {
            same_all [list flushall {set a 1} {set b 2 ex 1000} {set c 3 ex 1000} {persist c} \
                          [list config set maxmemory-policy $policy maxmemory 1] \
                          {mget a b c} {set x 1} dbsize {config set maxmemory 0}]
        }
    }

    test "a watched key that is evicted fails the transaction" {
        same_all {flushall {set w 1} {watch w} multi {get w}}
        both_set maxmemory-policy allkeys-random maxmemory 1
        same_all {exec dbsize {config set maxmemory 0}}
    }

    test "clocks answer by the policy" {
        same_all {
            flushall {config set maxmemory-policy allkeys-lfu} {set x word} {object freq x}
            {object idletime x} {object freq nosuch} {config set lfu-log-factor 0} {get x} {get x}
            {set x other} {object freq x} {config set lfu-log-factor 10}
            {config set maxmemory-policy volatile-lru} {object freq x} {object idletime nosuch}
            {config set maxmemory-policy noeviction} {object freq x} {set y word}
            {object idletime y}
        }
    }

    test "settings are taken and refused with the same words" {
        foreach {name values} {
            maxmemory {3k 1gb 100 -1 10% x "" 0}
            maxmemory-clients {1gb 5% 100% 101% 200% -5 x 0}
            maxmemory-policy {lru ALLKEYS-LRU volatile-ttl "" noeviction}
        } {
            foreach value $values {
                same config set $name $value
                same config get $name
            }
        }
    }

    test "a paused server evicts nothing and refuses nothing" {
        same_all {flushall {set p 1} {client pause 60000 write}
                  {config set maxmemory-policy allkeys-lru maxmemory 1} dbsize {get p}
                  {client unpause} dbsize {get p} {config set maxmemory 0}}
    }

    test "a subscriber of evictions hears of them before the reply" {
        set heard {}
        foreach level {0 -1} {
            set fd [redis::open_channel [srv $level host] [srv $level port]]
            foreach words {
                {config set notify-keyspace-events KEA} flushall {hello 3}
                {subscribe __keyevent@0__:evicted} {set a 1} {config set maxmemory 1}
                {config set maxmemory-policy allkeys-lru} {get a} {client reply skip} {get a}
                {echo end}
            } {
                puts -nonewline $fd [redis::encode $words]
            }
            flush $fd
            set bytes ""
            while {![string match "*end\r\n" $bytes]} {append bytes [gets $fd]\n}
            close $fd
            lappend heard [regsub {^.*?shard|^.*?modules\r\n[^\r]*} $bytes ""]
            r $level config set maxmemory 0
        }
        assert_match "*evicted*" [lindex $heard 0]
        assert_equal [lindex $heard 1] [lindex $heard 0]
    }
}
