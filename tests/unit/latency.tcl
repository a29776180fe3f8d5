# latency.tcl - LATENCY: events and their samples, the graph and the doctor, and distributions.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server [concat [with_module observed] {
    tags {latency} overrides {latency-monitor-threshold 0}
}] {
    test "Nothing is recorded while latency-monitor-threshold is 0" {
        assert_equal 0 [r observed.watched]
        r debug sleep 0.05
        r observed.latency my-event 1000
        assert_match "*CONFIG SET latency-monitor-threshold*" [r latency doctor]
        list [r latency latest] [r latency history command] [r latency history my-event]
    } {{} {} {}}

    test "Slow commands are the event command, fast ones fast-command" {
        r config set latency-monitor-threshold 40
        assert_equal 1 [r observed.watched]
        assert_match "*all is well*" [r latency doctor]
        r debug sleep 0.05
        r observed.nap 60
        r ping
        set events {}
        foreach e [r latency latest] {
            lassign $e name when last max
            assert_lessthan [expr {abs([clock seconds] - $when)}] 3
            assert_equal $last $max
            lappend events $name
        }
        assert_equal $events {command fast-command}
        assert_range [lindex [r latency history command] 0 1] 50 90
        assert_range [lindex [r latency history fast-command] 0 1] 60 100
    }

    test "One sample a second, the highest" {
        r latency reset
        for {set i 0} {$i < 2} {incr i} {
            # From the beginning of a second.
            set now [clock seconds]
            while {[clock seconds] == $now} {after 1}
            foreach ms {45 300 100} {r observed.latency e $ms}
        }
        r observed.latency e 20
        set history [r latency history e]
        assert_equal [lmap s $history {lindex $s 1}] {300 300}
        expr {[lindex $history 1 0] - [lindex $history 0 0]}
    } 1

    test "The maximum of all times stays when the last sample is lower" {
        r latency reset
        r observed.latency e 500
        after 1100
        r observed.latency e 100
        lrange [lindex [r latency latest] 0] 2 3
    } {100 500}

    test "Commands in transactions, and those that modules call, are events too" {
        r latency reset
        r multi
        r debug sleep 0.05
        r exec
        set command [r latency latest]
        r latency reset
        r observed.call debug sleep 0.05
        list [llength $command] [lindex [r latency latest] 0 0]
    } {1 command}

    test "RESET forgets some, all, and says how many" {
        r latency reset
        foreach e {a b c d} {r observed.latency $e 100}
        assert_equal 2 [r latency reset a nosuch c a]
        assert_equal [lmap e [r latency latest] {lindex $e 0}] {b d}
        r observed.latency z 100
        assert_equal [lmap e [r latency latest] {lindex $e 0}] {b d z}
        assert_equal 1 [r latency reset z]
        r observed.latency y 100
        assert_equal 3 [r latency reset]
        list [r latency reset] [r latency latest]
    } {0 {}}

    test "CONFIG RESETSTAT leaves events alone" {
        r observed.latency e 100
        r config resetstat
        llength [r latency latest]
    } 1

    test "Names are kept up to 63 bytes, and events up to 128" {
        r latency reset
        r observed.latency [string repeat x 200] 100
        assert_equal [string length [lindex [r latency latest] 0 0]] 63
        for {set i 0} {$i < 200} {incr i} {r observed.latency event$i 100}
        assert_equal [llength [r latency latest]] 128
        assert_equal 1 [count_log_message 0 "LATENCY keeps 128 events"]
        r latency reset
    } 128

    test "GRAPH draws one column a sample, its age below" {
        r observed.latency e 100
        set text [r latency graph e]
        set lines [split $text \n]
        assert_equal [lindex $lines 0] "e - high 100 ms, low 100 ms (all time high 100 ms)"
        assert_equal [lindex $lines 1] [string repeat - 80]
        assert_equal [lrange $lines 2 6] {{ } { } { } _ { }}
        assert_match {[0-9]} [lindex $lines 7]
        lrange $lines 8 end
    } {s {}}

    test "GRAPH scales between the lowest and the highest" {
        r latency reset
        foreach ms {100 200 150} {
            r observed.latency e $ms
            after 1050
        }
        set lines [split [r latency graph e] \n]
        assert_equal [lindex $lines 0] "e - high 200 ms, low 100 ms (all time high 200 ms)"
        lrange $lines 2 6
    } {{ # } { |_} { ||} _|| {   }}

    test "GRAPH of an event without samples is refused" {
        assert_error "ERR No samples available for event 'nosuch'" {r latency graph nosuch}
        set name [string repeat x 2000]
        assert_error "ERR No samples available for event '$name'" {r latency graph $name}
    }

    test "DOCTOR names the command of the worst moment and its module, and advises" {
        r latency reset
        r debug sleep 0.05
        r observed.latency expire-cycle 100
        set text [r latency doctor]
        assert_match "*1. command: 1 slow moment*in debug (module server)*" $text
        assert_match "*2. expire-cycle: 1 slow*100 ms on average*What may help*SLOWLOG GET*" $text
        r latency reset
        r observed.latency strange-event 100
        assert_match "*strange-event*ask their authors*" [r latency doctor]
        r hello 3
        set kind [string index [r latency doctor] 0]
        r hello 2
        set kind
    } M

    # What happens beside commands: {event script}, each of which takes 50 ms, or more where the
    # machine is busy: at most what the test saw. A thread keeps the lock for longer, as the server
    # may come late to wait for it.
    foreach {event script} {
        expire-del {
            r debug set-active-expire 0
            r set k v px 1
            r observed.expiry 50
            after 5
            r get k
            r observed.expiry 0
            r debug set-active-expire 1
        }
        expire-cycle {
            r observed.expiry 50
            r set k v px 5
            wait_for_condition 50 20 {[r dbsize] == 0} else {fail "keys are left"}
            r observed.expiry 0
        }
        fork {r observed.fork 50}
        command-unblocking {assert_equal OK [r observed.wait 50]}
        module-acquire-GIL {
            r observed.thread 150
            for {set i 0} {$i < 20} {incr i} {r ping; after 10}
        }
    } {
        test "The event $event" {
            r flushall
            r latency reset
            set begun [clock milliseconds]
            eval $script
            wait_for_condition 50 20 {[r latency history $event] ne {}} else {
                fail "there is none: [r latency latest]"
            }
            set most [expr {[clock milliseconds] - $begun + 1}]
            assert_range [lindex [r latency history $event] 0 1] 45 $most
            assert_match "*$event: 1 slow*" [r latency doctor]
        }
    }

    test "The threshold is a number of milliseconds" {
        assert_error "*latency-monitor-threshold*" {r config set latency-monitor-threshold -1}
        r config set latency-monitor-threshold 9223372036854775807
        r latency reset
        r debug sleep 0.01
        set none [r latency latest]
        r config set latency-monitor-threshold 0
        set none
    } {}

    test "LATENCY HELP lists its subcommands" {
        assert_match "*LATENCY <subcommand>*DOCTOR*GRAPH*HISTOGRAM*HISTORY*LATEST*RESET*" \
            [r latency help]
        assert_error "*wrong number*" {r latency help x}
        assert_error "*wrong number*" {r latency history}
        assert_error "*wrong number*" {r latency latest x}
        assert_error "*unknown subcommand*" {r latency nosuch}
    }
}

start_server {tags {latency}} {
    test "HISTOGRAM has each command that was called" {
        r config resetstat
        r set k v
        r set k v
        r get k
        set all [r latency histogram]
        assert_match {calls 2 histogram_usec {*}} [dict get $all set]
        assert_match {calls 1 histogram_usec {*}} [dict get $all get]
        lsort [dict keys $all]
    } {config|resetstat get set}

    test "Counts rise up to the number of calls, at powers of two" {
        for {set i 0} {$i < 1000} {incr i} {r set k v}
        r debug sleep 0.01
        r debug sleep 1.2
        set all [r latency histogram set debug]
        set levels {}
        for {set k 0} {$k < 21} {incr k} {lappend levels [expr {((1032 << $k) - 1) / 1000}]}
        dict for {name fields} $all {
            set before 0
            dict for {us calls} [dict get $fields histogram_usec] {
                assert {$us in $levels} $us
                assert_morethan $calls $before
                set before $calls
            }
            assert_equal $before [dict get $fields calls] $name
        }
        assert_equal [lindex [dict get $all debug] 3 2] 1082130
        assert_range [lindex [dict get $all debug] 3 0] 10000 20000
    }

    test "A container stands for its subcommands" {
        r config resetstat
        r client id
        r client list
        assert_equal [lsort [dict keys [r latency histogram client]]] {client|id client|list}
        dict keys [r latency histogram CLIENT|ID nosuch set]
    } {client|id}

    test "HISTOGRAM of what nobody called, or nobody knows, is empty" {
        r config resetstat
        list [r latency histogram get] [r latency histogram nosuch] [llength [r latency histogram]]
    } {{} {} 4}

    test "In RESP3 the histogram is a map of maps" {
        r set k v
        set rd [redis_client]
        foreach command {{hello 3} {latency histogram set} quit} {
            $rd write [formatCommand {*}$command]
        }
        $rd flush
        set bytes [string map {\r\n " "} [$rd rawread]]
        $rd close
        set bytes
    } "*%1 \$3 set %2 \$5 calls :* \$14 histogram_usec %*"

    test "latency-tracking no ends recording, and what there was is forgotten" {
        r config resetstat
        r set k v
        r config set latency-tracking no
        r set k v
        assert_equal [r latency histogram] {}
        assert_equal [r info latencystats] "# Latencystats\r\n"
        r config set latency-tracking yes
        r set k v
        assert_match {calls 1 *} [dict get [r latency histogram set] set]
        # The counts of calls never stopped.
        cmdrstat set r
    } "calls=3,*"

    test "latency-tracking yes again leaves distributions as they are" {
        r config resetstat
        r set k v
        r config set latency-tracking yes
        dict get [r latency histogram set] set calls
    } 1
}
