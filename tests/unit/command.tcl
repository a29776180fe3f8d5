# command.tcl - COMMAND and its subcommands.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# A map that RESP2 flattened, of the one command that was asked for.
proc docs_of name {
    set reply [r command docs $name]
    assert_equal [llength $reply] 2
    return [lindex $reply 1]
}

proc argument {docs index} {
    return [lindex [dict get $docs arguments] $index]
}

start_server {tags {command}} {
    test "COMMAND, COMMAND INFO and COMMAND COUNT agree on the number of commands" {
        set count [r command count]
        assert {$count > 50}
        assert_equal [llength [r command]] $count
        assert_equal [llength [r command info]] $count
        assert_equal [expr {[llength [r command docs]] / 2}] $count
    }

    test "COMMAND LIST has each command and subcommand once" {
        set names [r command list]
        assert_equal [llength $names] [llength [lsort -unique $names]]
        set top [lsearch -all -inline -not $names *|*]
        assert_equal [llength $top] [r command count]
        assert {"get" in $names && "command|list" in $names}
    }

    test "COMMAND INFO gives ten facts, and nothing for what is not there" {
        lassign [r command info GET nosuch object|encoding] get nosuch encoding
        assert_equal [lrange $get 0 6] {get 2 {readonly fast} 1 1 1 {@read @string @fast}}
        assert_equal [llength $get] 10
        assert_equal $nosuch {}
        assert_equal [lrange $encoding 0 5] {object|encoding 3 readonly 2 2 1}
    }

    test "COMMAND INFO shows the ways in which keys are used" {
        set specs [lindex [r command info bitop] 0 8]
        assert_equal [llength $specs] 2
        assert_equal [dict get [lindex $specs 0] flags] {OW update}
        assert_equal [dict get [lindex $specs 1] begin_search] {type index spec {index 3}}
        assert_equal [dict get [lindex $specs 1] find_keys] \
            {type range spec {lastkey -1 keystep 1 limit 0}}
    }

    test "COMMAND INFO of a container has its subcommands" {
        set subcommands {}
        foreach info [lindex [r command info command] 0 9] {lappend subcommands [lindex $info 0]}
        assert {"command|docs" in $subcommands && "command|getkeys" in $subcommands}
    }

    test "COMMAND DOCS follows from the row" {
        set docs [docs_of setex]
        assert_equal [dict get $docs since] 2.0.0
        assert_equal [dict get $docs group] string
        assert_equal [dict get $docs doc_flags] deprecated
        assert_equal [dict get $docs deprecated_since] 2.6.12
        assert_equal [argument $docs 0] {name key type key display_text key key_spec_index 0}
        assert_equal [argument $docs 1] {name seconds type integer display_text seconds}
    }

    test "COMMAND DOCS shows alternatives, tokens and since when they are there" {
        set docs [docs_of set]
        set condition [argument $docs 2]
        assert_equal [dict get $condition name] condition
        assert_equal [dict get $condition type] oneof
        assert_equal [dict get $condition flags] optional
        assert_equal [lindex [dict get $condition arguments] 1] \
            {name xx type pure-token display_text xx token XX}
        set expiration [argument $docs 4]
        assert_equal [lindex [dict get $expiration arguments] 0] \
            {name seconds type integer display_text seconds token EX since 2.6.12}
    }

    test "COMMAND DOCS shows repeated groups" {
        set pair [argument [docs_of mset] 0]
        assert_equal [dict get $pair type] block
        assert_equal [dict get $pair flags] multiple
        assert_equal [llength [dict get $pair arguments]] 2
    }

    test "COMMAND DOCS of a container has its subcommands under their full names" {
        set docs [docs_of command]
        assert_equal [dict get [dict get $docs subcommands] command|count since] 2.8.13
        assert_equal [lindex [r command docs command|count] 0] command|count
    }

    test "COMMAND DOCS leaves out what is not there" {
        assert_equal [r command docs nosuch nosuch|x get|x] {}
        assert_equal [dict keys [r command docs nosuch get]] get
    }

    test "COMMAND LIST FILTERBY selects by module, category or pattern" {
        set strings [r command list filterby module strings]
        assert {"get" in $strings && "del" ni $strings}
        assert_equal [lsort [r command list FILTERBY ACLCAT bitmap]] \
            {bitcount bitfield bitfield_ro bitop bitpos getbit setbit}
        assert_equal [r command list filterby pattern COMMAND|GETKEYS] command|getkeys
        assert_equal [r command list filterby pattern {get[es]*x}] {getex}
        assert_equal [r command list filterby module nosuch] {}
        assert_equal [r command list filterby aclcat nosuch] {}
    }

    test "COMMAND LIST refuses what is no filter" {
        foreach words {x filterby {filterby module} {filterby nosuch x} {filterby module x y}} {
            assert_error "ERR syntax error" {r command list {*}$words}
        }
    }

    test "COMMAND GETKEYS finds keys as the row describes them" {
        assert_equal [r command getkeys get a] a
        assert_equal [r command getkeys mset a 1 b 2] {a b}
        assert_equal [r command getkeys bitop and d a b] {d a b}
        assert_equal [r command getkeys object encoding k] k
        assert_equal [r command getkeys lcs a b] {a b}
        assert_equal [r command getkeysandflags rename a b] \
            {{a {RW access delete}} {b {OW update}}}
    }

    test "COMMAND GETKEYSANDFLAGS looks at the options of SET and BITFIELD" {
        assert_equal [r command getkeysandflags set k v] {{k {OW update}}}
        assert_equal [r command getkeysandflags set k v get] {{k {RW access update}}}
        assert_equal [r command getkeysandflags bitfield k get u8 0] {{k {RO access}}}
        assert_equal [r command getkeysandflags bitfield k set u8 0 1] {{k {RW access update}}}
    }

    test "COMMAND GETKEYS finds more keys than fit on its stack" {
        set keys {}
        for {set i 0} {$i < 1000} {incr i} {lappend keys key:$i}
        assert_equal [r command getkeys del {*}$keys] $keys
    }

    test "COMMAND GETKEYS says what is wrong with the command in it" {
        assert_error "ERR Invalid command specified" {r command getkeys nosuch a}
        assert_error "ERR Invalid command specified" {r command getkeys object nosuch a}
        assert_error "ERR The command has no key arguments" {r command getkeys ping a}
        assert_error "ERR Invalid number of arguments specified for command" {
            r command getkeys get a b
        }
        assert_error "ERR wrong number of arguments for 'command|getkeys' command" {
            r command getkeys
        }
    }

    test "COMMAND refuses unknown subcommands and words too many" {
        assert_error "ERR unknown subcommand 'nosuch'. Try COMMAND HELP." {r command nosuch}
        assert_error "ERR wrong number of arguments for 'command|count' command" {
            r command count x
        }
        assert_match "COMMAND <subcommand>*" [lindex [r command help] 0]
    }

    test "names are found in either case, and only in full" {
        assert_equal [lindex [r COMMAND INFO GeTrAnGe] 0 0] getrange
        assert_equal [r command info getrang getrangee "get\0" "" |  get| |get] {{} {} {} {} {} {} {}}
    }

    test "sets and maps are such in RESP3" {
        r hello 3
        r readraw 1
        set types {}
        r command info get
        for {set line 0} {$line < 80} {incr line} {
            set text [r read]
            if {[string index $text 0] in {* ~ %}} {lappend types $text}
            if {$text eq "~0" && [llength $types] > 10} break
        }
        r readraw 0
        r hello 2
        assert_equal $types {*10 ~2 ~3 ~0 ~1 %3 ~2 %2 %1 %2 %3 ~0}
    }

    test "a command's calls, time and failures are counted" {
        r config resetstat
        r set k v
        catch {r incr k}
        r get k
        r get k
        assert_match "calls=2,*failed_calls=0*" [cmdrstat get r]
        assert_match "calls=1,*failed_calls=1*" [cmdrstat incr r]
    }
}
