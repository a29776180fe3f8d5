# eviction.tcl - maxmemory and its policies, access clocks, maxmemory-clients: which keys and
# connections go, which stay, what is refused, and who is told.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set modules [file join [file dirname [file normalize $kit::binary]] tests modules]
set oom "OOM command not allowed when used memory > 'maxmemory'."

proc used {} {expr {[s used_memory] - [s mem_not_counted_for_evict]}}
# INFO sees its own text, too.
proc is_under {max} {expr {[used] <= $max + 20000}}
proc await_under {max} {
    wait_for_condition 200 20 {[is_under $max]} else {fail "[used] bytes, $max allowed"}
}

# A connection that has sent most of an argument of so many bytes.
proc hoarder {bytes} {
    set rd [redis_deferring_client]
    catch {
        $rd write "*2\r\n\$4\r\necho\r\n\$$bytes\r\n[string repeat x [expr {$bytes - 1000}]]"
        $rd flush
    }
    return $rd
}
proc await_evicted {count} {
    wait_for_condition 100 20 {[s evicted_clients] == $count} else {
        fail "[s evicted_clients] connections were evicted:\n[r client list]"
    }
}

# Room for so many bytes more than are used now.
proc limit {bytes {policy ""}} {
    if {$policy ne ""} {r config set maxmemory-policy $policy}
    r config set maxmemory [expr {[used] + $bytes}]
}

proc no_limit {} {
    r config set maxmemory 0 maxmemory-policy noeviction
    r flushall
}

# How many of the keys with these names are there.
proc alive {prefix from to} {
    set names {}
    for {set i $from} {$i < $to} {incr i} {lappend names $prefix$i}
    return [r exists {*}$names]
}

# Many commands in one write.
proc pipeline commands {
    set rd [redis_deferring_client]
    foreach command $commands {$rd {*}$command}
    foreach command $commands {$rd read}
    $rd close
}

proc fill {prefix count {size 100} args} {
    set value [string repeat x $size]
    set commands {}
    for {set i 0} {$i < $count} {incr i} {lappend commands [list set $prefix$i $value {*}$args]}
    pipeline $commands
}

# Whether the connection of a client was closed. A round trip of another one comes first.
proc is_closed client {
    r ping
    catch {$client ping} error
    return [expr {$error ne "PONG"}]
}

