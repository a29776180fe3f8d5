# rm_reload.tcl - MODULE RELOAD of modules of the Redis ABI: values whose encoding version stays are handed
# over as the pointers they are, others are saved by the old code and loaded by the new; one that fails
# leaves all as it was. tests/modules/rm_reload.c is the module in its versions.

proc version name {return [test_module rm_reload-$name]}

# The reason why a reload to another version is refused.
proc reload_error name {
    if {![catch {r module reload rm_reload [version $name]} e]} {return "was reloaded"}
    if {![string match "ERR Error reloading module: *" $e]} {return "unlike: $e"}
    return [string range $e 28 end]
}

# What a reload that fails must leave as it is.
proc traces {} {
    list [r rr.version] [r rr.old] [r rr.get a] [r rr.get b] [r config get rm_reload.*] [r rr.total] \
        [r command count] [r dbsize] [r module list] [r type a] [r command info rr.set rr.old] \
        [r pexpiretime b] [r rr.freed] [dict size [r config get *]]
}

start_server [list tags {modules rm} args [list --loadmodule [version one]]] {
    test "values of an unchanged encoding are handed over" {
        r rr.set a 7
        r rr.set b -8
        r pexpire b 1000000
        assert_equal [r module reload rm_reload [version two]] OK
        assert_equal [list [r rr.version] [r rr.get a] [r rr.get b]] {2 {7 1} {-8 1}}
        assert_equal [r type a] rr-record
        assert_morethan [r pttl b] 900000
        verify_log_message 0 "*Module 'rm_reload' 1 replaced by 2*2 keys were handed over, of 0*" 0
        r rr.set a 1
        r del b
        list [r rr.freed] [r rr.get a]
    } {2 {1 2}}

    test "auxiliary fields are saved by the old code and loaded by the new" {
        r rr.total
    } 0

    test "commands are made anew" {
        assert_error "ERR unknown command 'rr.old'*" {r rr.old}
        r rr.new
    } 2

    test "values go on through more reloads, and back" {
        r rr.set k 5
        foreach name {one two one two one} {r module reload rm_reload [version $name]}
        r rr.set l 6
        assert_equal [list [r rr.get a] [r rr.get k] [r rr.get l] [r rr.old]] {{1 2} {5 2} {6 1} 1}
        r debug reload
        list [r rr.get a] [r rr.get k] [r rr.get l]
    } {{1 2} {5 2} {6 1}}

    test "values of another encoding are saved by the old code and loaded by the new" {
        set digest [debug_digest]
        r pexpire k 1000000
        assert_equal [r module reload rm_reload [version next]] OK
        assert_equal [list [r rr.get a] [r rr.get k] [r rr.get l]] {{1 2} {5 2} {6 1}}
        assert_morethan [r pttl k] 900000
        verify_log_message 0 "*0 keys were handed over, of 3 saved and loaded*" 0
        r del a k l
        r rr.freed
    } 3

    test "an older encoding that cannot load the newer one is refused" {
        r rr.set a 3
        assert_match "the value of key 'a' in database 9: module type rr-record did not load*" \
            [reload_error one]
        assert_equal [r rr.get a] {3 2}
        r del a
        reload_error one
    } "was reloaded"

    test "memory goes with the values, and none is left behind" {
        for {set i 0} {$i < 100} {incr i} {r rr.set key$i $i}
        foreach round {1 2 3 4 5 6 7 8} {
            r module reload rm_reload [version [lindex {two one} [expr {$round % 2}]]]
            set used($round) [dict get [lindex [r module stats rm_reload] 0] bytes]
            set server($round) [s used_memory]
        }
        assert_morethan $used(8) 0
        assert_equal $used(8) $used(4)
        assert_lessthan_equal [expr {abs($server(8) - $server(4))}] 2048
        assert_no_match "*left * bytes behind*" [exec tail -n 12 [srv 0 stdout]]
        r flushall
        lrange [lindex [r module stats rm_reload] 0] end-1 end
    } {keys 0}

    test "more reloads than there are accounts" {
        r rr.set a 1
        for {set i 0} {$i < 70} {incr i} {r module reload rm_reload}
        r rr.get a
    } {1 2}
}

