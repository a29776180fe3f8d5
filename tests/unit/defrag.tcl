# defrag.tcl - active defragmentation: what it wins back, that nothing of the data changes, and who
# must not notice: watchers, blocked clients, scans, expiry, fork children.
#
# With jemalloc fragmentation is made and must go. With any allocator DEBUG DEFRAG moves every
# block, so that a sanitizer's build finds addresses that were kept.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set has_jemalloc [expr {![catch {exec grep -qa mallctlbymib $kit::binary}]}]
set refusal "*Active defragmentation cannot be enabled: it requires a Redis server compiled with a\
    modified Jemalloc like the one shipped by default with the Redis source distribution"

# Many commands in one write.
proc pipeline commands {
    global db
    set rd [redis_deferring_client]
    $rd select $db
    $rd read
    foreach command $commands {$rd {*}$command}
    foreach command $commands {$rd read}
    $rd close
}

# To another database, also for `pipeline`.
set db 9
proc select_db to {
    global db
    r select [set db $to]
}

# One key of each type and form, with `n` elements in the large ones, and expiring ones among them.
proc fill {prefix n} {
    set commands {}
    set long [string repeat y 90]
    lappend commands [list set ${prefix}text some-text] [list set ${prefix}int 12345]
    lappend commands [list set ${prefix}long [string repeat z 3000]] [list append ${prefix}buffer abc]
    lappend commands [list set ${prefix}huge [string repeat h 200000]] [list setbit ${prefix}bits 7000 1]
    lappend commands [list pfadd ${prefix}hll a b c]
    lappend commands [list rpush ${prefix}list a b 3] [list sadd ${prefix}ints 1 2 3]
    lappend commands [list sadd ${prefix}pack a b 3] [list hset ${prefix}hash f v g 2]
    lappend commands [list zadd ${prefix}zset 1 a 2 b]
    for {set i 0} {$i < $n} {incr i} {
        lappend commands [list rpush ${prefix}LIST $i $long$i]
        lappend commands [list sadd ${prefix}SET $i member$i] [list sadd ${prefix}INTS $i]
        lappend commands [list hset ${prefix}HASH field$i $long$i] [list hset ${prefix}HASH $i $i]
        lappend commands [list zadd ${prefix}ZSET $i member$i] [list zadd ${prefix}ZSET -1 $long$i]
        lappend commands [list xadd ${prefix}STREAM [expr {$i + 1}]-1 name $long n $i]
    }
    foreach group {one two three} {
        lappend commands [list xgroup create ${prefix}STREAM $group 0 entriesread 0]
        foreach consumer {alice bob carol} {
            lappend commands [list xreadgroup group $group $consumer count [expr {$n / 5 + 1}] \
                streams ${prefix}STREAM >]
        }
    }
    foreach name {text long list HASH ZSET STREAM} {lappend commands [list expire $prefix$name 100000]}
    pipeline $commands
}

# Uses what `fill` made in every way that follows addresses.
proc use {prefix n} {
    r append ${prefix}long more
    r append ${prefix}buffer more
    r lset ${prefix}LIST $n changed
    r lrem ${prefix}LIST 1 changed
    r linsert ${prefix}LIST before [r lindex ${prefix}LIST 5] new
    for {set i 0} {$i < $n} {incr i 3} {
        r srem ${prefix}SET $i
        r hset ${prefix}HASH field$i other
        r hdel ${prefix}HASH $i
        r zadd ${prefix}ZSET [expr {$n - $i}] member$i
        r zrank ${prefix}ZSET member$i
        r zrem ${prefix}ZSET [string repeat y 90]$i
        r xdel ${prefix}STREAM [expr {$i + 1}]-1
        r xack ${prefix}STREAM one [expr {$i + 2}]-1
    }
    r zremrangebyrank ${prefix}ZSET 0 3
    r xclaim ${prefix}STREAM two dave 0 2-1 3-1 5-1
    r xgroup delconsumer ${prefix}STREAM two alice
    r xgroup destroy ${prefix}STREAM three
    r xadd ${prefix}STREAM * f v
    r xtrim ${prefix}STREAM maxlen [expr {$n / 2}]
    foreach name {LIST SET HASH ZSET STREAM} {r object encoding $prefix$name}
    return [r debug digest]
}

