# connection.tcl - PING, ECHO, SELECT, QUIT, RESET, HELLO, AUTH.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server {tags {connection}} {
    test "PING answers, with its argument if there is one" {
        list [r ping] [r ping hello]
    } {PONG hello}

    test "PING refuses a second argument" {
        assert_error "*wrong number of arguments for 'ping' command" {r ping a b}
    }

    test "ECHO keeps bytes that are not text" {r echo "a\0b\r\n"} "a\0b\r\n"

    test "SELECT changes the database of its connection only" {
        set other [redis_client]
        r select 3
        r set where three
        assert_equal [$other dbsize] 0
        $other close
        r select 4
        list [r exists where] [r select 3] [r del where] [r select 9]
    } {0 OK 1 OK}

    test "SELECT refuses what is no database" {
        assert_error "ERR value is not an integer or out of range" {r select abc}
        assert_error "ERR DB index is out of range" {r select 16}
        assert_error "ERR DB index is out of range" {r select -1}
        assert_error "ERR value is out of range, value must between *" {r select 99999999999}
    }

    test "QUIT is answered before the connection closes" {
        set c [redis_client]
        assert_equal [$c quit] OK
        assert_error * {$c ping}
        $c close
    }

    test "What follows QUIT is not run" {
        set c [redis_deferring_client]
        $c write [formatCommand quit][formatCommand set after-quit 1]
        $c flush
        assert_equal [$c read] OK
        assert_error * {$c read}
        $c close
        r exists after-quit
    } 0

    test "HELLO describes server and connection" {
        set hello [r hello 2]
        assert_equal [dict get $hello server] redis
        assert_match 7.2.* [dict get $hello version]
        assert_equal [dict get $hello proto] 2
        assert_equal [dict get $hello id] [r client id]
        assert_equal [dict get $hello mode] standalone
        assert_equal [dict get $hello role] master
        dict get $hello modules
    } {}

    test "HELLO switches the protocol from its own reply on" {
        set c [redis_client]
        set three [$c hello 3]
        set two [$c hello 2]
        $c close
        list [dict get $three proto] [dict get $two proto]
    } {3 2}

    test "HELLO refuses other protocols and options, and changes nothing then" {
        r client setname before
        assert_error "NOPROTO unsupported protocol version" {r hello 4}
        assert_error "ERR Protocol version is not an integer or out of range" {r hello abc}
        assert_error "ERR Syntax error in HELLO option 'FOO'" {r hello 2 setname x FOO}
        assert_error "ERR Syntax error in HELLO option 'AUTH'" {r hello 2 AUTH a}
        set long [string repeat long 1000]
        assert_error "ERR Syntax error in HELLO option '$long'" {r hello 2 $long}
        assert_error "ERR Client names cannot contain spaces*" {r hello 2 setname "a b"}
        assert_error "WRONGPASS *" {r hello 3 setname y auth nobody x}
        list [r client getname] [dict get [r hello] proto]
    } {before 2}

    test "RESET puts a connection back to how it began" {
        set c [redis_client]
        $c hello 3 setname someone
        $c select 5
        $c client no-evict on
        assert_equal [$c reset] RESET
        set info [$c client info]
        $c close
        assert_match "* name= *flags=N db=0 *resp=2*" $info
    }

    test "AUTH without a password says that none is asked for" {
        assert_error "ERR AUTH <password> called without any password configured*" {r auth x}
        assert_error "WRONGPASS *" {r auth nobody x}
        assert_error "ERR syntax error" {r auth a b c}
        r auth default anything
    } OK

    test "Replies say ERR to a command that is not there, with the start of its arguments" {
        assert_error "ERR unknown command 'nosuch', with args beginning with: 'a' 'b' " {
            r nosuch a b
        }
    }
}

start_server {tags {connection} overrides {requirepass foobar}} {
    test "A password is asked for before anything else" {
        assert_error "NOAUTH Authentication required." {r set a b}
        assert_error "NOAUTH Authentication required." {r ping}
        assert_error "NOAUTH HELLO must be called with the client already authenticated*" {
            r hello 3
        }
        assert_error "ERR unknown command*" {r nosuch}
        assert_error "ERR wrong number of arguments*" {r get}
    }

    test "A wrong password lets nobody in" {
        foreach wrong {wrong! "" f foobarfoobar foobaz foobar1} {
            assert_error "WRONGPASS invalid username-password pair or user is disabled." {
                r auth $wrong
            }
        }
        assert_error "WRONGPASS *" {r auth admin foobar}
        assert_error "NOAUTH *" {r get a}
    }

    test "The right one does, and a wrong one later does not throw out" {
        assert_equal [r auth foobar] OK
        assert_equal [r set a b] OK
        assert_error "WRONGPASS *" {r auth wrong}
        r get a
    } b

    test "HELLO authenticates, names and switches at once" {
        set c [redis_client]
        $c hello 3 auth default foobar setname quick
        set name [$c client getname]
        $c close
        set name
    } quick

    test "RESET forgets who authenticated" {
        set c [redis_client]
        $c auth foobar
        $c reset
        assert_error "NOAUTH *" {$c get a}
        $c close
    }

    test "Requests of the unauthenticated stay small" {
        set c [redis_deferring_client]
        $c write "*2000\r\n"
        $c flush
        catch {$c read} error
        assert_match "*unauthenticated multibulk length*" $error
        $c close
        set c [redis_deferring_client]
        $c write "*2\r\n\$4\r\nAUTH\r\n\$20000\r\n"
        $c flush
        catch {$c read} error
        assert_match "*unauthenticated bulk length*" $error
        $c close
    }

    test "A password that is set later is for new connections, one that is taken away for none" {
        set early [redis_client]
        $early auth foobar
        r config set requirepass other
        assert_equal [$early ping] PONG
        set late [redis_client]
        assert_error "NOAUTH *" {$late ping}
        assert_error "WRONGPASS *" {$late auth foobar}
        r config set requirepass ""
        assert_equal [$late ping] PONG
        $early close
        $late close
    }
}