start_server {tags {eviction}} {
    # ---- limits ----

    foreach policy {allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random
                    volatile-ttl} {
        test "Memory stays under the limit with $policy" {
            no_limit
            r config resetstat
            limit 1000000 $policy
            set max [lindex [r config get maxmemory] 1]
            set ttl [expr {[string match volatile-* $policy] ? {ex 1000} : {}}]
            fill key: 20000 100 {*}$ttl
            assert [is_under $max]
            assert_range [r dbsize] 3000 12000
            assert_equal [expr {20000 - [r dbsize]}] [s evicted_keys]
            # It is as full as it can be.
            assert_morethan [used] [expr {$max - 100000}]
        }
    }

    foreach policy {volatile-lru volatile-lfu volatile-random volatile-ttl} {
        test "Keys without expiry stay with $policy, and writes are refused when nothing else is left" {
            no_limit
            fill keep: 500
            fill go: 500 100 ex 1000
            limit 0 $policy
            catch {fill more: 4000} error
            assert_equal $oom $error
            assert_equal 500 [alive keep: 0 500]
            assert_equal 0 [alive go: 0 500]
            r config set maxmemory 1 ;# the filling connection's memory is free again
            assert_error $oom {r set x y}
            r get keep:1
        } [string repeat x 100]
    }

    test "Without eviction writes are refused, and what frees memory is not" {
        no_limit
        r config resetstat
        r mset a 1 b 2
        r config set maxmemory 1
        assert_error $oom {r set a 2}
        assert_error $oom {r append a 2}
        assert_equal 1 [r get a]
        assert_equal 1 [r del a]
        assert_equal 1 [r expire b 1000]
        assert_equal 2 [r getdel b]
        assert_equal 0 [s evicted_keys]
        r config set maxmemory 0
        r set a 2
    } OK

    test "A limit under what an empty server takes leaves no key" {
        no_limit
        fill key: 100
        r config set maxmemory 1 maxmemory-policy allkeys-lru
        assert_error $oom {r set a 1}
        r dbsize
    } 0

    test "Keys of all databases are evicted" {
        no_limit
        fill key: 300
        r select 3
        fill key: 300
        r select 9
        r config set maxmemory 1 maxmemory-policy allkeys-lru
        r ping
        assert_equal 0 [s evicted_clients]
        r dbsize
    } 0

    test "CONFIG SET of a smaller limit removes keys without any command" {
        no_limit
        fill key: 5000
        r config resetstat
        r config set maxmemory-policy allkeys-lru maxmemory [expr {[used] - 300000}]
        wait_for_condition 50 20 {[s evicted_keys] > 1000} else {fail "nothing was evicted"}
        await_under [lindex [r config get maxmemory] 1]
        verify_log_message 0 "*smaller than the current memory usage*" 0
    }

    test "A burst over the limit goes in slices: the server answers meanwhile" {
        no_limit
        set commands {}
        for {set i 0} {$i < 200} {incr i} {lappend commands [list debug populate 1000 k$i 50]}
        pipeline $commands
        r config resetstat
        r config set maxmemory-eviction-tenacity 0 maxmemory-policy allkeys-lru
        r config set maxmemory [expr {[used] / 2}]
        set during [r dbsize]
        assert_equal OK [r set straight away]
        assert_morethan $during 100000
        await_under [lindex [r config get maxmemory] 1]
        assert_morethan [s total_eviction_exceeded_time] 0
        assert_equal 0 [s current_eviction_exceeded_time]
        r config set maxmemory-eviction-tenacity 10
    }

    test "A tenacity of 100 makes all room at once" {
        no_limit
        r debug populate 50000 k 50
        r config set maxmemory-eviction-tenacity 100 maxmemory-policy allkeys-random
        r config set latency-monitor-threshold 1
        set max [expr {[used] / 2}]
        r multi
        r config set maxmemory $max
        r exec
        r get k:1
        assert [is_under $max]
        assert_morethan [llength [r latency history eviction-cycle]] 0
        r config set latency-monitor-threshold 0
        r config set maxmemory-eviction-tenacity 10
    }

    test "Large values freed in the background count when they are gone" {
        no_limit
        r config set lazyfree-lazy-eviction yes
        limit 2000000 allkeys-lru
        for {set i 0} {$i < 100} {incr i} {r set key:$i [string repeat x 100000]}
        assert_range [r dbsize] 10 20
        r config set lazyfree-lazy-eviction no
        r ping
    } PONG

    test "While clients are paused nothing is evicted" {
        no_limit
        fill key: 100
        set rd [redis_deferring_client]
        r client pause 100000 write
        r config set maxmemory 1 maxmemory-policy allkeys-random
        after 50
        assert_equal 100 [r dbsize]
        $rd set a 1
        r client unpause
        assert_error $oom {$rd read}
        $rd close
        r dbsize
    } 0

    test "INFO tells the settings" {
        no_limit
        r config set maxmemory 64mb maxmemory-policy volatile-ttl
        list [s maxmemory] [s maxmemory_human] [s maxmemory_policy] [s mem_not_counted_for_evict]
    } {67108864 64.00M volatile-ttl 0}

    # ---- which keys ----

    # 1,000 keys of which those with low numbers should go first: `more` gives what RESTORE takes
    # after the key. Then half of them must go; `script` runs before.
    proc judged {policy more {script ""}} {
        no_limit
        r config set maxmemory-policy $policy
        r set model [string repeat x 100]
        set payload [r dump model]
        r del model
        set commands {}
        for {set i 0} {$i < 1000} {incr i} {
            lappend commands [list restore key:$i {*}[eval $more]]
        }
        pipeline $commands
        uplevel 1 $script
        after 100 ;# what the filling connection took is given back
        set max [expr {[used] - 60000}]
        r config set maxmemory $max
        await_under $max
    }

    foreach {policy more} {
        allkeys-lru  {list 0 $payload idletime [expr {1000000 - 100 * $i}]}
        volatile-lru {list 10000000 $payload idletime [expr {1000000 - 100 * $i}]}
        allkeys-lfu  {list 0 $payload freq [expr {$i / 4}]}
        volatile-lfu {list 10000000 $payload freq [expr {$i / 4}]}
        volatile-ttl {list [expr {1000000 + 10000 * $i}] $payload}
    } {
        test "$policy takes keys in about the right order" {
            judged $policy $more
            assert_morethan [alive key: 600 1000] 390
            assert_lessthan [alive key: 0 200] 100
            assert_lessthan [r dbsize] 800
        }
    }

    test "A key that is used again is not evicted for how it was before" {
        judged allkeys-lru {list 0 $payload idletime [expr {1000000 - 100 * $i}]} {
            # The pool is made to know the oldest ones, which are then used.
            set max [expr {[used] - 2000}]
            r config set maxmemory $max
            await_under $max
            r config set maxmemory 0
            for {set i 0} {$i < 150} {incr i} {r get key:$i}
            set before [alive key: 0 150]
        }
        assert_equal $before [alive key: 0 150]
    }

    # ---- access clocks ----

    test "OBJECT IDLETIME and FREQ answer by the policy" {
        no_limit
        r set k v
        assert_equal 0 [r object idletime k]
        assert_error "ERR An LFU maxmemory policy is not selected*" {r object freq k}
        r config set maxmemory-policy volatile-lfu
        r set k2 v
        assert_equal 5 [r object freq k2]
        assert_error "ERR An LFU maxmemory policy is selected, idle time not*" {r object idletime k}
        r config set maxmemory-policy allkeys-random
        r object idletime k2
    } {[0-9]*} match

    test "A used key's frequency grows, by lfu-log-factor" {
        no_limit
        r config set maxmemory-policy allkeys-lfu lfu-log-factor 0
        r set k v
        pipeline [lrepeat 100 {get k}]
        assert_equal 105 [r object freq k]
        r config set lfu-log-factor 100
        r set slow v
        pipeline [lrepeat 100 {get slow}]
        assert_range [r object freq slow] 5 10
        r config set lfu-log-factor 10
    }

    test "Looking at a key does not use it, and overwriting keeps its frequency" {
        no_limit
        r config set maxmemory-policy allkeys-lfu lfu-log-factor 0
        r set k v
        r type k
        r exists k
        r ttl k
        r object encoding k
        r memory usage k
        assert_equal 5 [r object freq k]
        r set k w
        r config set lfu-log-factor 10
        r object freq k
    } 6

    test "CLIENT NO-TOUCH leaves clocks, but for TOUCH" {
        no_limit
        r set model v
        set payload [r dump model]
        r restore k 0 $payload idletime 500
        r client no-touch on
        r get k
        r mget k
        r strlen k
        r set k w
        assert_range [r object idletime k] 500 510
        r touch k
        assert_lessthan [r object idletime k] 10
        r restore k 0 $payload idletime 500 replace
        r client no-touch off
        r get k
        assert_lessthan [r object idletime k] 10
    }

    # ---- transactions and calls ----

    test "Nothing is queued without memory, and EXEC says why it does not run" {
        no_limit
        r config set maxmemory 1
        r multi
        assert_error $oom {r get a}
        assert_error "EXECABORT Transaction discarded because of previous errors." {r exec}
        r config set maxmemory 0
        r multi
        r set a 1
        [set other [redis_client]] config set maxmemory 1
        assert_error "EXECABORT Transaction discarded because of: $oom" {r exec}
        $other close
        r exists a
    } 0

    test "EXEC of commands that need no memory runs without it" {
        no_limit
        r set a 1
        set other [redis_client]
        r multi
        r get a
        r del a
        $other config set maxmemory 1
        assert_equal {1 1} [r exec]
        r config set maxmemory 0
        $other close
    }

    test "What EXEC needs while it runs it gets" {
        no_limit
        r multi
        r config set maxmemory 1
        r set a 1
        r set b 2
        assert_equal {OK OK OK} [r exec]
        assert_error $oom {r set c 3}
        r mget a b
    } {1 2}

    test "An evicted key that was watched fails the transaction" {
        no_limit
        r set w 1
        set other [redis_client]
        r watch w
        $other config set maxmemory-policy allkeys-lru maxmemory 1
        $other ping
        $other config set maxmemory 0
        $other close
        r multi
        r ping
        r exec
    } {}

    # ---- connections ----

    test "The sum of connections' memory is that of each" {
        set rd [hoarder 3000000]
        wait_for_condition 50 20 {[string match {*tot-mem=3??????*} [r client list]]} else {
            fail "a large query does not show: [r client list]"
        }
        set sum 0
        foreach {all bytes} [regexp -all -inline {tot-mem=(\d+)} [r client list]] {incr sum $bytes}
        assert_equal $sum [s mem_clients_normal]
        $rd write "[string repeat x 1000]\r\n"
        $rd flush
        assert_equal 3000000 [string length [$rd read]]
        wait_for_condition 50 100 {[s mem_clients_normal] < 200000} else {
            fail "memory of requests does not go: [s mem_clients_normal] [r client list]"
        }
        $rd close
    }

    test "Memory of connections is none when they are gone" {
        set before [s mem_clients_normal]
        for {set round 0} {$round < 5} {incr round} {
            set rd [redis_deferring_client]
            $rd set big [string repeat x 500000]
            $rd read
            $rd multi
            $rd read
            for {set i 0} {$i < 20} {incr i} {$rd get big}
            for {set i 0} {$i < 20} {incr i} {$rd read}
            $rd exec
            if {$round % 2} {$rd read}
            $rd subscribe a b c
            $rd mset [string repeat k 100000] v
            $rd close
        }
        r del big
        wait_for_condition 50 100 {[s mem_clients_normal] <= $before} else {
            fail "[s mem_clients_normal] bytes, and $before before"
        }
    }

    test "The connection with the largest query buffer is evicted" {
        r config resetstat
        r config set maxmemory-clients 2mb
        set small [redis_client]
        set rd [hoarder 3000000]
        await_evicted 1
        assert_error "*" {$rd read}
        $rd close
        assert_equal PONG [$small ping]
        verify_log_message 0 "*Evicting client*" 0
        $small close
        r config set maxmemory-clients 0
    }

    test "A connection that does not read its replies is evicted" {
        r config resetstat
        r set big [string repeat x 200000]
        r config set maxmemory-clients 3mb
        set rd [redis_deferring_client]
        for {set i 0} {$i < 100} {incr i} {$rd get big}
        await_evicted 1
        assert_error "*" {for {set i 0} {$i < 100} {incr i} {$rd read}}
        $rd close
        r config set maxmemory-clients 0
        r del big
    } 1

    test "Connections are evicted largest first, and only as many as need be" {
        r config resetstat
        set clients {}
        foreach size {2000000 500000 1500000 1000000} {
            lappend clients [hoarder $size]
        }
        wait_for_condition 50 20 {[s mem_clients_normal] > 5000000} else {fail "they do not count"}
        set taken [s mem_clients_normal]
        r config set maxmemory-clients [expr {$taken - 1000000}]
        await_evicted 1
        assert_error "*" {[lindex $clients 0] read}
        r config set maxmemory-clients [expr {[s mem_clients_normal] - 1000}]
        await_evicted 2
        assert_error "*" {[lindex $clients 2] read}
        after 100
        assert_equal 2 [s evicted_clients]
        r config set maxmemory-clients 0
        foreach rd $clients {$rd close}
    }

    test "CLIENT NO-EVICT spares a connection, at the cost of others" {
        r config resetstat
        set spared [redis_deferring_client]
        $spared client no-evict on
        $spared read
        $spared write "*2\r\n\$4\r\necho\r\n\$1000000\r\n[string repeat x 500000]"
        $spared flush
        wait_for_condition 50 20 {[s mem_clients_normal] > 500000} else {fail "it does not count"}
        r client no-evict on
        set small [redis_client]
        r config set maxmemory-clients 200kb
        assert_equal 1 [is_closed $small]
        assert_equal PONG [r ping]
        r config set maxmemory-clients 0
        $spared write "[string repeat x 500000]\r\n"
        $spared flush
        assert_equal 1000000 [string length [$spared read]]
        $spared close
        $small close
        r client no-evict off
    } OK

    test "maxmemory-clients may be a share of maxmemory" {
        r config resetstat
        r config set maxmemory-clients 10%
        assert_equal 10% [lindex [r config get maxmemory-clients] 1]
        set rd [hoarder 2000000]
        wait_for_condition 50 20 {[s mem_clients_normal] > 2000000} else {fail "it does not count"}
        assert_equal 0 [s evicted_clients]
        r config set maxmemory 15mb
        await_evicted 1
        r config set maxmemory-clients 0 maxmemory 0
        $rd close
    }

    test "A transaction's queue counts" {
        r config resetstat
        set rd [redis_deferring_client]
        r config set maxmemory-clients 1mb
        $rd multi
        catch {for {set i 0} {$i < 300} {incr i} {$rd set k [string repeat x 10000]}}
        await_evicted 1
        $rd close
        r config set maxmemory-clients 0
    } OK

    # ---- settings ----

    test "The settings take what Redis takes" {
        r config set maxmemory 100k
        assert_equal 100000 [lindex [r config get maxmemory] 1]
        r config set maxmemory 0
        foreach {name value} {
            maxmemory -1  maxmemory 10%  maxmemory x  maxmemory-policy lru  maxmemory-samples 0
            maxmemory-eviction-tenacity 101  maxmemory-eviction-tenacity -1  lfu-log-factor -1
            lfu-decay-time -1  maxmemory-clients 101%  lazyfree-lazy-eviction maybe
        } {
            assert_error "ERR CONFIG SET failed*$name*" {r config set $name $value}
        }
    }
}

