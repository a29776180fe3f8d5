# malloc.tcl - allocations that fail. The server's contract: what a client's wish made too large is
# an error reply; where a small block cannot be had the server says so and ends. It never goes on
# with half a change, a wrong reply, or damaged memory.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set shim [file join [file dirname [file normalize $::kit::binary]] tools failalloc]
set sanitized [string match "*san-*" $::kit::binary]

# A server whose allocations of at least `from` bytes can be made to fail.
proc faulty_server {from code} {
    set control [file join [kit::workdir] failalloc.[clock microseconds]]
    close [open $control w]
    set ::control $control
    array set ::env [list LD_PRELOAD $::shim FAILALLOC $control FAILALLOC_FROM $from]
    set failed [catch {
        set srv [start_server {crash_ok 1 overrides {crash-log-enabled no}}]
    } error]
    array unset ::env LD_PRELOAD
    array unset ::env FAILALLOC*
    if {$failed} {error $error}
    lappend ::servers $srv
    set failed [catch {uplevel 1 $code} error options]
    set ::servers [lrange $::servers 0 end-1]
    kill_server $srv
    if {$failed} {return -options $options $error}
}

# The Nth allocation from now on fails.
proc fail_at n {
    set f [open $::control w]
    puts -nonewline $f $n
    close $f
    exec kill -USR2 [srv pid]
    # The signal is taken before the server answers the next request.
    after 3
}

# Whether it has failed.
proc has_failed {} {
    return [expr {[file size $::control] == 0}]
}

proc disarm {} {
    set f [open $::control w]
    puts -nonewline $f 0
    close $f
    exec kill -USR2 [srv pid]
    after 3
}

