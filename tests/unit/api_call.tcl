# api_call.tcl - commands run by commands: replies, errors, rights, databases, records, statistics.

start_server [with_module api_call api_reply api_gate api_journal] {
    foreach {kind resp2 resp3} {
        ok {+OK} {+OK}
        status {+a  b} {+a  b}
        error {-CODE text  more} {-CODE text  more}
        int :42 :42
        minint :-9223372036854775808 :-9223372036854775808
        empty {$} {$}
        cstr {$text} {$text}
        double {$3.25} {,3.25=3.25}
        inf {$-inf} {,-inf=-inf}
        true :1 #1
        false :0 #0
        null _ _
        nullarray _ _
        bignum {$-123456789012345678901234567890} {(-123456789012345678901234567890}
        array {*2(:1 *0())} {*2(:1 *0())}
        map {*4(:1 :2 :3 :4)} {%4(:1 :2 :3 :4)}
        set {*2(:1 :2)} {~2(:1 :2)}
        attribute {$value} {$value}
        raw {*2(:1 $a)} {*2(:1 $a)}
    } {
        test "A nested reply of kind $kind" {
            assert_equal $resp2 [r call.text - reply.of $kind]
            assert_equal $resp3 [r call.text 3 reply.of $kind]
        }
    }

    test "A verbatim reply and a push before the reply" {
        assert_equal "=a\nb" [r call.text 3 reply.of verbatim]
        assert_equal "\$a\nb" [r call.text - reply.of verbatim]
        r call.text 3 reply.of push
    } {+OK}

    test "A reply of many chunks" {
        assert_equal 300000 [string length [r call.raw - reply.bulk 300000]]
        assert_equal 5000 [llength [r call.raw - reply.defer array 5000 100]]
        assert_match {\**1000(*} [r call.text - reply.defer array 1000 3]
    }

    test "Unknown commands, wrong arity, wrong replies are error replies" {
        assert_equal "-ERR unknown command 'nosuch', with args beginning with: 'a' " [r call.text - nosuch a]
        assert_equal "-ERR wrong number of arguments for 'get' command" [r call.text - get]
        assert_match "-ERR command 'reply.wrong' of*" [r call.text - reply.wrong big]
        assert_error "ERR unknown command*" {r call.raw - nosuch}
        assert_error "ERR a call needs a command" {r call.nothing}
        assert_equal PONG [r ping]
    }

    # The words of a queued request end where their block does: builds with ASan see a look behind.
    test "A name that no command has is not read past its end" {
        r multi
        for {set n 1} {$n < 40} {incr n} {r call.text - [string repeat z $n]}
        foreach reply [r exec] {assert_match "-ERR unknown command 'z*" $reply}
    }

    test "An empty name and one longer than any" {
        assert_match "-ERR unknown command ''*" [r call.text - ""]
        assert_match "-ERR unknown command 'xxx*" [r call.text - [string repeat x 100000]]
    }

    test "Subcommands are found" {
        assert_match {port *} [r call.raw - config get port]
        assert_equal "-ERR unknown subcommand 'nosuch'. Try CONFIG HELP." [r call.text - config nosuch]
    }

    test "A nested error is not its caller's" {
        r config resetstat
        r call.text - get
        assert_match {*rejected_calls=1*} [cmdrstat get r]
        assert_match {*rejected_calls=0,failed_calls=0*} [cmdrstat call.text r]
    }

    test "Nested calls are counted, and their time is their caller's too" {
        r config resetstat
        r call.text - gate.nap 20
        assert_match {calls=1,*} [cmdrstat gate.nap r]
        regexp {usec=(\d+)} [cmdrstat call.text r] all outer
        regexp {usec=(\d+)} [cmdrstat gate.nap r] all inner
        assert_morethan_equal $inner 20000
        assert_morethan_equal $outer $inner
    }

    test "Writes can be refused" {
        assert_equal "-ERR Write command 'set' was called while write is not allowed." [r call.text r set a 1]
        assert_equal _ [r call.text r get a]
    }

    test "Gates are asked only in the name of a client" {
        r gate.arm writes all
        assert_equal +OK [r call.text - set a 1]
        assert_equal "-READONLY no writes now" [r call.text c set a 2]
        r gate.arm writes none
        set rd [redis_client]
        $rd gate.arm late me
        assert_equal +QUEUED [$rd call.text c get queue]
        assert_equal _ [$rd call.text - get queue]
        assert_equal _ [r call.text c get queue]
        $rd close
    }

    test "A gate that holds does not hold a call" {
        set rd [redis_client]
        $rd gate.arm hold me
        set got [$rd gate.armed hold]
        $rd close
        set got
    } 1

    test "The pretended client is like its client" {
        r hello 3
        assert_equal [lreplace [r call.me] 2 2 2] [r call.raw - call.me]
        assert_equal [r call.me] [r call.raw 3 call.me]
        r hello 2
        lrange [r call.me] 1 end
    } {9 2 default}

    test "A nested SELECT holds for the caller's next calls and no longer" {
        r select 5
        r set five 5
        r select 9
        assert_equal 5 [r call.select 5 five]
        lindex [r call.me] 1
    } 9

    test "Slots: the client's own in its name, passing ones otherwise" {
        set freed [r call.freed]
        r call.slot mine
        assert_equal {$mine} [r call.text c call.slot theirs]
        assert_equal theirs [r call.slot]
        assert_equal {$} [r call.text - call.slot passing]
        assert_equal [incr freed] [r call.freed]
        r call.slot
    } theirs

    test "A nested command cannot close the connection" {
        assert_equal +OK [r call.text - call.close now]
        assert_equal +OK [r call.text c call.close later]
        r ping
    } PONG

    test "A nested POST does not close the connection either" {
        r call.text - post /
        r ping
    } PONG

    test "Calls nest, up to a limit" {
        assert_equal bottom [r call.deep 10]
        assert_error "ERR calls are nested too deeply" {r call.deep 1000}
        assert_equal bottom [r call.deep 10]
    }

    test "What is not recorded by itself is its caller's change" {
        r journal.arm 1
        r call.text - set a 1
        r call.text j set a 2
        r call.text j get a
        r call.text - get a
        set got {}
        foreach record [r journal.take] {
            regsub -all {[*$]\d+\r\n} [lindex $record 4] "" words
            lappend got [string map {\r\n " "} $words]
        }
        r journal.arm 0
        set got
    } {{call.text - set a 1 } {set a 2 }}

    test "Bytes that are no reply are an error, whatever is wrong with them" {
        foreach bytes {
            "x" "+OK" "+OK\r" ":1" ":x\r\n" ":\r\n" "$5\r\nab\r\n" "$-2\r\n" "$3\r\nabcd\r\n"
            "*2\r\n:1\r\n" "*-2\r\n" "*1000000000\r\n:1\r\n" "*9223372036854775807\r\n"
            "%9223372036854775807\r\n:1\r\n" "%1\r\n:1\r\n" "*1\r\n*1\r\n*1\r\n" "=2\r\nab\r\n"
            "$9223372036854775807\r\nab\r\n" "|1\r\n:1\r\n" "*1\r\nxyz\r\n" "@1\r\n" "\r\n" "*\r\n"
        } {
            set bytes [subst -nocommands -novariables $bytes]
            set got [r call.text - call.resp $bytes 1]
            assert_match "*-ERR the reply is not in the form of the protocol*" $got $bytes
        }
        r ping
    } PONG

    test "A reply nested without end" {
        set deep "[string repeat "*1\r\n" 20000]:1\r\n"
        assert_match "*nested too deeply*" [r call.text - call.resp $deep 1]
        set wide "[string repeat "*1\r\n" 30]:1\r\n"
        assert_match "*:1*" [r call.text - call.resp $wide 1]
    }

    test "Commands run in the place of one, with errors among them" {
        set rd [redis_client]
        $rd write [formatCommand call.many set a 1 \; incr a \; get \; nosuch \; get a \; nosuch2 \; mget a a \;]
        $rd flush
        $rd readraw 1
        set lines {}
        while {[llength $lines] < 13} {lappend lines [$rd read]}
        $rd close
        set lines
    } {*7 +OK :2 {-ERR wrong number of arguments for 'get' command} {-ERR unknown command 'nosuch', with args beginning with: } {$1} 2 {-ERR unknown command 'nosuch2', with args beginning with: } *2 {$1} 2 {$1} 2}

    test "A command in place that replies wrongly spoils only its own reply" {
        assert_error "*" {r reply.wrong two}
        set rd [redis_client]
        $rd readraw 1
        $rd write [formatCommand call.many ping \; reply.wrong big \; reply.defer array 2 3000 \; reply.wrong none \; ping \;]
        $rd flush
        set lines {}
        while {[llength $lines] < 10} {lappend lines [string range [$rd read] 0 20]}
        $rd close
        assert_equal {*5 +PONG {-ERR command 'reply.w} *2 {$3000}} [lrange $lines 0 4]
        assert_equal {{-ERR command 'reply.w} +PONG} [lrange $lines 8 9]
    }

    test "SELECT in place holds afterwards" {
        set rd [redis_client]
        assert_equal {OK OK} [$rd call.many select 4 \; set inplace 1 \;]
        assert_equal 4 [lindex [$rd call.me] 1]
        assert_equal 1 [$rd get inplace]
        $rd close
    }

    test "Commands in place are recorded as one group, by themselves" {
        r journal.arm 1
        r call.many set a 1 \; get a \; set b 2 \;
        r call.many set a 1 \;
        set got {}
        foreach record [r journal.take] {
            regsub -all {[*$]\d+\r\n} [lindex $record 4] "" words
            lappend got [lindex $record 1] [string map {\r\n " "} $words]
        }
        r journal.arm 0
        set got
    } {1 {set a 1 } 2 {set b 2 } 0 {set a 1 }}

    test "CLIENT REPLY SKIP drops all that commands in place reply; one among them is for the next" {
        set rd [redis_deferring_client]
        $rd client reply skip
        $rd call.many ping \; get a \; client reply skip \; ping \;
        $rd echo dropped
        $rd echo after
        assert_equal after [$rd read]
        $rd close
    }

    test "A long argument is used by several commands in place" {
        foreach size {10 20000 40000 1000000} {
            set value [string repeat v $size]
            assert_equal [list OK 1 OK $value] [r call.twice long $value]
            assert_equal $value [r get long]
        }
        r del long
    } 1

    test "HELLO 3 in place" {
        set rd [redis_client]
        $rd call.many hello 3 \; reply.of map \;
        assert_equal "_\r\n" [$rd raw get nosuch]
        $rd close
    }

    test "A large in-place pipeline" {
        set words {}
        for {set i 0} {$i < 2000} {incr i} {lappend words reply.bulk 1000 \;}
        set got [r call.many {*}$words]
        assert_equal 2000 [llength $got]
        assert_equal 1000 [string length [lindex $got 1999]]
    }

    test "In place within a call, and a call within that" {
        r set a 1
        assert_equal {*2($1 +PONG)} [r call.text - call.many get a \; call.raw - ping \;]
    }
}
