# keys_journal.tcl - what the generic commands write to the journal, and which events they cause.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

# What the journal and the events had since the last call, after running these commands.
proc heard commands {
    r chronicle.journal
    r chronicle.events
    r chronicle.changes
    foreach command $commands {catch {r {*}$command}}
}
proc journal commands {heard $commands; r chronicle.journal}
proc events commands {heard $commands; r chronicle.events}
proc changes commands {heard $commands; r chronicle.changes}

start_server [list tags {keys journal} overrides [list loadmodule $chronicle]] {
    test "DEL and UNLINK go on as they came, and only when they did something" {
        r mset a 1 b 2
        journal {{DEL nosuch} {del a nosuch} {unlink b} {unlink b}}
    } {{9 del a nosuch} {9 unlink b}}

    test "DEL and UNLINK tell of each key" {
        r mset a 1 b 2 c 3
        events {{del a nosuch b} {unlink c}}
    } {{9 del a} {9 del b} {9 del c}}

    test "questions change nothing" {
        r set a 1 ex 1000
        heard {{exists a} {touch a} {type a} {ttl a} {keys *} {scan 0} {randomkey} {dump a}
               {object encoding a} {expire nosuch 1} {persist nosuch} {rename a a} {renamenx a a}
               {move a 99} {copy a a} {expire a 10 nx}}
        list [r chronicle.journal] [r chronicle.events] [r chronicle.changes]
    } {{} {} {}}

    test "expiries go on as a point in time" {
        r set a 1
        set lines [journal {{expire a 100} {pexpire a 100000 xx} {expireat a 4000000000}
                            {pexpireat a 4000000000123}}]
        assert_match "9 PEXPIREAT a 1????????????" [lindex $lines 0]
        assert_match "9 PEXPIREAT a 1???????????? xx" [lindex $lines 1]
        assert_equal [lindex $lines 2] "9 PEXPIREAT a 4000000000000"
        assert_equal [lindex $lines 3] "9 pexpireat a 4000000000123"
    }
    test "expiring and persisting tell of it" {
        events {{expire a 100} {persist a} {persist a}}
    } {{9 expire a} {9 persist a}}
    test "an expiry in the past goes on as DEL" {
        r set a 1
        set lines [journal {{expire a -1}}]
        r set a 1
        list $lines [events {{pexpireat a 1}}]
    } {{{9 DEL a}} {{9 del a}}}
    test "a key that expires goes on as DEL" {
        r set a 1 px 1
        after 5
        set lines [journal {{get a}}]
        r set a 1 px 1
        after 5
        list $lines [events {{exists a}}]
    } {{{9 DEL a}} {{9 expired a} {9 keymiss a}}}

    test "RENAME tells of both names, and its new key" {
        r set a 1
        set lines [journal {{rename a b}}]
        list $lines [events {{rename b c}}] [changes {{renamenx c d}}]
    } {{{9 rename a b}} {{9 new c} {9 rename_from b} {9 rename_to c}} {{9 c} {9 d}}}
    test "MOVE tells of both databases" {
        r del c
        r set c 1
        r select 4
        r del c
        r select 9
        set lines [events {{move c 4}}]
        r select 4
        list $lines [journal {{move c 9}}] [changes {{select 9} {move c 4}}]
    } {{{4 new c} {9 move_from c} {4 move_to c}} {{4 move c 9}} {{9 c} {4 c}}}
    test "COPY tells of its copy" {
        r flushall
        r set a 1
        set lines [journal {{copy a b}}]
        list $lines [events {{copy a b replace}}] [events {{copy a b db 4}}]
    } {{{9 copy a b}} {{9 new b} {9 copy_to b}} {{4 new b} {4 copy_to b}}}

    test "RESTORE goes on with its time as a point in time" {
        r del b
        set dump [r dump a]
        set lines [journal [list [list restore b 100000 $dump]]]
        assert_equal [llength $lines] 1
        assert_match "9 restore b 1???????????? * ABSTTL" [lindex $lines 0]
        assert_match "9 restore b 0 * replace" [lindex [journal [list [list restore b 0 $dump replace]]] 0]
        assert_match "9 restore b 4000000000000 * absttl replace" [lindex [journal [list \
            [list restore b 4000000000000 $dump absttl replace]]] 0]
    }
    test "RESTORE tells of itself" {
        r del b
        events [list [list restore b 0 $dump] [list restore b 0 $dump] [list restore b 0 bad replace]]
    } {{9 new b} {9 restore b}}
    test "RESTORE of what has expired goes on as DEL of what it replaced" {
        set commands [list [list restore b 1 $dump absttl replace] [list restore b 1 $dump absttl]]
        list [journal $commands] [r exists b]
    } {{{9 DEL b}} 0}

    test "one command is one change, however many keys it touches" {
        r mset a 1 b 2
        set before [s rdb_changes_since_last_save]
        if {$before eq ""} {skip_test "INFO does not count changes yet"}
        r rename a c
        r move c 5
        r copy b d
        r expire d 100
        r del b d
        expr {[s rdb_changes_since_last_save] - $before}
    } 6
}