proc contents {} {return [r debug digest][csvdump r]}
proc groups key {
    set out {}
    foreach group {one two three} {
        lappend out [r xinfo consumers $key $group] [r xpending $key $group - + 10000]
    }
    # Idle times go on.
    regsub -all {(idle|inactive) -?\d+} $out {} out
    regsub -all {(\d+-\d+ \w+) \d+ (\d+)} $out {\1 \2} out
    return $out
}

start_server {overrides {save {""} hz 100}} {
    test "the settings have Redis's names, defaults and bounds" {
        assert_equal [lsort -stride 2 [r config get active*defrag*]] [list \
            active-defrag-cycle-max 25 active-defrag-cycle-min 1 \
            active-defrag-ignore-bytes 104857600 active-defrag-max-scan-fields 1000 \
            active-defrag-threshold-lower 10 active-defrag-threshold-upper 100 activedefrag no]
        foreach {name wrong right text} {
            active-defrag-cycle-min 0 50 "argument must be between 1 and 99 inclusive"
            active-defrag-cycle-max 100 10 "argument must be between 1 and 99 inclusive"
            active-defrag-threshold-lower -1 0 "argument must be between 0 and 1000 inclusive"
            active-defrag-threshold-upper 1001 1000 "argument must be between 0 and 1000 inclusive"
            active-defrag-ignore-bytes 0 10gb
                "argument must be between 1 and 9223372036854775807 inclusive"
            active-defrag-max-scan-fields 0 1000000
                "argument must be between 1 and 9223372036854775807 inclusive"
            activedefrag maybe no "argument must be 'yes' or 'no'"
        } {
            set was [lindex [r config get $name] 1]
            assert_error "ERR CONFIG SET failed (possibly related to argument '$name') - $text" {
                r config set $name $wrong
            }
            r config set $name $right
            r config set $name $was
        }
    }

    if {!$has_jemalloc} {
        test "without an allocator that tells where blocks lie, it cannot be enabled" {
            assert_error $refusal {r config set activedefrag yes}
            assert_equal [r config get activedefrag] {activedefrag no}
        }
    }

    test "INFO has its fields, all at rest" {
        foreach field {active_defrag_running active_defrag_hits active_defrag_misses
                active_defrag_key_hits active_defrag_key_misses total_active_defrag_time
                current_active_defrag_time} {
            assert_equal [s $field] 0 $field
        }
    }

    test "DEBUG DEFRAG refuses what it does not know" {
        assert_error "ERR syntax error" {r debug defrag soon}
        assert_error "ERR unknown subcommand or wrong number of arguments for 'defrag'*" {r debug defrag}
    }

    test "when every block moved once, the data is the same" {
        foreach to {0 9} {
            select_db $to
            fill a: 600
        }
        set before [contents]
        set pending [groups a:STREAM]
        r debug defrag pass
        assert_equal [contents] $before
        assert_equal [groups a:STREAM] $pending
        assert {[s active_defrag_hits] > 2 * 600 * 6}
        assert_equal [s active_defrag_key_misses] 0
        # Large values are counted once for the walk and once for each of their parts.
        assert {[s active_defrag_key_hits] >= 2 * 18}
        assert_equal [s active_defrag_running] 0
    }

    test "and what uses it finds all of it" {
        r flushall
        fill a: 300
        set untouched [use a: 300]
        r flushall
        fill a: 300
        r debug defrag pass
        set moved [use a: 300]
        # The last XADD took the time for its id.
        r del a:STREAM
        set moved [r debug digest]
        r flushall
        fill a: 300
        use a: 300
        r del a:STREAM
        assert_equal [r debug digest] $moved
    }

    test "memory accounts are as before" {
        set used {}
        foreach pass {1 2 3} {
            r debug defrag pass
            lappend used [s used_memory]
        }
        assert {abs([lindex $used 2] - [lindex $used 0]) < 20000}
        r flushall
    }

    test "CONFIG RESETSTAT starts the counts anew" {
        assert {[s active_defrag_hits] > 0}
        r config resetstat
        foreach field {hits misses key_hits key_misses} {assert_equal [s active_defrag_$field] 0}
        assert_equal [s total_active_defrag_time] 0
    }

    test "large values move in parts while they change" {
        r config set active-defrag-max-scan-fields 5
        r debug defrag every
        fill b: 500
        wait_for_condition 100 50 {[s active_defrag_running] > 0 && [s active_defrag_hits] > 20000} else {
            fail "nothing moves: [s active_defrag_hits]"
        }
        assert {[s current_active_defrag_time] > 0}
        for {set round 0} {$round < 3} {incr round} {
            fill c$round: 300
            use c$round: 300
            r rename c$round:ZSET b:other
            r copy b:HASH c$round:copy replace
            r hset c$round:copy f v
            r unlink c$round:LIST b:other
        }
        r del c2:STREAM
        r debug defrag sparse
        assert_equal [s active_defrag_running] 0
        assert_equal [s current_active_defrag_time] 0
        assert {[s total_active_defrag_time] > 0}
        set before [contents]
        foreach key [r keys *] {
            set dump [r dump $key]
            r restore again [expr {max([r pttl $key], 0)}] $dump replace
            assert_equal [r debug digest-value again] [r debug digest-value $key]
        }
        r del again
        assert_equal [contents] $before
        r config set active-defrag-max-scan-fields 1000
    }

    test "SCAN and its kin see everything while entries and elements move" {
        r flushall
        fill d: 2000
        pipeline [lmap i [lrange [split [string repeat "x " 3000]] 0 2999] {list incr n[incr at]}]
        r config set active-defrag-max-scan-fields 10
        r debug defrag every
        set seen {}
        set cursor 0
        while 1 {
            lassign [r scan $cursor count 50] cursor keys
            lappend seen {*}$keys
            if {$cursor == 0} break
        }
        assert_equal [lsort -unique $seen] [lsort [r keys *]]
        foreach {command key count step} {sscan d:SET 4000 1 hscan d:HASH 4000 2 zscan d:ZSET 4000 2} {
            set seen {}
            set cursor 0
            while 1 {
                lassign [r $command $key $cursor count 50] cursor items
                foreach item [lmap {a b} $items {set a}] {lappend seen $item}
                if {$step == 1} {foreach item [lmap {a b} $items {set b}] {lappend seen $item}}
                if {$cursor == 0} break
            }
            assert_equal [llength [lsearch -all -inline -not -exact [lsort -unique $seen] {}]] $count $command
        }
        r debug defrag sparse
        r config set active-defrag-max-scan-fields 1000
    }

    test "WATCH, MULTI and blocked clients do not notice" {
        r flushall
        fill e: 500
        set rd [redis_deferring_client]
        $rd blpop nothing 0
        set stream [redis_deferring_client]
        $stream xreadgroup group one zoe block 0 streams e:STREAM >
        $stream read
        $stream xreadgroup group one zoe block 0 streams e:STREAM >
        wait_for_blocked_clients_count 2
        r watch e:HASH e:ZSET
        r debug defrag pass
        r multi
        r hlen e:HASH
        r debug defrag pass
        r zcard e:ZSET
        assert_equal [r exec] {1000 OK 1000}
        r watch e:HASH
        r debug defrag pass
        r hset e:HASH new v
        r multi
        r ping
        assert_equal [r exec] {}
        r rpush nothing x
        assert_equal [$rd read] {nothing x}
        r xadd e:STREAM 900000-1 f v
        assert_equal [$stream read] {{e:STREAM {{900000-1 {f v}}}}}
        $rd close
        $stream close
    }

    test "keys expire that have moved" {
        r flushall
        pipeline [lmap i [split [string repeat "x " 999]] {list set gone[incr n] v px 700}]
        r set stays v ex 1000
        r debug defrag pass
        assert_equal [r ttl stays] 1000
        wait_for_condition 100 50 {[r dbsize] == 1} else {fail "[r dbsize] keys are left"}
        r debug defrag pass
        r persist stays
        assert_equal [r ttl stays] -1
    }

    test "values that are freed in the background are left alone" {
        r debug defrag every
        r config set active-defrag-max-scan-fields 10
        for {set i 0} {$i < 8} {incr i} {
            fill f: 200
            r unlink f:LIST f:SET f:HASH f:ZSET f:STREAM
            fill g: 100
            r flushall async
        }
        wait_lazyfree_done r
        r debug defrag sparse
        r config set active-defrag-max-scan-fields 1000
        r dbsize
    } 0

    test "nothing moves while a child saves" {
        r flushall
        fill g: 200
        set digest [r debug digest]
        r config set rdb-key-save-delay 20000
        r bgsave
        r config resetstat
        r debug defrag every
        r debug defrag pass
        after 300
        assert_equal [s rdb_bgsave_in_progress] 1
        assert_equal [s active_defrag_hits] 0
        r config set rdb-key-save-delay 0
        waitForBgsave r
        wait_for_condition 100 50 {[s active_defrag_hits] > 1000} else {fail "it does not go on"}
        r debug defrag sparse
        r debug reload
        assert_equal [r debug digest] $digest
    }

    test "databases are exchanged and flushed in the middle of a pass" {
        r flushall
        r config set active-defrag-max-scan-fields 5
        r debug defrag every
        for {set i 0} {$i < 20} {incr i} {
            select_db [expr {$i % 3}]
            fill h$i: 60
            r swapdb 0 [expr {$i % 2 + 1}]
            if {$i % 5 == 4} {r flushdb}
        }
        select_db 9
        r debug defrag sparse
        r flushall
        r config set active-defrag-max-scan-fields 1000
    } OK

    test "the module goes and comes back" {
        r debug defrag every
        r module unload defrag
        assert_error "*Unknown option or number of arguments*" {r config set activedefrag no}
        assert_equal [s active_defrag_running] 0
        r module load defrag
        r debug defrag every
        r config set active-defrag-cycle-min 3
        assert_equal [r module reload defrag] OK
        assert_equal [r config get active-defrag-cycle-min] {active-defrag-cycle-min 3}
        r debug defrag pass
    } OK
}