start_server [list tags {modules rm} args [list --loadmodule [version one]]] {
    test "settings keep their values" {
        r config set rm_reload.level 77 rm_reload.flags "red blue"
        r module reload rm_reload [version two]
        r config get rm_reload.*
    } {rm_reload.flags {red blue} rm_reload.level 77}

    test "statistics of commands go on" {
        r rr.version
        r module reload rm_reload
        r rr.version
        assert_match "*cmdstat_rr.version:calls=2,*" [r info commandstats]
    } {}

    test "notifications and filters are those of the new code alone, and begin anew" {
        r module reload rm_reload
        assert_equal [r rr.heard] 0
        r set x 1
        assert_equal [r rr.heard] 1
        set before [r rr.filtered]
        r ping
        expr {[r rr.filtered] - $before}
    } 2

    test "clients in the middle of a transaction go on with the new code" {
        set rd [redis_deferring_client]
        foreach command {{multi} {rr.version} {rr.set in 1}} {
            $rd {*}$command
            $rd read
        }
        r module reload rm_reload [version one]
        $rd exec
        assert_equal [$rd read] {1 OK}
        $rd close
        r multi
        r rr.version
        r module reload rm_reload [version two]
        r rr.version
        r rr.get in
        r exec
    } {1 OK 2 {1 1}}

    test "commands and notifications that wait in the same pipeline find the new code" {
        set rd [redis_deferring_client]
        foreach command [list {rr.set p 1} [list module reload rm_reload [version one]] {rr.version} \
                {rr.get p} {rr.old} {set x 1} {rr.heard}] {
            $rd {*}$command
        }
        $rd flush
        set got {}
        foreach i {1 2 3 4 5 6 7} {lappend got [$rd read]}
        $rd close
        set got
    } {OK OK 1 {1 2} 1 OK 1}

    test "a module is not replaced while its own code runs" {
        assert_error "*the module runs the command that asks for it" {
            r rr.call module reload rm_reload
        }
        r rr.version
    } 1

    test "timers, waiting clients and users of its functions are obstacles" {
        r rr.timer 50
        assert_match "*the module holds timer that is not fired.*(1 of them)" [reload_error two]
        after 80
        set rd [redis_deferring_client]
        $rd rr.block
        wait_for_blocked_client
        assert_match "the module has blocked clients.*(1 of them)" [reload_error two]
        assert_equal [$rd read] OVER
        $rd close
        r module load [test_module rm_bad-user]
        assert_match "the module exports APIs used by other modules.*(rm_bad)" [reload_error two]
        assert_equal [r module reload rm_bad] OK
        assert_match "the module exports APIs used by other modules.*(rm_bad)" [reload_error two]
        assert_equal [r module reload rm_bad [test_module rm_bad-fine]] OK
        reload_error two
    } "was reloaded"
}

start_server [list tags {modules rm} args [list --loadmodule [version one]]] {
    r config set rm_reload.level 77
    r rr.set a 13
    r rr.set b 8
    r pexpire b 1000000
    set before [traces]

    foreach {name reason} {
        bad_load   "*rm_reload-bad_load.so: its OnLoad returned REDISMODULE_ERR*"
        no_type    "it has no type 'rr-record', and 2 keys have values of it"
        picky      "the value of key 'a' in database 9: module type rr-record did not load version 0*"
        bad_aux    "module type rr-record did not load its auxiliary field"
        strict     "*rm_reload-strict.so: its OnLoad returned REDISMODULE_ERR*"
        other_name "*it is module rm_somebody, which cannot take the place of module rm_reload"
    } {
        test "a reload that fails leaves all as it was: $name" {
            assert_match $reason [reload_error $name]
            assert_equal [traces] $before
            set heard [r rr.heard]
            r set x 1
            r del x
            assert_equal [r rr.heard] [expr {$heard + 1}]
        }
    }

    test "a native module does not take the place of another kind, nor the other way round" {
        assert_error "*another kind*" {r module reload rm_reload [test_module reload-one]}
        r module load [test_module reload-one]
        assert_error "*another kind*" {r module reload reloaded [version one]}
        r module unload reloaded
        traces
    } $before

    test "OnUnload may refuse" {
        r rr.refuse
        assert_equal [reload_error two] "the module refuses to be unloaded"
        assert_equal [traces] $before
        r rr.refuse
    } OK

    test "reloads that fail leave no memory behind" {
        foreach round {1 2 3 4} {
            foreach name {bad_load no_type picky strict bad_aux} {reload_error $name}
            r ping
            set used($round) [s used_memory]
        }
        assert_lessthan_equal [expr {abs($used(4) - $used(2))}] 2048
        traces
    } $before
}