start_server [list tags {eviction} overrides [list loadmodule [list $modules/chronicle.so] \
                                                  lazyfree-lazy-eviction no]] {
    test "Evictions are journalled as DEL, or UNLINK, and not inside of transactions" {
        r mset a 1 b 2
        r chronicle.journal
        r chronicle.events
        r chronicle.changes
        r config set maxmemory-policy allkeys-lru
        r multi
        r config set maxmemory 1
        r exec
        assert_error $oom {r set c 3}
        assert_equal {{9 DEL a} {9 DEL b}} [lsort [r chronicle.journal]]
        assert_equal {{9 evicted a} {9 evicted b}} [lsort [r chronicle.events]]
        assert_equal {{9 a} {9 b}} [lsort [r chronicle.changes]]
        r config set maxmemory 0 lazyfree-lazy-eviction yes
        r set a 1
        r chronicle.journal
        r config set maxmemory 1
        r ping
        r chronicle.journal
    } {{9 UNLINK a}}

    test "What a command displaces goes before it" {
        no_limit
        r config set maxmemory-policy allkeys-random lazyfree-lazy-eviction no
        r set old 1
        set other [redis_client]
        r chronicle.journal
        r multi
        r get old
        r set new 2
        $other config set maxmemory 1
        $other close
        catch {r exec}
        r config set maxmemory 0
        r chronicle.journal
    } {{9 DEL old}}

    test "The journal's memory is not held against the limit" {
        no_limit
        set rd [redis_deferring_client]
        for {set i 0} {$i < 50} {incr i} {$rd set k [string repeat x 10000]}
        for {set i 0} {$i < 50} {incr i} {$rd read}
        $rd close
        assert_morethan [s mem_not_counted_for_evict] 10000
        r config set maxmemory [expr {[s used_memory] - [s mem_not_counted_for_evict] + 20000}]
        r set k x
    } OK
}

start_server [list tags {eviction} overrides [list loadmodule $modules/api_call.so]] {
    test "What a command calls is refused as the command itself would be" {
        r set a 1
        r config set maxmemory 1
        assert_equal -$oom [r call.text c set a 2]
        assert_equal "\$1" [r call.text c get a]
        # Not in the client's name: nobody is asked.
        assert_equal +OK [r call.text - set a 3]
        r config set maxmemory 0
        r call.text c set a 4
    } +OK

    test "What a command calls removes nothing under its hands" {
        r set a 1
        r config set maxmemory-policy allkeys-lru
        r call.text c config set maxmemory 1
        r config resetstat
        set before [s evicted_keys]
        r config set maxmemory 0
        list $before [r call.text - ping]
    } {0 +PONG}

    test "Unloading lifts the limits and gives back the clocks" {
        r flushall
        r set a 1
        r config set maxmemory-policy allkeys-lfu maxmemory 100mb
        assert_equal OK [r module unload eviction]
        assert_equal {} [r config get maxmemory]
        assert_equal 0 [s maxmemory]
        assert_range [r object idletime a] 0 16777215
        r set b 2
    } OK
}