if {$has_jemalloc} {
    # Many keys of which a part stays, so that no slab is empty and all are sparse.
    proc fragment {type} {
        global n
        set commands {}
        set value [string repeat v 60]
        for {set i 0} {$i < $n} {incr i} {
            switch $type {
                string {lappend commands [list set k$i $value]}
                buffer {lappend commands [list append k$i [string repeat $value 20]]}
                list {lappend commands [list rpush k$i $value a b c]}
                hash {lappend commands [list hset k$i f $value g 1]}
                set {lappend commands [list sadd k$i $value b c]}
                zset {lappend commands [list zadd k$i 1 $value 2 b]}
                stream {lappend commands [list xadd k$i 1-1 f $value]}
                HASH {lappend commands [list hset big f$i $value]}
                SET {lappend commands [list sadd big $value$i]}
                ZSET {lappend commands [list zadd big $i $value$i]}
                LIST {lappend commands [list rpush [expr {$i % 2 ? "other" : "big"}] $value$i]}
                STREAM {lappend commands [list xadd [expr {$i % 2 ? "other" : "big"}] $i-1 f $value]}
            }
        }
        foreach part {0 1 2 3} {
            pipeline [lrange $commands [expr {$part * $n / 4}] [expr {($part + 1) * $n / 4 - 1}]]
        }
        set gone {}
        for {set i 0} {$i < $n} {incr i} {
            if {$i % 4 == 0} continue
            switch $type {
                HASH {lappend gone f$i}
                SET - ZSET {lappend gone $value$i}
                default {lappend gone k$i}
            }
        }
        switch $type {
            HASH {r hdel big {*}$gone}
            SET {r srem big {*}$gone}
            ZSET {r zrem big {*}$gone}
            LIST - STREAM {r del other}
            default {r del {*}$gone}
        }
    }

    start_server {overrides {
        save {""} hz 50 list-max-listpack-size 5 stream-node-max-entries 5 latency-monitor-threshold 0
        active-defrag-ignore-bytes 600kb active-defrag-threshold-lower 5
        active-defrag-cycle-min 40 active-defrag-cycle-max 60
    }} {
        foreach type {string buffer list hash set zset stream HASH SET ZSET LIST STREAM} {
            test "fragmentation of $type goes, and nothing else changes" {
                r config set activedefrag no
                r flushall
                r config resetstat
                set n [expr {[string is upper $type] ? 40000 : 20000}]
                fragment $type
                set digest [r debug digest]
                set before [s allocator_frag_bytes]
                set ratio [s allocator_frag_ratio]
                assert {$before > 1000000}
                r config set activedefrag yes
                wait_for_condition 200 50 {
                    [s active_defrag_running] == 0 && [s allocator_frag_bytes] < $before / 3 &&
                    [s active_defrag_hits] > 0
                } else {
                    fail "of $before bytes [s allocator_frag_bytes] are left: [r info stats]"
                }
                assert {[s allocator_frag_ratio] < $ratio}
                assert_equal [r debug digest] $digest
                assert {[s active_defrag_key_hits] > 0}
                if {$type eq "string"} {assert {[s total_active_defrag_time] > 0}}
                r config set activedefrag no
            }
        }

        test "below the thresholds nothing moves" {
            r config set activedefrag no
            r flushall
            r config resetstat
            set n 40000
            fragment string
            r config set active-defrag-ignore-bytes 1gb activedefrag yes
            after 300
            assert_equal [s active_defrag_running] 0
            r config set active-defrag-ignore-bytes 1mb active-defrag-threshold-lower 900
            after 300
            assert_equal [s active_defrag_hits] 0
        }

        test "a pass that runs obeys settings that change" {
            r config set active-defrag-cycle-min 1 active-defrag-cycle-max 1 \
                active-defrag-threshold-lower 5
            wait_for_condition 100 20 {[s active_defrag_running] == 1} else {fail "it does not begin"}
            r config set active-defrag-cycle-max 50 active-defrag-cycle-min 50
            wait_for_condition 100 20 {[s active_defrag_running] in {50 0}} else {fail "it does not hurry"}
            r config set activedefrag no
            assert_equal [s active_defrag_running] 0
        }

        test "LATENCY hears of long slices" {
            r config set latency-monitor-threshold 1
            r flushall
            set n 40000
            fragment string
            r config set active-defrag-cycle-min 80 active-defrag-cycle-max 80 activedefrag yes
            wait_for_condition 200 20 {[llength [r latency history active-defrag-cycle]]} else {
                fail "it does not: [r latency latest]"
            }
        }

        test "pages without data go back to the system while nobody allocates" {
            assert_equal [r config get jemalloc-bg-thread] {jemalloc-bg-thread yes}
            r flushall
            r debug populate 200000 key 150
            r flushall
            set before [s allocator_resident]
            assert {$before > 30000000}
            wait_for_condition 200 100 {[s allocator_resident] < $before / 2} else {
                fail "of $before bytes [s allocator_resident] are left"
            }
            r config set jemalloc-bg-thread no
            r config set jemalloc-bg-thread yes
        }

        test "MEMORY DOCTOR names the cure" {
            r config set activedefrag no
            r flushall
            pipeline [lmap i [lrange [split [string repeat "x " 40000]] 0 39999] {
                list set p[incr at] [string repeat v 900]
            }]
            set gone {}
            for {set i 1} {$i <= 40000} {incr i} {if {$i % 5} {lappend gone p$i}}
            r del {*}$gone
            assert_match "*High allocator fragmentation*CONFIG SET activedefrag yes*" [r memory doctor]
        }
    }
}
