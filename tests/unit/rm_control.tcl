# rm_control.tcl - what modules of the Redis ABI have beside commands and keys, where the real server
# cannot be asked or is not needed: propagation, waiting clients that go, children, files.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc journal commands {
    r chronicle.journal
    foreach command $commands {catch {r {*}$command}}
    r chronicle.journal
}

start_server [list tags {rm} overrides [list loadmodule [test_module chronicle]] \
        args [list --loadmodule [test_module rm_call] --enable-module-command yes]] {
    test "what a module calls goes on only when it says so" {
        list [journal {{call.replicate nothing}}] [journal {{call.replicate call}}] \
            [journal {{call.replicate verbatim}}] [journal {{call.replicate wrong}}]
    } {{} {{9 set k told}} {{9 call.replicate verbatim}} {}}
    test "what is replicated and called stands in the order in which it came" {
        journal {{call.replicate several}}
    } {MULTI {9 incr n} {9 set k between} {9 set b x 7} {9 call.replicate several} EXEC}
    test "what a timer does goes on" {
        r chronicle.journal
        r call.timer
        wait_for_condition 50 10 {[r get timer] == 1} else {fail "the timer did not run"}
        r chronicle.journal
    } {MULTI {9 incr timer} {9 incr timer} EXEC}
    test "a module of the ABI goes, and comes back" {
        assert_equal OK [r module unload rm_call]
        assert_error "*unknown command*" {r call.nested 1}
        assert_equal OK [r module load [test_module rm_call]]
        r call.nested 1 x
    } 4
    test "the module that brings the ABI stays while it has modules" {
        assert_error "*rm_call*" {r module unload redismodule}
        r module unload rm_call
        r module unload redismodule
    } OK
}

start_server [list tags {rm} args [list --loadmodule [test_module rm_control] \
        --enable-module-command yes --rm_control.number 77 --rm_control.text "from flags"]] {
    test "settings have the values that the command line gives" {
        list [lindex [r config get rm_control.number] 1] [lindex [r config get rm_control.text] 1] \
            [lindex [r config get rm_control.flag] 1] [lrange [r ctl.config] 0 4]
    } {77 {from flags} yes {1 77 1 5 {from flags}}}
    test "INFO everything has a module's sections, INFO all has not" {
        assert_match "*# rm_control_more*" [r info everything]
        assert_no_match "*rm_control_large*" [r info all]
        assert_no_match "*rm_control_large*" [r info]
    }
    test "LOADEX gives settings their values" {
        assert_equal OK [r module unload rm_control]
        r module loadex [test_module rm_control] config rm_control.number 3 config rm_control.flag no
        list [lrange [r ctl.config] 0 1] [lindex [r config get rm_control.number] 1]
    } {{0 3} 3}
    test "a value that a setting refuses fails the load" {
        r module unload rm_control
        assert_error "*" {r module loadex [test_module rm_control] config rm_control.number 5000}
        assert_error "*" {r module loadex [test_module rm_control] config rm_control.nosuch 1}
        assert_equal {} [r config get rm_control.*]
        r module load [test_module rm_control]
    } OK
    test "a client that waits too long is answered by the module" {
        list [r ctl.block wait 20] [r ctl.pop nosuch 20]
    } {101 101}
    test "a client that goes while it waits is told to the module" {
        set before [r ctl.freed]
        set other [redis_deferring_client]
        $other ctl.block wait 0
        wait_for_blocked_clients_count 1
        $other close
        wait_for_condition 50 20 {[string match *gone* [r ctl.heard]]} else {fail "not heard"}
        expr {[r ctl.freed] - $before}
    } 1
    test "a client waits for keys until its callback is content" {
        set other [redis_deferring_client]
        $other ctl.pop one two 0
        wait_for_blocked_clients_count 1
        r set one x
        r rpush two y
        assert_equal {two y} [$other read]
        $other close
    }
    test "a module with waiting clients is not unloaded" {
        set other [redis_deferring_client]
        $other ctl.pop one 0
        wait_for_blocked_clients_count 1
        assert_error "*the module has blocked clients*" {r module unload rm_control}
        $other close
        wait_for_blocked_clients_count 0
    }
    test "children come to an end that is told" {
        r ctl.heard
        assert_equal 1 [r ctl.fork exit]
        wait_for_condition 50 100 {[string match "*child 7 0 data*" [r ctl.heard]]} else {
            fail "the child's end was not heard"
        }
        assert_equal 1 [r ctl.fork kill]
        wait_for_condition 50 100 {[s rdb_bgsave_in_progress] == 0} else {}
    }
    test "a thread's reply and a thread's command" {
        r set thread 41
        r ctl.block thread-reply 0
    } {{from a thread} 42 1}
    test "a module decides who signs in" {
        r config set requirepass secret
        set other [redis_client]
        assert_error "NOAUTH*" {$other ping}
        assert_error "ERR DENIED by me" {$other auth foe "DENIED by me"}
        assert_error "NOAUTH*" {$other ping}
        assert_error "WRONGPASS*" {$other auth stranger x}
        assert_equal OK [$other auth friend whatever]
        assert_equal PONG [$other ping]
        $other close
        r config set requirepass ""
    } OK
}

