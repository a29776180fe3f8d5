# client.tcl - CLIENT and its subcommands.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# One field of a line of CLIENT LIST.
proc field {line name} {
    if {![regexp "(?:^| )$name=(\\S*)" $line -> value]} {error "no field $name in $line"}
    return $value
}

start_server {tags {client}} {
    test "CLIENT LIST has a line for each connection, with Redis's fields in their order" {
        set other [redis_client]
        $other client setname second
        set lines [split [string trimright [r client list] \n] \n]
        assert_equal [llength $lines] 2
        foreach line $lines {
            set names {}
            foreach pair $line {lappend names [lindex [split $pair =] 0]}
            assert_equal $names [concat {id addr laddr fd name age idle flags db sub psub ssub} \
                {multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd} \
                {user redir resp lib-name lib-ver}]
        }
        assert_equal [field [lindex $lines 1] name] second
        assert_equal [field [lindex $lines 0] cmd] client|list
        $other close
    }

    test "CLIENT INFO shows the request that is running" {
        r client info
    } {id=* addr=*:* laddr=*:* fd=* name=* age=* idle=* flags=N db=* sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=* argv-mem=10 multi-mem=0 rbs=* rbp=* obl=0 oll=0 omem=0 tot-mem=* events=r cmd=client|info user=default redir=-1 resp=* lib-name=* lib-ver=**}

    test "CLIENT LIST filters by type and by id" {
        set id [r client id]
        assert_equal [r client list type replica] ""
        assert_equal [r client list type pubsub] ""
        assert_match "id=$id *" [r client list type normal]
        assert_match "id=$id *" [r client list id 999999 $id 0]
        assert_error "ERR Unknown client type 'foo'" {r client list type foo}
        assert_error "ERR Invalid client ID" {r client list id $id x}
        assert_error "ERR syntax error" {r client list id}
        assert_error "ERR syntax error" {r client list foo}
    }

    test "CLIENT SETNAME keeps names that CLIENT LIST can show" {
        foreach bad {"a b" "a\nb" "\x7f" "\u00e9"} {
            assert_error "ERR Client names cannot contain spaces*" {r client setname $bad}
        }
        assert_equal [r client getname] {}
        r client setname it's_me
        assert_equal [r client getname] it's_me
        assert_match "*name=it's_me *" [r client list]
        r client setname ""
        r client getname
    } {}

    test "CLIENT SETINFO tells the library" {
        r client setinfo lib-name redis-py
        r client setinfo LIB-VER 1.2.3
        assert_match "*lib-name=redis-py lib-ver=1.2.3*" [r client info]
        assert_error "ERR lib-name cannot contain spaces*" {r client setinfo lib-name "redis py"}
        assert_error "ERR Unrecognized option 'lib-foo'" {r client setinfo lib-foo x}
        r client setinfo lib-name ""
        field [r client info] lib-name
    } {}

    test "CLIENT IDs grow and are not used again" {
        set c [redis_client]
        set first [$c client id]
        $c close
        set c [redis_client]
        set second [$c client id]
        $c close
        assert_morethan $second $first
    }

    test "CLIENT KILL by address" {
        set c [redis_client]
        set addr [field [$c client info] addr]
        assert_equal [r client kill $addr] OK
        assert_error * {$c ping}
        $c close
        assert_error "ERR No such client" {r client kill 000.123.321.567:0000}
        assert_error "ERR No such client" {r client kill 127.0.0.1:}
    }

    test "CLIENT KILL by filters counts whom it hit" {
        set c [redis_client]
        assert_equal [r client kill id [$c client id]] 1
        assert_error * {$c ping}
        $c close
        assert_equal [r client kill id 999999] 0
        assert_equal [r client kill type replica user default] 0
        assert_equal [r client kill skipme yes] 0
        set a [redis_client]
        set b [redis_client]
        assert_equal [r client kill type normal laddr [field [r client info] laddr]] 2
        $a close
        $b close
    }

    test "CLIENT KILL refuses half an option and unknown ones" {
        assert_error "ERR client-id should be greater than 0" {r client kill id 0}
        assert_error "ERR client-id should be greater than 0" {r client kill id x}
        assert_error "ERR Unknown client type 'wrong_type'" {r client kill type wrong_type}
        assert_error "ERR No such user 'wrong_user'" {r client kill user wrong_user}
        assert_error "ERR syntax error" {r client kill skipme perhaps}
        assert_error "ERR syntax error" {r client kill id 1 type}
        assert_error "ERR syntax error" {r client kill foo bar}
    }

    test "CLIENT KILL of oneself answers first" {
        set c [redis_client]
        assert_equal [$c client kill id [$c client id] skipme no] 1
        assert_error * {$c ping}
        $c close
    }

    test "CLIENT REPLY OFF silences a connection until ON" {
        set c [redis_deferring_client]
        $c client reply off
        $c ping pong
        $c ping pong2
        $c nosuch
        $c client reply skip
        $c client reply on
        assert_equal [$c read] OK
        $c ping pong3
        assert_equal [$c read] pong3
        $c close
    }

    test "CLIENT REPLY SKIP silences one command" {
        set c [redis_deferring_client]
        $c client reply skip
        $c ping pong1
        $c ping pong2
        assert_equal [$c read] pong2
        $c close
        assert_error "ERR syntax error" {r client reply perhaps}
    }

    test "CLIENT NO-EVICT and NO-TOUCH show in the flags" {
        r client no-evict on
        r client no-touch on
        assert_equal [field [r client info] flags] eT
        r client no-evict off
        r client no-touch off
        assert_equal [field [r client info] flags] N
        assert_error "ERR syntax error" {r client no-evict wrong}
        assert_error "ERR syntax error" {r client no-touch wrong}
    }

    test "CLIENT NO-TOUCH leaves access times alone" {
        r set k v
        after 1100
        r client no-touch on
        r get k
        assert_morethan_equal [r object idletime k] 1
        r client no-touch off
        r get k
        r object idletime k
    } 0

    test "CLIENT TRACKINGINFO and GETREDIR say that nothing is tracked" {
        list [r client trackinginfo] [r client getredir]
    } {{flags off redirect -1 prefixes {}} -1}

    test "CLIENT UNBLOCK knows whom it can unblock" {
        assert_equal [r client unblock 999999] 0
        assert_equal [r client unblock [r client id]] 0
        assert_error "ERR value is not an integer or out of range" {r client unblock x}
        assert_error "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR" {
            r client unblock 1 wrong
        }
    }

    test "CLIENT HELP has a line for every subcommand" {
        set help [r client help]
        foreach name {GETNAME ID INFO KILL LIST PAUSE REPLY SETINFO SETNAME UNBLOCK UNPAUSE} {
            assert {[lsearch -glob $help $name*] >= 0} $name
        }
        assert_error "ERR unknown subcommand 'nosuch'. Try CLIENT HELP." {r client nosuch}
    }
}

