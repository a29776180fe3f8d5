# reload.tcl - MODULE RELOAD of native modules: what is kept, what is made anew, and that a reload which
# fails at any step leaves all as it was. tests/modules/reload.c is the module in its versions.

proc version name {return [test_module reload-$name]}

# The reason why a reload to another version is refused.
proc reload_error name {
    set path [expr {[string match */* $name] ? $name : [version $name]}]
    if {![catch {r module reload reloaded $path} e]} {return "was reloaded"}
    if {![string match "ERR Error reloading module: *" $e]} {return "unlike: $e"}
    return [string range $e 28 end]
}

# What a reload that fails must leave as it is.
proc traces {} {
    list [r re.version] [r re.old] [r re.get a] [r re.get b] [r config get re-*] [r debug digest] \
        [r command count] [r dbsize] [r module list] [r type a] [r command info re.set re.old] \
        [r pexpiretime b] [r re.loaded] [dict size [r config get *]]
}

start_server [list tags {modules} args [list --loadmodule [version one] x y]] {
    test "a reload keeps values as they are when their layout is the same" {
        r re.set a 7
        r select 3
        r re.set b 8
        r pexpire b 1000000
        r select 9
        r re.set c 9
        assert_equal [r module reload reloaded [version two]] OK
        assert_equal [r re.version] 2.0.0
        assert_equal [r re.get a] {7 {made by 1.0.0}}
        r select 3
        assert_equal [r re.get b] {8 {made by 1.0.0}}
        assert_morethan [r pttl b] 900000
        r select 9
        assert_equal [r re.loaded] {0 0}
        r re.set a 1
        assert_equal [r re.loaded] {0 1}
        verify_log_message 0 "*'reloaded' 1.0.0 replaced by 2.0.0*3 keys were handed over, of 0*" 0
        r re.get a
    } {1 {made by 2.0.0}}

    test "its commands are made anew" {
        assert_error "ERR unknown command 're.old'*" {r re.old}
        r re.new
    } 2.0.0

    test "MODULE LIST tells the new version, path and the same arguments" {
        set entry [lindex [r module list] end]
        list [dict get $entry name] [dict get $entry ver] [file tail [dict get $entry path]] \
            [dict get $entry args]
    } {reloaded 20000 reload-two.so {x y}}

    test "the same file is loaded again where no path is given" {
        assert_equal [r module reload reloaded] OK
        list [r re.version] [r re.get c] [r re.loaded]
    } {2.0.0 {9 {made by 1.0.0}} {0 0}}

    test "a reload can go back" {
        r module reload reloaded [version one]
        list [r re.version] [r re.old] [r re.get c]
    } {1.0.0 1.0.0 {9 {made by 1.0.0}}}

    test "values are saved by the old code and loaded by the new when their layout is another" {
        foreach i {1 2 3} {r re.set key$i $i}
        r pexpire key1 1000000
        set digest [r debug digest]
        r module reload reloaded [version layout]
        foreach i {1 2 3} {assert_equal [r re.get key$i] [list $i {made by 1.0.0}]}
        assert_equal [lindex [r re.loaded] 0] [expr {5 + [r select 3; r dbsize]}]
        r select 9
        assert_morethan [r pttl key1] 900000
        assert_equal [r type key1] retype
        verify_log_message 0 "*0 keys were handed over, of 6 saved and loaded*" 0
        r del key1 key2 key3 c
        lindex [r re.loaded] 1
    } 4

    test "a layout of 0 is never the same" {
        r module reload reloaded [version never]
        r module reload reloaded [version never]
        list [r re.get a] [lindex [r re.loaded] 0]
    } {{1 {made by 2.0.0}} 2}

    test "values that were handed over are saved to files and loaded from them" {
        r module reload reloaded [version one]
        r module reload reloaded [version two]
        r debug reload
        list [r re.get a] [lindex [r re.loaded] 0]
    } {{1 {made by 2.0.0}} 2}

    test "memory goes with the values, and none is left behind" {
        foreach round {1 2 3 4 5 6} {
            r module reload reloaded [version [lindex {two one layout} [expr {$round % 3}]]]
            set used($round) [dict get [lindex [r module stats reloaded] 0] bytes]
        }
        assert_morethan $used(6) 0
        assert_equal $used(6) $used(3)
        assert_no_match "*left * bytes behind*" [exec tail -n 12 [srv 0 stdout]]
        r flushall
        dict get [lindex [r module stats reloaded] 0] keys
    } 0
}

start_server [list tags {modules} args [list --loadmodule [version one]]] {
    test "settings keep their values" {
        r config set re-level 77 re-name "a b"
        r module reload reloaded [version two]
        r config get re-*
    } {re-level 77 re-messy no re-name {a b}}

    test "statistics of commands go on" {
        set before [dict get [lindex [r module stats reloaded] 0] calls]
        r re.version
        r re.version
        r module reload reloaded
        r re.version
        set stats [lindex [r module stats reloaded] 0]
        assert_match "*cmdstat_re.version:calls=3,*" [r info commandstats]
        expr {[dict get $stats calls] - $before}
    } 3

    test "hooks are told once a change, and start anew" {
        r module reload reloaded
        assert_equal [r re.heard] 0
        r set x 1
        r re.heard
    } 1

    test "clients in the middle of a transaction go on with the new code" {
        r module reload reloaded [version one]
        set rd [redis_deferring_client]
        foreach command {{multi} {re.version} {re.old} {set in transaction}} {
            $rd {*}$command
            $rd read
        }
        r module reload reloaded [version two]
        $rd exec
        assert_error "*unknown command*" {assert_equal [$rd read] {2.0.0 {} OK}}
        $rd close
        r get in
    } transaction

    test "a transaction may reload what it goes on to use" {
        r re.set p 4
        r multi
        r re.version
        r module reload reloaded [version one]
        r re.version
        r re.get p
        r exec
    } {2.0.0 OK 1.0.0 {4 {made by 2.0.0}}}

    test "commands that wait in the same pipeline find the new code" {
        set rd [redis_deferring_client]
        $rd re.set p 1
        $rd module reload reloaded [version two]
        $rd re.version
        $rd re.get p
        $rd re.new
        $rd flush
        set got {}
        foreach i {1 2 3 4 5} {lappend got [$rd read]}
        $rd close
        set got
    } {OK OK 2.0.0 {1 {made by 1.0.0}} 2.0.0}

    test "timers that .unload stops are no obstacle" {
        r re.ticks on
        r module reload reloaded [version one]
        after 20
        r re.ticks now
    } 0

    test "a timer that .unload forgets is one" {
        r config set re-messy yes
        r re.ticks on
        assert_match "the module holds timer that is not fired.*(1 of them)" [reload_error two]
        assert_equal [r re.version] 1.0.0
        set ticks [r re.ticks now]
        after 20
        assert_morethan [r re.ticks now] $ticks
        r config set re-messy no
    } OK

    test "a module without .unload has to end its timers before" {
        r module reload reloaded [version no_unload]
        r re.ticks on
        assert_match "the module holds timer that is not fired.*(1 of them)" [reload_error two]
        r re.ticks off
        reload_error two
    } "was reloaded"
}

start_server [list tags {modules} args [list --loadmodule [version one] x]] {
    r config set re-level 77
    r re.set a 13
    r re.set b 8
    r pexpire b 1000000
    r re.ticks on
    set before [traces]

    foreach {name reason} {
        bad_load   "*reload-bad_load.so: level 77 and 1 arguments are too much"
        no_type    "it has no type 'retype', and 2 keys have values of it"
        picky      "the value of key 'a' in database 9: 13 brings bad luck"
        strict     "*setting 're-level' does not take the value that it has now: *between 0 and 10*"
        other_name "*it is module somebody, which cannot take the place of module reloaded"
        taken      "*command 'get': module 'strings' has a command of this name"
        /nosuch.so "/nosuch.so cannot be opened: No such file*"
    } {
        test "a reload that fails leaves all as it was: $name" {
            assert_match $reason [reload_error $name]
            assert_equal [traces] $before
            set ticks [r re.ticks now]
            set heard [r re.heard]
            after 20
            r set x 1
            r del x
            assert_morethan [r re.ticks now] $ticks
            assert_equal [r re.heard] [expr {$heard + 2}]
        }
    }

    test "reloads that fail leave no memory behind" {
        foreach round {1 2 3 4} {
            foreach name {bad_load no_type picky strict taken} {reload_error $name}
            r ping
            set used($round) [s used_memory]
        }
        assert_lessthan_equal [expr {abs($used(4) - $used(2))}] 2048
        assert_equal [traces] $before
    }

    test "a damaged file is refused" {
        set damaged [file join [tmpdir reload] cut.so]
        set in [open [version two] rb]
        set bytes [read $in]
        close $in
        foreach length {0 100 4096 9000} {
            file delete $damaged
            set out [open $damaged wb 0755]
            puts -nonewline $out [string range $bytes 0 $length-1]
            close $out
            assert_match "*cut.so is *" [reload_error $damaged]
        }
        assert_equal [traces] $before
    }

    test "a module may refuse to be replaced" {
        r re.refuse
        assert_equal [reload_error two] "it likes it here"
        set now [traces]
        assert_equal $now $before
    }

    test "names that nobody has, and modules that cannot" {
        assert_error "ERR Error reloading module: no such module with that name" {r module reload nosuch}
        assert_error "ERR wrong number of arguments*" {r module reload}
        assert_error "ERR wrong number of arguments*" {r module reload a b c}
        assert_error "ERR Error reloading module: the module *" {r module reload admin}
    }
}

start_server [list tags {modules} args [list --loadmodule [test_module holder] --loadmodule \
        [test_module needer]]] {
    test "what others need is not replaced, nor what clients wait for" {
        assert_error "*used by other modules*(needer)" {r module reload holder}
        r module unload needer
        set rd [redis_deferring_client]
        $rd hold.block q
        wait_for_blocked_client
        assert_error "*the module has blocked clients*(1 of them)" {r module reload holder}
        r hold.wake
        $rd read
        $rd close
        r hold.watch
        assert_error "*the module watches 1 descriptors*" {r module reload holder}
        r hold.watch
        r hold.key k
        assert_error "*type 'heldvalue' has another layout and the old one cannot save, and 1 keys*" {
            r module reload holder
        }
        r del k
        r module reload holder
    } OK
}

start_server {tags {modules}} {
    # With STATIC=1 our own modules are part of the server and stay.
    if {[file exists [file join [file dirname $kit::binary] modules hashes.so]]} {
        test "modules of the tree are replaced with their keys" {
            for {set i 0} {$i < 300} {incr i} {
                r set string:$i $i
                r rpush list:$i a b $i
                r hset hash:$i f $i g [string repeat x $i]
                r sadd set:$i a $i
                r zadd zset:$i $i m
            }
            r pexpire hash:1 1000000
            set digest [debug_digest]
            foreach name {keys sort geo lists hashes sets zsets strings pubsub stats lzf} {
                if {[catch {r module reload $name} e]} {
                    assert_match "*used by other modules*" $e $name
                }
            }
            assert_equal [debug_digest] $digest
            list [r hget hash:299 f] [r lrange list:7 0 -1] [expr {[r pttl hash:1] > 900000}]
        } {299 {a b 7} 1}
    }
}
