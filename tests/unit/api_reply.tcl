# api_reply.tcl - every kind of reply in both protocols, counting, deferred lengths, pushes.

start_server [with_module api_reply] {
    # kind, RESP2, RESP3
    set kinds {
        ok        "+OK\r\n"                      "+OK\r\n"
        status    "+a  b\r\n"                    "+a  b\r\n"
        error     "-CODE text  more\r\n"         "-CODE text  more\r\n"
        errorf    "-CODE 7 of x y\r\n"           "-CODE 7 of x y\r\n"
        int       ":42\r\n"                      ":42\r\n"
        minus     ":-1\r\n"                      ":-1\r\n"
        minint    ":-9223372036854775808\r\n"    ":-9223372036854775808\r\n"
        maxint    ":9223372036854775807\r\n"     ":9223372036854775807\r\n"
        bulk      "$5\r\na\0\r\nb\r\n"           "$5\r\na\0\r\nb\r\n"
        empty     "$0\r\n\r\n"                   "$0\r\n\r\n"
        cstr      "$4\r\ntext\r\n"               "$4\r\ntext\r\n"
        bulkint   "$6\r\n-12345\r\n"             "$6\r\n-12345\r\n"
        double    "$4\r\n3.25\r\n"               ",3.25\r\n"
        inf       "$4\r\n-inf\r\n"               ",-inf\r\n"
        nan       "$3\r\nnan\r\n"                ",nan\r\n"
        true      ":1\r\n"                       "#t\r\n"
        false     ":0\r\n"                       "#f\r\n"
        null      "$-1\r\n"                      "_\r\n"
        nullarray "*-1\r\n"                      "_\r\n"
        verbatim  "$3\r\na\nb\r\n"               "=7\r\ntxt:a\nb\r\n"
        bignum    "$31\r\n-123456789012345678901234567890\r\n"
                  "(-123456789012345678901234567890\r\n"
        raw       "*2\r\n:1\r\n$1\r\na\r\n"      "*2\r\n:1\r\n$1\r\na\r\n"
        array     "*2\r\n:1\r\n*0\r\n"           "*2\r\n:1\r\n*0\r\n"
        map       "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n" "%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n"
        set       "*2\r\n:1\r\n:2\r\n"           "~2\r\n:1\r\n:2\r\n"
        attribute "$5\r\nvalue\r\n"              "|1\r\n$3\r\nttl\r\n:3600\r\n$5\r\nvalue\r\n"
        push      "*2\r\n$7\r\nmessage\r\n:1\r\n+OK\r\n"
                  ">2\r\n$7\r\nmessage\r\n:1\r\n+OK\r\n"
        wrongtype "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" same
        syntax    "-ERR syntax error\r\n"        same
        notint    "-ERR value is not an integer or out of range\r\n" same
        arity     "-ERR wrong number of arguments for 'reply.of' command\r\n" same
    }

    # The exact bytes of a reply: those that came before a PING's answer.
    proc bytes_of {args} {
        set rd [redis_client]
        set protocol [lindex $args 0]
        if {$protocol == 3} {$rd hello 3}
        $rd write "[formatCommand {*}[lrange $args 1 end]][formatCommand ping]"
        $rd flush
        set fd [$rd channel]
        set got ""
        while {![string match "*+PONG\r\n" $got]} {append got [read $fd 1]}
        $rd close
        return [string range $got 0 end-7]
    }

    foreach protocol {2 3} {
        foreach {kind resp2 resp3} $kinds {
            if {$resp3 eq "same"} {set resp3 $resp2}
            set expected [subst -nocommands -novariables [set resp$protocol]]
            test "Reply of kind $kind in RESP$protocol" {
                assert_equal [bytes_of $protocol reply.of $kind] $expected
            }
        }
    }

    foreach {how words} {none less two more short less long more} {
        test "A command that gives $how reply is answered with an error that names it" {
            set before [count_log_message 0 "gave $words than one reply"]
            assert_equal [bytes_of 2 reply.wrong $how] \
                "-ERR command 'reply.wrong' of module 'api_reply' did not give exactly one reply\r\n"
            assert_equal [incr before] [count_log_message 0 "gave $words than one reply"]
        }
    }

    test "A wrong reply of many chunks is taken back as a whole" {
        assert_match "-ERR command*" [bytes_of 2 reply.wrong big]
        assert_equal [bytes_of 2 reply.wrong none] [bytes_of 2 reply.wrong big]
    }

    test "A wrong reply does not disturb the replies around it" {
        set rd [redis_deferring_client]
        $rd reply.of int
        $rd reply.wrong big
        $rd reply.of cstr
        assert_equal 42 [$rd read]
        assert_error "*exactly one reply*" {$rd read}
        assert_equal text [$rd read]
        $rd close
    }

    test "An uncounted command gives as many replies as it likes" {
        assert_equal [bytes_of 2 reply.uncounted 3] ":0\r\n:1\r\n:2\r\n"
        assert_equal [bytes_of 2 reply.uncounted 0] ""
    }

    foreach kind {array map set} {
        foreach {n size} {0 0 1 3 9 5 10 5 100 10 1000 100 50 70000 3000 1000} {
            test "Deferred $kind of $n elements of $size bytes" {
                set got [r reply.defer $kind $n $size]
                if {$kind eq "map"} {set got [dict keys [lreplace $got 0 -1]]; set n [expr {$n > 0}]}
                assert_equal $n [llength $got]
                foreach e $got {assert_equal $size [string length $e]}
            }
        }
    }

    test "Deferred lengths nest, over chunks too" {
        foreach size {1 200 5000 40000} {
            set got [r reply.defer array 4 $size 5]
            for {set i 0} {$i < 4} {incr i} {
                assert_equal 2 [llength $got]
                assert_equal $size [string length [lindex $got 0]]
                set got [lindex $got 1]
            }
            assert_equal 4 [llength $got]
        }
    }

    test "Deferred aggregates in a pipeline, behind one another" {
        set rd [redis_deferring_client]
        for {set i 0} {$i < 50} {incr i} {$rd reply.defer array $i 1500; $rd ping}
        for {set i 0} {$i < 50} {incr i} {
            assert_equal $i [llength [$rd read]]
            assert_equal PONG [$rd read]
        }
        $rd close
    }

    test "Deferred aggregates in RESP3 have their own kinds" {
        assert_equal [bytes_of 3 reply.defer map 1 1] "%1\r\n\$1\r\nx\r\n:0\r\n"
        assert_equal [bytes_of 2 reply.defer map 1 1] "*2\r\n\$1\r\nx\r\n:0\r\n"
        assert_equal [bytes_of 3 reply.defer set 2 1] "~2\r\n\$1\r\nx\r\n\$1\r\nx\r\n"
    }

    test "Long strings, many at once" {
        foreach size {0 1 1023 1024 1025 16384 65536 1048576 5000000} {
            assert_equal $size [string length [r reply.bulk $size]]
        }
        set rd [redis_deferring_client]
        for {set i 0} {$i < 20} {incr i} {$rd reply.bulk 300000; $rd reply.of int}
        for {set i 0} {$i < 20} {incr i} {
            assert_equal 300000 [string length [$rd read]]
            assert_equal 42 [$rd read]
        }
        $rd close
    }

    test "A push to another client reaches it, without a request of its own" {
        set rd [redis_client]
        $rd hello 3
        set id [$rd reply.id]
        assert_equal OK [r reply.push $id hello]
        assert_equal {note hello} [$rd read]
        assert_equal OK [r reply.push $id again]
        assert_equal {note again} [$rd read]
        assert_equal PONG [$rd ping]
        $rd close
    }

    test "A push to a client that has never asked anything" {
        set rd [redis_client]
        set fd [socket [srv host] [srv port]]
        fconfigure $fd -translation binary
        set id [expr {[$rd reply.id] + 1}]
        wait_for_condition 50 10 {[catch {r reply.push $id first}] == 0} else {fail "not there"}
        assert_equal "*2" [string trim [gets $fd]]
        close $fd
        $rd close
    }

    test "A push to oneself comes after the reply" {
        set rd [redis_client]
        set id [$rd reply.id]
        $rd write "[formatCommand reply.of int][formatCommand reply.push $id me]"
        $rd write [formatCommand reply.of cstr]
        $rd flush
        assert_equal 42 [$rd read]
        assert_equal OK [$rd read]
        assert_equal {note me} [$rd read]
        assert_equal text [$rd read]
        $rd close
    }

    test "Many pushes between the replies of two busy clients keep their order" {
        set a [redis_deferring_client]
        set b [redis_deferring_client]
        $a reply.id
        $b reply.id
        set ida [$a read]
        set idb [$b read]
        for {set i 0} {$i < 300} {incr i} {
            $a write [formatCommand reply.push $idb $i[string repeat x [expr {$i * 10}]]]
            $b write [formatCommand reply.push $ida $i[string repeat x [expr {$i * 10}]]]
        }
        $a flush
        $b flush
        foreach rd [list $a $b] {
            set oks 0
            set notes 0
            while {$oks < 300 || $notes < 300} {
                set got [$rd read]
                if {$got eq "OK"} {incr oks; continue}
                assert_equal [lindex $got 1] $notes[string repeat x [expr {$notes * 10}]]
                incr notes
            }
            $rd close
        }
    }

    test "CLIENT REPLY OFF and SKIP drop what they should" {
        set rd [redis_deferring_client]
        $rd client reply skip
        $rd reply.of int
        $rd reply.of cstr
        assert_equal text [$rd read]
        $rd client reply off
        $rd reply.of map
        $rd reply.wrong two
        $rd client reply on
        assert_equal OK [$rd read]
        $rd close
    }

    test "What was replied can be taken back, an error with it" {
        r config resetstat
        foreach size {0 100 200000} {
            assert_equal {{} {}} [r reply.undo $size int cstr]
            assert_equal [list "CODE text\r\nmore" {}] [r reply.undo $size int error errorf]
        }
        # In the middle of a pipeline, where something waits already.
        set rd [redis_deferring_client]
        for {set i 0} {$i < 50} {incr i} {
            $rd reply.bulk 3000
            $rd reply.undo 200000 error
        }
        for {set i 0} {$i < 50} {incr i} {
            assert_equal [string repeat y 3000] [$rd read]
            assert_equal [list "CODE text\r\nmore" {}] [$rd read]
        }
        $rd close
        assert_match {*failed_calls=0*} [cmdrstat reply.undo r]
    }

    test "HELP lines" {
        assert_equal [r reply.box help] {{REPLY.BOX <subcommand> [<arg> [value] [opt] ...]. Subcommands are:} ONE {    The first.} HELP {    Prints this help.}}
        assert_error "ERR unknown subcommand 'nosuch'. Try REPLY.BOX HELP." {r reply.box nosuch}
        assert_error "ERR wrong number of arguments for 'reply.box' command" {r reply.box}
    }
}