# Events that only other modules, files or children cause.
start_server [list tags {rm} overrides [list loadmodule [test_module role]] args [list \
        --loadmodule [test_module rm_control] --loading-process-events-interval-bytes 1024]] {
    test "roles and links are told with what belongs to them" {
        foreach id {0 6 7} {r ctl.event $id 1}
        r ctl.heard
        r role.tell 1 example.org 6380
        foreach what {0 2 3 4 5} {r role.tell $what}
        r ctl.event 0 0
        r role.tell 1 x 1
        r role.tell 4
        foreach id {6 7} {r ctl.event $id 0}
        r role.tell 4
        r ctl.heard
    } {\[0.1 primary=0 example.org:6380 ids=40,40\]\[0.0 primary=1 -:0 ids=40,40\]\[6.0\]\[6.1\]\[7.0\]\[7.1\]\[7.0\]}
    test "loading tells how far it is" {
        for {set i 0} {$i < 500} {incr i} {r set key:$i [string repeat $i 50]}
        foreach id {3 10} {r ctl.event $id 1}
        r ctl.heard
        r debug reload
        set told [r ctl.heard]
        foreach id {3 10} {r ctl.event $id 0}
        assert_match {*\[3.0\]*\[10.0 hz=10 some\]*\[3.3\]*} $told
    }
    test "background saves tell in their child, and the parent hears of the child" {
        foreach id {1 13} {r ctl.event $id 1}
        r ctl.heard
        set told ""
        r bgsave
        waitForBgsave r
        wait_for_log_messages 0 {"*<rm_control> saving 0*" "*<rm_control> saving 3*"} 0 20 50
        wait_for_condition 50 20 {[append told [r ctl.heard]] eq {[13.0][13.1]}} else {fail $told}
        r config set appendonly yes
        waitForBgrewriteaof r
        r bgrewriteaof
        waitForBgrewriteaof r
        wait_for_log_messages 0 {"*<rm_control> saving 1*"} 0 20 50
        r config set appendonly no
        foreach id {1 13} {r ctl.event $id 0}
    }
    test "keys tell why they go" {
        r ctl.event 17 1
        r set a 1
        r set a 22
        r incr a
        r del a
        r set b 1 px 1
        after 10
        r get b
        r ctl.event 17 0
        set told [r ctl.heard]
        regsub -all {<[^>]*>} $told "" told
        set told
    } {*17.3 a type=1\]\[17.0 a type=1\]\[17.1 b type=1\]}
    test "the clock's ticks and the loop's turns are told" {
        foreach id {8 15} {r ctl.event $id 1}
        r ctl.heard
        set told ""
        wait_for_condition 50 20 {[string match {*8.0 10*} [append told [r ctl.heard]]]} else {fail $told}
        foreach id {8 15} {r ctl.event $id 0}
        assert_match {*\[15.1 0\]*} $told
    }
    test "a child tells how far it is" {
        r config resetstat
        assert_equal 1 [r ctl.fork slow]
        wait_for_condition 50 20 {[s current_fork_perc] eq "50.00"} else {fail [s current_fork_perc]}
        assert_equal 1 [s module_fork_in_progress]
        assert_equal {} [r ctl.fork end]
        wait_for_condition 50 20 {[s module_fork_in_progress] == 0} else {fail "it goes on"}
    }
    test "INFO tells of filters and options" {
        r ctl.filter on
        assert_match "*name=rm_control,*filters=1,*options=\\\[handle-repl-async-load]*" [r info modules]
        r ctl.filter off
        assert_match "*name=rm_control,*filters=0,*" [r info modules]
    }
    test "the end is told" {
        r ctl.event 5 1
        r ctl.event 1 1
        catch {r shutdown save}
        wait_for_log_messages 0 {"*saving 2*" "*saving 3*" "*the end is heard*"} 0 20 50
    }
}
