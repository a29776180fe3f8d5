# debug.tcl - DEBUG: its subcommands, and the fingerprints of DIGEST.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server {tags {debug}} {
    test "DEBUG refuses what it does not know and wrong numbers of words alike" {
        foreach command {nosuch {sleep} {sleep 1 2} {digest x} {object} {log} {protocol}} {
            assert_error "ERR unknown subcommand or wrong number of arguments for '*'. Try DEBUG\
                          HELP." {r debug {*}$command}
        }
        assert_error "ERR wrong number of arguments for 'debug' command" {r debug}
    }

    test "DEBUG says what a subcommand of an absent module needs" {
        assert_error "ERR DEBUG set-disable-deny-scripts needs a module for scripting*" {
            r debug set-disable-deny-scripts 1
        }
    }

    test "DEBUG HELP has a line for every subcommand" {
        set help [r debug help]
        foreach name {DIGEST DIGEST-VALUE LOG OBJECT POPULATE PROTOCOL SEGFAULT SLEEP HTSTATS
                      SET-ACTIVE-EXPIRE PAUSE-CRON MALLCTL} {
            assert {[lsearch -glob $help $name*] >= 0} $name
        }
    }

    test "DEBUG SLEEP stops the server for so long" {
        set before [clock milliseconds]
        r debug sleep 0.3
        assert_range [expr {[clock milliseconds] - $before}] 280 2000
    }

    test "DEBUG SET-ACTIVE-EXPIRE leaves expired keys until they are looked at" {
        r flushall
        r debug set-active-expire 0
        r set k v px 1
        after 300
        assert_equal [r dbsize] 1
        r debug set-active-expire 1
        wait_for_condition 50 100 {[r dbsize] == 0} else {fail "not expired"}
    }

    test "DEBUG PAUSE-CRON stops the clockwork" {
        r debug pause-cron 1
        r set k v px 1
        after 300
        assert_equal [r dbsize] 1
        r debug pause-cron 0
        wait_for_condition 50 100 {[r dbsize] == 0} else {fail "not expired"}
    }

    test "DEBUG LOG writes a line" {
        r debug log "hello there"
        verify_log_message 0 "*DEBUG LOG: hello there*" 0
    }

    test "DEBUG ERROR replies any error, but only one line of it" {
        assert_error "MYERR text" {r debug error "MYERR text"}
        assert_error "A  +OK" {r debug error "A\r\n+OK"}
        r ping
    } PONG

    test "DEBUG OBJECT tells encoding, saved length and idle time" {
        r set short abcd
        r set number 12
        r set long [string repeat x 100]
        assert_match "Value at:0x* refcount:1 encoding:embstr serializedlength:5 lru:*\
                      lru_seconds_idle:0" [r debug object short]
        assert_match "*encoding:int serializedlength:2 *" [r debug object number]
        assert_match "*encoding:raw serializedlength:13 *" [r debug object long]
        assert_error "ERR no such key" {r debug object nosuch}
    }

    test "DEBUG POPULATE makes keys and leaves those that are there" {
        r flushall
        r set key:1 mine
        r debug populate 3
        assert_equal [list [r dbsize] [r mget key:0 key:1 key:2]] {3 {value:0 mine value:2}}
        r debug populate 2 pp 3
        r debug populate 1 zero 10
        assert_equal [r get pp:1] val
        assert_equal [r get zero:0] "value:0\0\0\0"
        assert_error "ERR value is out of range, must be positive" {r debug populate -1}
        assert_error "ERR value is out of range, must be positive" {r debug populate x}
        assert_error "ERR string exceeds maximum allowed size*" {r debug populate 1 huge 9223372036854775807}
    }

    test "DEBUG HTSTATS and HTSTATS-KEY" {
        assert_match "*number of elements: 6*" [r debug htstats 9]
        assert_error "ERR Out of range database" {r debug htstats 16}
        assert_error "ERR value is not an integer or out of range" {r debug htstats x}
        assert_error "ERR no such key" {r debug htstats-key nosuch}
        assert_error "*not represented using an hash table" {r debug htstats-key pp:0}
    }

    test "DEBUG STRINGMATCH-LEN matches" {
        list [r debug stringmatch-len a*c abc] [r debug stringmatch-len a*c abd]
    } {1 0}

    test "DEBUG MALLCTL reads and writes the allocator's settings" {
        if {![string match jemalloc* [s mem_allocator]]} {skip_test "no jemalloc"}
        assert_morethan [r debug mallctl arenas.page] 0
        assert_match 5.* [r debug mallctl-str version]
        assert_error "ERR No such file or directory" {r debug mallctl nosuch}
        assert_error "ERR No such file or directory" {r debug mallctl-str nosuch}
        assert_error "ERR Invalid argument" {r debug mallctl-str arenas.page}
    }

    foreach {kind two three} {
        string   "\$11\r\nHello World\r\n"  "\$11\r\nHello World\r\n"
        integer  ":12345\r\n"  ":12345\r\n"
        double   "\$5\r\n3.141\r\n"  ",3.141\r\n"
        bignum   "\$37\r\n1234567999999999999999999999999999999\r\n"
                 "(1234567999999999999999999999999999999\r\n"
        null     "\$-1\r\n"  "_\r\n"
        array    "*3\r\n:0\r\n:1\r\n:2\r\n"  "*3\r\n:0\r\n:1\r\n:2\r\n"
        set      "*3\r\n:0\r\n:1\r\n:2\r\n"  "~3\r\n:0\r\n:1\r\n:2\r\n"
        map      "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n"
                 "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"
        verbatim "\$25\r\nThis is a verbatim\nstring\r\n"
                 "=29\r\ntxt:This is a verbatim\nstring\r\n"
        true     ":1\r\n"  "#t\r\n"
        false    ":0\r\n"  "#f\r\n"
    } {
        test "DEBUG PROTOCOL $kind, in both protocols" {
            r hello 2
            set replies [list [r raw debug protocol $kind]]
            r hello 3
            lappend replies [r raw debug protocol $kind]
            r hello 2
            assert_equal $replies [list $two $three]
        }
    }

    test "DEBUG PROTOCOL push comes before its reply, attrib with it" {
        assert_error "ERR RESP2 is not supported by this command" {r debug protocol push}
        assert_equal [r debug protocol attrib] "Some real reply following the attribute"
        set c [redis_client]
        $c hello 3
        assert_equal [$c raw debug protocol push] ">2\r\n\$16\r\nserver-cpu-usage\r\n:42\r\n"
        assert_equal [$c rawreply] "\$40\r\nSome real reply following the push reply\r\n"
        assert_match "|1\r\n\$14\r\nkey-popularity\r\n*" [$c raw debug protocol attrib]
        $c close
        assert_error "ERR Wrong protocol type name.*" {r debug protocol nosuch}
    }
}