start_server {tags {client pause}} {
    test "CLIENT PAUSE WRITE holds writes, and reads go on" {
        r client pause 100000 write
        set c [redis_deferring_client]
        $c set foo bar
        wait_for_blocked_clients_count 1
        assert_equal [r get foo] {}
        assert_equal [r ping] PONG
        r client unpause
        assert_equal [$c read] OK
        $c close
        r get foo
    } bar

    test "Held commands of one connection keep their order" {
        r client pause 100000 write
        set c [redis_deferring_client]
        foreach i {1 2 3} {$c set foo $i}
        $c get foo
        wait_for_blocked_clients_count 1
        assert_equal [r get foo] bar
        r client unpause
        foreach i {1 2 3} {assert_equal [$c read] OK}
        assert_equal [$c read] 3
        $c close
    }

    test "CLIENT PAUSE ALL holds everything until its time is over" {
        set c [redis_deferring_client]
        r client pause 300
        set before [clock milliseconds]
        $c ping
        assert_equal [$c read] PONG
        assert_range [expr {[clock milliseconds] - $before}] 200 2000
        $c close
    }

    test "A later pause makes an earlier one stricter or longer, never less so" {
        r client pause 60000 write
        r client pause 10 write
        after 100
        set c [redis_deferring_client]
        $c set foo baz
        wait_for_blocked_clients_count 1
        r client unpause
        assert_equal [$c read] OK
        set before [clock milliseconds]
        set other [redis_deferring_client]
        $other write [formatCommand client pause 300 all][formatCommand client pause 10 write]
        $other flush
        assert_equal [$other read] OK
        r get foo
        $other close
        assert_morethan_equal [expr {[clock milliseconds] - $before}] 150
        $c close
    }

    test "A held connection shows as blocked and can be killed" {
        r client pause 100000 write
        set c [redis_deferring_client]
        $c set foo killed
        wait_for_blocked_clients_count 1
        assert_match "*flags=b *cmd=set *" [r client list]
        assert_equal [r client kill type normal] 1
        r client unpause
        assert_error * {$c read}
        $c close
        assert_equal [s blocked_clients] 0
        r get foo
    } baz

    test "While writes are held, keys expire for readers but stay" {
        r flushall
        r set foo bar px 50
        r client pause 100000 write
        after 200
        assert_equal [r get foo] {}
        assert_equal [r dbsize] 1
        r client unpause
        wait_for_condition 50 100 {[r dbsize] == 0} else {fail "the key did not expire"}
    }

    test "UNPAUSE leaves background expiry as it was" {
        r debug set-active-expire 0
        r client pause 100000 write
        r client unpause
        r set foo bar px 1
        after 200
        set size [r dbsize]
        r debug set-active-expire 1
        set size
    } 1

    test "CLIENT PAUSE refuses what is no time and no mode" {
        assert_error "ERR timeout is not an integer or out of range" {r client pause abc}
        assert_error "ERR timeout is negative" {r client pause -1}
        assert_error "ERR timeout is out of range" {r client pause 9223372036854775807}
        assert_error "ERR CLIENT PAUSE mode must be WRITE or ALL" {r client pause 1 perhaps}
        list [r client pause 0] [r client unpause] [r client unpause]
    } {OK OK OK}
}
