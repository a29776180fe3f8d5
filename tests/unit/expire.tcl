# expire.tcl - EXPIRE and its family, TTL and its family, PERSIST; keys that end.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit interop.tcl]

start_server {tags {expire}} {
    test "EXPIRE gives a key an end, in seconds" {
        r set a 1
        assert_equal [r ttl a] -1
        assert_equal [r expire a 100] 1
        assert_range [r ttl a] 99 100
        assert_range [r pttl a] 99000 100000
    }
    test "PEXPIRE does so in milliseconds" {
        assert_equal [r pexpire a 5500] 1
        assert_range [r pttl a] 5000 5500
    }
    test "EXPIREAT and PEXPIREAT take a point in time" {
        set at [expr {[clock seconds] + 1000}]
        assert_equal [r expireat a $at] 1
        assert_equal [r expiretime a] $at
        assert_equal [r pexpiretime a] ${at}000
        assert_equal [r pexpireat a ${at}123] 1
        assert_equal [r pexpiretime a] ${at}123
        assert_equal [r expiretime a] $at
        assert_range [r ttl a] 999 1000
    }
    test "seconds are rounded to the nearest" {
        set at [expr {[clock seconds] + 1000}]
        r pexpireat a ${at}500
        assert_equal [r expiretime a] [expr {$at + 1}]
        r pexpireat a ${at}499
        assert_equal [r expiretime a] $at
    }
    test "PERSIST takes the end away, once" {
        list [r persist a] [r persist a] [r ttl a] [r persist nosuch] [r get a]
    } {1 0 -1 0 1}
    test "missing keys have no time to live" {
        list [r ttl nosuch] [r pttl nosuch] [r expiretime nosuch] [r pexpiretime nosuch] \
             [r expire nosuch 10] [r pexpireat nosuch 10]
    } {-2 -2 -2 -2 0 0}
    test "a key is gone when its time has come" {
        r set a 1
        r pexpire a 30
        assert_equal [r get a] 1
        after 40
        list [r get a] [r exists a] [r ttl a] [r type a]
    } {{} 0 -2 none}
    # The time is read once a turn, so commands of one write see the same.
    test "a key lives through its last millisecond, and no longer" {
        set fd [redis::open_channel [srv host] [srv port]]
        puts -nonewline $fd [redis::encode {select 9}]
        flush $fd
        redis::raw_reply_from $fd
        set at_end 0
        for {set tries 0} {$tries < 300 && $at_end < 3} {incr tries} {
            set end [expr {[clock milliseconds] + 3}]
            r set a 1 pxat $end
            while 1 {
                puts -nonewline $fd [redis::encode time][redis::encode {exists a}]
                flush $fd
                set time [split [redis::raw_reply_from $fd] \r]
                set alive [string trim [redis::raw_reply_from $fd]]
                lassign $time head len seconds len micros
                set now [expr {[string trim $seconds] * 1000 + [string trim $micros] / 1000}]
                assert_equal $alive [expr {$now > $end ? ":0" : ":1"}] "$now, end $end"
                incr at_end [expr {$now == $end}]
                if {$now > $end} break
            }
        }
        close $fd
        assert {$at_end > 0}
    }
    test "keys go although nobody looks at them" {
        r flushall
        for {set i 0} {$i < 1000} {incr i} {r set key$i 1 px 20}
        wait_for_condition 100 50 {[r dbsize] == 0} else {fail "[r dbsize] keys are left"}
    }
    test "an end in the past deletes the key at once" {
        foreach command {{expire a 0} {expire a -1} {pexpire a -100} {expireat a 1} {pexpireat a 0}
                         {expireat a -1} {pexpire a -9223372036854775808}} {
            r set a 1
            assert_equal [r {*}$command] 1 $command
            assert_equal [r exists a] 0 $command
        }
    }
    test "writing to a key keeps its end, and setting it anew drops it" {
        r set a 1 ex 100
        r incr a
        assert_range [r ttl a] 90 100
        r append a 5
        assert_range [r ttl a] 90 100
        r set a 2
        r ttl a
    } -1
    test "values of any size and form keep through EXPIRE and PERSIST" {
        foreach value [list 42 "" short [string repeat x 1000] [string repeat y 100000] -9223372036854775808] {
            r set a $value
            r expire a 100
            assert_equal [r get a] $value
            r expire a 200
            assert_equal [r get a] $value
            r persist a
            assert_equal [r get a] $value
        }
    }

    # ---- conditions

    test "NX gives an end only where there is none" {
        r set a 1
        list [r expire a 100 nx] [r expire a 200 nx] [expr {[r ttl a] <= 100}]
    } {1 0 1}
    test "XX changes an end only where there is one" {
        r set a 1
        list [r expire a 100 xx] [r ttl a] [r expire a 100] [r expire a 200 xx] \
             [expr {[r ttl a] > 100}]
    } {0 -1 1 1 1}
    test "GT only puts the end off, and for ever is the latest end" {
        r set a 1
        list [r expire a 100 gt] [r expire a 100] [r expire a 50 GT] [r expire a 200 gt] \
             [expr {[r ttl a] > 100}]
    } {0 1 0 1 1}
    test "LT only brings the end nearer" {
        r set a 1
        list [r expire a 100 lt] [r expire a 200 LT] [r expire a 50 lt] [expr {[r ttl a] <= 50}] \
             [r expire a 50 xx lt] [r expire a -1 lt] [r exists a]
    } {1 0 1 1 0 1 0}
    test "conditions that contradict each other are refused" {
        r set a 1
        foreach options {{nx xx} {nx gt} {lt nx} {nx xx gt lt}} {
            assert_error "ERR NX and XX, GT or LT options at the same time are not compatible" {
                r expire a 10 {*}$options
            }
        }
        assert_error "ERR GT and LT options at the same time are not compatible" {
            r expire a 10 gt lt
        }
        assert_error "ERR Unsupported option ab" {r expire a 10 ab}
        assert_error "ERR Unsupported option  a" {r expire a 10 "\na\r\n"}
        set long [string repeat x 40000]
        assert_error "ERR Unsupported option $long" {r expire a 10 $long}
        r ttl a
    } -1
    test "times that do not fit are refused" {
        r set a 1
        foreach {command time} {
            expire 9223372036854775807  expire 9223372036854776  expire -9223372036854775808
            expire -9223372036854776    pexpire 9223372036854775807
            expireat 9223372036854775807 expireat -9223372036854775808
        } {
            assert_error "ERR invalid expire time in '$command' command" {r $command a $time}
        }
        foreach time {x 1.5 "" 9223372036854775808} {
            assert_error "ERR value is not an integer or out of range" {r expire a $time}
        }
        r ttl a
    } -1
    test "the latest end there is can be given" {
        list [r pexpireat a 9223372036854775807] [r pexpiretime a] [r expiretime a] [r get a]
    } {1 9223372036854775807 9223372036854776 1}
    test "INFO counts keys that expired" {
        set before [s expired_keys]
        r set a 1 px 1
        after 5
        r get a
        expr {[s expired_keys] - $before}
    } 1
}

start_pair {tags {expire interop}} {
    test "the expire family replies as the real server" {
        foreach command {expire pexpire expireat pexpireat} {
            foreach time {0 -1 100 4000000000 4000000000000 9223372036854775 9223372036854775807
                          -9223372036854775808 -9223372036854775807 x {} " 1" 1e3} {
                foreach options {{} nx xx gt lt {nx xx} {gt lt} {xx gt} {lt xx} foo {nx foo}} {
                    foreach start {{set k v} {set k v ex 1000} {del k}} {
                        same_all [list $start [list $command k $time {*}$options] {exists k} {ttl k} \
                            {expiretime k}]
                    }
                }
            }
        }
    }
    test "arity errors are the real server's" {
        foreach command {expire pexpire expireat pexpireat ttl pttl expiretime pexpiretime persist} {
            same_all [list [list $command] [list $command k] [list $command k 1 nx gt foo]]
        }
    }
}