start_server {tags {debug digest}} {
    test "DIGEST of nothing is zeros" {r debug digest} [string repeat 0 40]

    # What Redis 7.0.15 answers.
    test "DIGEST is Redis's" {
        r select 0
        r set a b
        assert_equal [r debug digest] 479783d7290f02957dfbe3408a858ba13eea1709
        r set n 12345
        r select 5
        r set e x ex 500
        assert_equal [r debug digest] 247cb85939603d61e5c0fd7831004a39627418d4
        r select 9
    } OK

    test "DIGEST depends on database, key, value and whether a key expires, not on when or order" {
        set digests {}
        foreach script {
            {r set a b} {r set a c} {r set b b} {r set a b ex 1000} {r set a b; r set b c}
        } {
            r flushall
            eval $script
            lappend digests [r debug digest]
        }
        assert_equal [llength [lsort -unique $digests]] 5
        r flushall
        r set b c
        r set a b
        assert_equal [r debug digest] [lindex $digests 4]
        r flushall
        r set a b ex 2000
        assert_equal [r debug digest] [lindex $digests 3]
        r swapdb 9 3
        assert_not_equal [r debug digest] [lindex $digests 3]
        r swapdb 9 3
    } OK

    test "DIGEST-VALUE is of each key, zeros for what is not there" {
        r flushall
        r set s1 abcd
        r set s2 abcd
        r debug digest-value s1 nosuch s2
    } [list caad49b214f1a7ed6b88b1b6f9c28f22d256896c [string repeat 0 40] caad49b214f1a7ed6b88b1b6f9c28f22d256896c]
}

start_server {tags {debug} overrides {enable-debug-command no}} {
    test "DEBUG is refused unless the configuration allows it" {
        assert_error "ERR DEBUG command not allowed. If the enable-debug-command option is set to\
                      \"local\", you can run it from a local connection*" {r debug sleep 0}
    }
}

start_server {tags {debug} overrides {enable-debug-command local}} {
    test "DEBUG may be for local connections only" {r debug sleep 0} OK
}
