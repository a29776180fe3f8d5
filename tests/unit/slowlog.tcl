# slowlog.tcl - SLOWLOG: what gets in, how it is cut, what is hidden, and what RESET keeps.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# The arguments of the entries that `script` leaves, oldest first. The log is for all commands
# meanwhile.
proc logged script {
    r config set slowlog-log-slower-than 0
    r slowlog reset
    uplevel 1 $script
    r config set slowlog-log-slower-than -1
    set out {}
    foreach entry [lrange [r slowlog get -1] 0 end] {set out [linsert $out 0 [lindex $entry 3]]}
    return [lrange $out 1 end]
}

start_server {tags {slowlog} overrides {slowlog-log-slower-than 1000000}} {
    test "SLOWLOG is empty at first and has Redis's settings" {
        list [r slowlog len] [r slowlog get] [lindex [r config get slowlog-max-len] 1]
    } {0 {} 128}

    test "Only commands that took slowlog-log-slower-than microseconds get in" {
        r config set slowlog-log-slower-than 100000
        r ping
        assert_equal [r slowlog len] 0
        r debug sleep 0.2
        assert_equal [r slowlog len] 1
        r config set slowlog-log-slower-than -1
        r debug sleep 0.2
        r slowlog len
    } 1

    test "An entry has id, time, microseconds, arguments, address and name of the client" {
        r client setname lastentry_client
        r config set slowlog-log-slower-than 100000
        r debug sleep 0.2
        r config set slowlog-log-slower-than -1
        set e [lindex [r slowlog get] 0]
        assert_equal [llength $e] 6
        assert_equal [lindex $e 0] 1
        assert_lessthan [expr {abs([clock seconds] - [lindex $e 1])}] 5
        assert_morethan [lindex $e 2] 190000
        assert_lessthan [lindex $e 2] 2000000
        assert_equal [lindex $e 3] {debug sleep 0.2}
        assert_match {*127.0.0.1:*} [lindex $e 4]
        assert_equal [lindex $e 5] lastentry_client
    }

    test "RESET empties the log, and ids go on" {
        r slowlog reset
        assert_equal [r slowlog len] 0
        r config set slowlog-log-slower-than 0
        r ping
        r config set slowlog-log-slower-than -1
        assert_equal [lindex [r slowlog get] end 0] 2
        r slowlog reset
    } OK

    test "SLOWLOG GET gives ten by default, as many as are asked for, or all" {
        r config set slowlog-log-slower-than 0
        for {set i 0} {$i < 20} {incr i} {r ping}
        r config set slowlog-log-slower-than -1
        list [llength [r slowlog get]] [llength [r slowlog get 3]] [llength [r slowlog get 0]] \
            [expr {[llength [r slowlog get -1]] == [r slowlog len]}] \
            [expr {[llength [r slowlog get 1000]] == [r slowlog len]}]
    } {10 3 0 1 1}

    test "SLOWLOG GET refuses other counts" {
        foreach count {-2 a 1.5 ""} {
            assert_error "ERR count should be greater than or equal to -1" {r slowlog get $count}
        }
        assert_error "ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG\
            HELP." {r slowlog get 1 2}
        assert_error "*unknown subcommand*" {r slowlog nosuch}
        assert_error "*wrong number of arguments*" {r slowlog len 1}
    }

    test "slowlog-max-len holds, also when it becomes smaller, or nothing" {
        r config set slowlog-max-len 10
        r config set slowlog-log-slower-than 0
        for {set i 0} {$i < 100} {incr i} {r ping}
        assert_equal [r slowlog len] 10
        r config set slowlog-max-len 2
        assert_equal [r slowlog len] 2
        r config set slowlog-max-len 0
        r ping
        assert_equal [r slowlog len] 0
        r config set slowlog-max-len 128
        r config set slowlog-log-slower-than -1
        r slowlog len
    } 1

    test "Settings out of range are refused" {
        assert_error "*slowlog-log-slower-than*" {r config set slowlog-log-slower-than -2}
        assert_error "*slowlog-max-len*" {r config set slowlog-max-len -1}
        r config set slowlog-log-slower-than 9223372036854775807
        r ping
        r config set slowlog-log-slower-than -1
        r slowlog len
    } 1

    test "Long arguments are cut at 128 bytes" {
        set all [logged {
            r set k [string repeat A 128]
            r set k [string repeat A 129]
            r set [string repeat k 200] [string repeat B 1000]
        }]
        assert_equal [lindex $all 0 2] [string repeat A 128]
        assert_equal [lindex $all 1 2] "[string repeat A 128]... (1 more bytes)"
        assert_equal [lindex $all 2 1] "[string repeat k 128]... (72 more bytes)"
        lindex $all 2 2
    } "[string repeat B 128]... (872 more bytes)"

    test "Of many arguments 31 are kept, and the number of the others" {
        set all [logged {
            r del {*}[lrepeat 31 x]
            r del {*}[lrepeat 32 x]
            r del {*}[lrepeat 1000 x] last
        }]
        assert_equal [lindex $all 0] [concat del [lrepeat 31 x]]
        assert_equal [lindex $all 1] [concat del [lrepeat 30 x] [list "... (2 more arguments)"]]
        lindex $all 2
    } [concat del [lrepeat 30 x] [list "... (971 more arguments)"]]

    test "Bytes are kept as they are" {
        logged {r set "a\0b\r\n" "\xff"}
    } [list [list set "a\0b\r\n" "\xff"]]

    test "Commands of a transaction are logged, EXEC is not" {
        logged {
            r multi
            r set k v
            r get k
            r exec
        }
    } {multi {set k v} {get k}}

    test "Commands that fail are logged, refused ones are not" {
        logged {
            catch {r incr k}
            catch {r get}
            catch {r nosuch}
        }
    } {{incr k}}

    test "Passwords are redacted" {
        set got [logged {
            r config set requirepass ""
            r config set hz 10 requirepass "" timeout 0
            catch {r auth foo}
            catch {r auth foo bar}
            r hello 2 auth default secret setname me
            catch {r hello 3 auth default}
        }]
        assert_equal $got [list \
            {config set requirepass (redacted)} \
            {config set hz 10 requirepass (redacted) timeout 0} \
            {auth (redacted)} {auth (redacted) (redacted)} \
            {hello 2 auth (redacted) (redacted) setname me} {hello 3 auth default}]
        # Nothing of it stays for the next command.
        logged {r get requirepass}
    } {{get requirepass}}

    test "A client that is gone stays in the log, and one without a name has none" {
        r slowlog reset
        set c [redis_client]
        r config set slowlog-log-slower-than 0
        $c ping
        r config set slowlog-log-slower-than -1
        $c close
        set e [lindex [r slowlog get] 0]
        list [lindex $e 3] [lindex $e 5]
    } {ping {}}

    test "CONFIG RESETSTAT leaves the slow log alone" {
        set len [r slowlog len]
        r config resetstat
        expr {$len > 0 && [r slowlog len] == $len}
    } 1

    test "In RESP3 entries have the same shape" {
        r hello 3
        set e [lindex [r slowlog get 1] 0]
        r hello 2
        llength $e
    } 6

    test "SLOWLOG HELP lists its subcommands" {
        assert_match "*SLOWLOG <subcommand>*GET*LEN*RESET*" [r slowlog help]
        assert_error "*wrong number*" {r slowlog help x}
    }
}

start_server [concat [with_module observed] {overrides {slowlog-log-slower-than -1}}] {
    test "A module's secrets are redacted, beyond the 63rd argument all or none" {
        logged {r observed.secret 1 b c 3}
    } {{observed.secret (redacted) b (redacted) 3}}

    test "A module's secret among many arguments" {
        set got [lindex [logged {r observed.secret 70 {*}[lrepeat 80 x]}] 0]
        assert_equal [llength $got] 32
        assert_equal [lrange $got 0 2] {observed.secret 70 x}
    }

    test "What a command calls is logged for the client" {
        r client setname caller
        logged {r observed.call set k v}
        set e [lindex [r slowlog get] 1]
        assert_match {*127.0.0.1:*} [lindex $e 4]
        list [lindex $e 3] [lindex $e 5]
    } {{set k v} caller}

    test "A command that waited is logged when it is over, without the time it waited" {
        r slowlog reset
        r config set slowlog-log-slower-than 0
        r observed.wait
        r config set slowlog-log-slower-than -1
        set e [lindex [r slowlog get] 0]
        assert_equal [lindex $e 3] observed.wait
        assert_lessthan [lindex $e 2] 40000
    }
}