if {$sanitized || ![file exists $shim]} {
    test "Failing allocations" {
        skip_test "the shim does not go with this build's allocator"
    }
} else {
    # Each command asks for a large block somewhere. Every such allocation fails once.
    set large [string repeat x 300000]
    set huge_commands [list \
        {r setrange k 400000 tail} \
        {r setbit k 4000000 1} \
        {r append k $large} \
        {r set other $large} \
        {r mset k2 $large k3 $large} \
        {r bitop not target k} \
        {r bitfield k set u8 4000000 1} \
        {r copy k copied} \
        {r dump k} \
        {r restore restored 0 $::payload} \
        {r echo $large} \
        {r get k} \
        {r getrange k 0 -1} \
        {r mget k k k} \
        {r lcs lcs2 lcs2} \
        {r getset k $large} \
        {r rename k renamed}]

    test "A monitor that cannot be shown a command goes; the command is answered" {
        faulty_server 1000000 {
            set rd [redis_deferring_client]
            $rd monitor
            assert_equal OK [$rd read]
            fail_at 1
            assert_equal OK [r set k $large]
            assert [has_failed]
            catch {while 1 {$rd read}} error
            assert_match "*I/O error*" $error
            assert_equal 1 [count_log_message 0 "Closing 1 monitors: no memory"]
            assert_equal 300000 [r strlen k]
        }
    }

    test "A large block that cannot be had is an error, or the declared end" {
        set script {
            r flushall
            r set k [string repeat k 200000]
            r set lcs2 [string repeat l 2000]
            set ::payload [r dump k]
        }
        set errors 0
        foreach command $huge_commands {
            for {set n 1} {$n < 10} {incr n} {
                set stop 0
                faulty_server 65536 {
                    eval $script
                    set digest [r debug digest]
                    fail_at $n
                    set failed [catch $command result]
                    if {![has_failed]} {
                        set stop 1
                        if {$failed} {fail "$command without a failure: $result"}
                    } elseif {![process_is_alive [srv pid]] || [string match "*I/O error*" $result]} {
                        after 300
                        if {[process_is_alive [srv pid]]} {
                            # The buffer of the request could not grow: its connection went.
                            reconnect
                            assert_equal PONG [r ping]
                            incr errors
                        } else {
                            # The only other way to go: said in the log, with the size.
                            assert_match "*out of memory: cannot allocate*" \
                                [kit::read_file [srv stdout]]
                        }
                    } else {
                        if {$failed} {
                            incr errors
                            # Where the request itself had no room, its connection ends.
                            if {[string match "*Protocol error*" $result]} reconnect
                            # RESTORE refuses a payload whose value it cannot make.
                            assert {[regexp {memory|Bad data format} $result]} $result
                            assert_equal $digest [r debug digest]
                        }
                        # Usable afterwards.
                        assert_equal PONG [r ping]
                        disarm
                        foreach key [r keys *] {r strlen $key}
                        r set after [string repeat a 300000]
                        assert_equal 300000 [r strlen after]
                        r flushall
                    }
                }
                if {$stop} break
            }
        }
        # Both kinds were seen, or the shim did nothing.
        assert {$errors > 0}
    }

    # Any block: it is the declared end, with module and command in the report, never a crash.
    test "A small block that cannot be had ends the server, and says so" {
        foreach command {
            {r set key value} {r set key 12345} {r setrange key 40 x} {r append s more}
            {r incr counter} {r mset a 1 b 2 c 3} {r expire s 100} {r copy s t} {r rename s t}
            {r dump s} {r restore u 0 $::payload} {r info everything} {r command docs get}
            {r config get *} {r config set save ""} {r client list} {r client setname me}
            {r scan 0} {r keys *} {r object help} {r lcs s s} {r getex s ex 100}
            {r hello 3} {r memory usage s} {r debug object s} {r command getkeys mset a 1}
        } {
            for {set n 1} {$n < 40} {incr n} {
                set stop 0
                faulty_server 0 {
                    r set s [string repeat s 50]
                    set ::payload [r dump s]
                    fail_at $n
                    catch $command result
                    if {![has_failed]} {
                        set stop 1
                    } elseif {[catch {r ping} answer]} {
                        wait_for_condition 100 20 {![process_is_alive [srv pid]]} else {
                            fail "$command, allocation $n: no answer, and it is alive"
                        }
                        set log [kit::read_file [srv stdout]]
                        if {![string match "*out of memory: cannot allocate*" $log]} {
                            fail "$command, allocation $n: [string range $log end-1500 end]"
                        }
                    }
                }
                if {$stop} break
            }
        }
    }

    # The same for collections: packed ones, large ones, and packed ones that become large.
    proc make_collections {} {
        set long [string repeat l 100]
        r rpush l a b c
        r rpush ll {*}[lrepeat 300 $::elements]
        r hset h a 1 b 2
        r hset hh a $long b 2 c 3
        r sadd s a b c
        r sadd si 1 2 3
        r sadd ss a $long 7
        r zadd z 1 a 2 b 3 c
        r zadd zz 1 a 2 $long 3 c
        for {set i 1} {$i < 5} {incr i} {r xadd x $i-1 f v}
        r xgroup create x g 0
        r xreadgroup group g c count 2 streams x >
        r geoadd geo 13.36 38.11 a 15.08 37.5 b
        r pfadd p 1 2 3
    }
    set ::elements [string repeat e 60]
    set long [string repeat n 100]
    set calls [list \
        {rpush l d} "rpush new $long" {linsert ll before nosuch a} {lpush ll x} {lset l 1 longer} \
        {lmove ll l left right} {lrange ll 0 -1} {lpos l b} {sort l alpha store d} {lmpop 2 l ll left} \
        {hset h c 3} "hset h d $long" {hset hh d 4} {hincrbyfloat h a 1.5} {hgetall hh} \
        {hrandfield hh 2} {hrandfield hh -5 withvalues} {hscan hh 0} {sadd s d} "sadd s $long" \
        {sadd si text} {sadd si 99999999999} {sadd ss more} {sunionstore d s si ss} {sinter s ss} \
        {sdiffstore d s ss} {spop ss} {srandmember ss 2} {smove s si a} {zadd z 1.5 n} \
        "zadd z 4 $long" {zadd zz 9 new} {zincrby zz 2.5 a} {zunionstore d 2 z zz} {zinter 2 z zz} \
        {zrangestore d zz 0 -1} {zrandmember zz 2} {zpopmin zz 2} {zrange zz 0 -1 withscores} \
        {geoadd geo 1 1 c} {geosearch geo fromlonlat 14 38 byradius 500 km asc} {pfadd p new} \
        {pfmerge d p} {xadd x * a b} {xadd newx * a b} {xreadgroup group g d streams x >} \
        {xgroup create x g2 0} {xgroup createconsumer x g e} {xclaim x g d 0 1-1} {xack x g 1-1} \
        {xautoclaim x g d 0 0} {xinfo stream x full} {xtrim x maxlen 1} {xdel x 1-1} \
        {copy ll d} {copy hh d} {copy ss d} {copy zz d} {copy x d} {dump x} {dump zz} \
        {unlink ll hh ss zz x} {debug digest}]

    test "A block that a collection cannot have ends the server too, and says so" {
        set failures 0
        foreach call $calls {
            for {set n 1} {$n < 40} {incr n} {
                set stop 0
                faulty_server 0 {
                    make_collections
                    fail_at $n
                    catch {r {*}$call} result
                    if {![has_failed]} {
                        set stop 1
                    } elseif {[catch {r ping} answer]} {
                        incr failures
                        wait_for_condition 100 20 {![process_is_alive [srv pid]]} else {
                            fail "$call, allocation $n: no answer, and it is alive"
                        }
                        set log [kit::read_file [srv stdout]]
                        if {![string match "*out of memory: cannot allocate*" $log]} {
                            fail "$call, allocation $n: [string range $log end-1500 end]"
                        }
                    } elseif {$answer ne "PONG"} {
                        fail "$call, allocation $n: a second reply, $answer"
                    }
                }
                if {$stop} break
            }
        }
        assert {$failures > [llength $calls] / 2}
    }
}
