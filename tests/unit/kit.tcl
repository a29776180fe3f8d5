# kit.tcl - the kit tests itself: decoding, assertions, servers, logs.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# A server of bytes: the client reads what this proc is given. The reply is already on the wire
# when the client asks for it.
proc decoded {bytes {method read}} {
    set listener [socket -server {apply {{fd host port} {
        fconfigure $fd -translation binary
        puts -nonewline $fd $::canned
        close $fd
        set ::served 1
    }}} -myaddr 127.0.0.1 0]
    set ::canned $bytes
    unset -nocomplain ::served
    set rd [redis 127.0.0.1 [lindex [fconfigure $listener -sockname] 2] 1]
    vwait ::served
    close $listener
    set failed [catch {$rd {*}$method} result options]
    set ::left [expr {$failed ? "" : [catch {$rd rawread} rest] ? "" : $rest}]
    set ::seen_attributes [$rd attributes]
    $rd close
    return -options $options $result
}

test "the client decodes every kind of reply" {
    foreach {bytes expected} [list \
        "+OK\r\n" OK   ":-42\r\n" -42   "\$-1\r\n" {}   "*-1\r\n" {}   "_\r\n" {} \
        "\$5\r\na\0\r\nb\r\n" "a\0\r\nb"   "\$0\r\n\r\n" {} \
        "*2\r\n\$1\r\na\r\n:1\r\n" {a 1}   "*0\r\n" {} \
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n" {a 1 b 2}   "~2\r\n+x\r\n+y\r\n" {x y} \
        ",1.5\r\n" 1.5   ",inf\r\n" inf   "#t\r\n" 1   "#f\r\n" 0 \
        "(3492890328409238509324850943850943825024385\r\n" \
        3492890328409238509324850943850943825024385 \
        "=15\r\ntxt:Some string\r\n" "Some string" \
        ">2\r\n+message\r\n+hi\r\n" {message hi} \
        "|1\r\n+ttl\r\n:3600\r\n*1\r\n+v\r\n" v \
    ] {
        assert_equal [decoded $bytes] $expected $bytes
        assert_equal $::left "" "nothing is left unread after $bytes"
    }
}

test "the client keeps the attributes of a reply" {
    decoded "|1\r\n+ttl\r\n:3600\r\n+v\r\n"
    assert_equal $::seen_attributes {ttl 3600}
}

test "an error reply is thrown with its text" {decoded "-ERR no\r\n"} "ERR no"
test "a bulk error reply is thrown with its text" {decoded "!6\r\nERR no\r\n"} "ERR no"

test "an error inside an array is thrown once the array was read" {
    assert_error "ERR no" {decoded "*3\r\n+a\r\n-ERR no\r\n+b\r\n"}
    assert_equal $::left ""
}

test "a connection that ends inside a reply is an I/O error" {
    foreach bytes [list "" "\$5\r\nab" "*2\r\n+a\r\n" "\$5\r\n"] {
        assert_error "*I/O error reading reply*" {decoded $bytes}
    }
}

test "rawreply gives the exact bytes of one reply" {
    foreach bytes [list "+OK\r\n" "*2\r\n\$1\r\na\r\n*1\r\n_\r\n" "%1\r\n+a\r\n~1\r\n#t\r\n" \
        "|1\r\n+a\r\n:1\r\n\$2\r\n\r\n\r\n" "\$-1\r\n" "*-1\r\n" "*0\r\n" "=5\r\ntxt:a\r\n"] {
        assert_equal [decoded $bytes+more\r\n rawreply] $bytes
        assert_equal $::left "+more\r\n"
    }
}

test "a command is encoded by bytes, and text beyond Latin-1 as UTF-8" {
    formatCommand set "\u00e9\0" "\u20ac"
} "*3\r\n\$3\r\nset\r\n\$2\r\n\u00e9\0\r\n\$3\r\n\u00e2\u0082\u00ac\r\n"

test "assertions pass and fail" {
    assert {1 + 1 == 2}
    assert_range 2 1 3
    assert_lessthan 1 2
    assert_morethan_equal 2 2
    assert_match "a*" abc
    foreach script {
        {assert {1 == 2}} {assert_equal a b} {assert_not_equal a a} {assert_match b* abc}
        {assert_range 4 1 3} {assert_lessthan 2 2} {assert_morethan 2 2} {fail no}
        {assert_error "x*" {error y}} {assert_error "*" {list fine}}
        {wait_for_condition 2 1 {0} else {fail late}}
    } {
        if {![catch $script message]} {error "no failure: $script"}
        if {![string match "assertion:*" $message]} {error "not an assertion: $script: $message"}
    }
}

test "wait_for_condition waits no longer than needed" {
    set i 0
    wait_for_condition 100 1 {[incr i] == 3} else {fail "never"}
    set i
} 3

test "random strings keep to their kind and length" {
    for {set i 0} {$i < 50} {incr i} {
        foreach {kind pattern} {alpha {^[0-z]*$} compr {^[0-4]*$} simplealpha {^[a-zA-Z0-9]*$}} {
            set text [randstring 3 9 $kind]
            assert_range [string length $text] 3 9
            assert {[regexp $pattern $text]}
        }
    }
}

test "configuration: an override replaces a default, some directives repeat, omit leaves out" {
    set config [kit::make_config {overrides {save "1 2" save "3 4" hz 50} omit {bind}} /d 7]
    set text ""
    foreach {name value} $config {append text [kit::config_line $name $value] \n}
    assert_match "*\nsave 1 2\nsave 3 4\nhz 50\n*" $text
    assert_no_match "*save \"\"*" $text
    assert_no_match "*bind*" $text
}

start_server {overrides {hz 17} tags {kit}} {
    test "ECHO gives back its argument"       {r echo hello} hello
    test "ECHO keeps bytes that are not text" {r echo "a\0b\r\n"} "a\0b\r\n"
    test "ECHO refuses a second argument"     {r echo a b} "*wrong number of arguments*"
    test "a test's pattern may be a glob"     {r echo abcdef} a*f

    test "an override reaches the server" {
        r config get hz
    } {hz 17}

    test "each client has a connection of its own, in database 9" {
        set c [redis_client]
        assert_not_equal [$c client id] [r client id]
        assert_match "*db=9*" [$c client info]
        $c close
    }

    test "a deferring client sends now and reads later" {
        set rd [redis_deferring_client]
        foreach word {a b c} {$rd echo $word}
        assert_equal [list [$rd read] [$rd read] [$rd read]] {a b c}
        $rd write [formatCommand echo d]
        $rd flush
        assert_equal [$rd read] d
        $rd readraw 1
        $rd echo e
        assert_equal [list [$rd read] [$rd read]] {{$1} e}
        $rd readraw 0
        $rd deferred 0
        assert_equal [$rd echo f] f
        assert_equal [$rd raw echo g] "\$1\r\ng\r\n"
        $rd close
    }

    test "a client whose connection is lost connects again" {
        set c [redis_client]
        set id [$c client id]
        r client kill id $id
        assert_error "*I/O error*" {$c ping}
        assert_equal [$c ping] PONG
        assert_match "*db=9*" [$c client info]
        $c close
    }

    test "an argument of 1 MB arrives whole" {
        set text [string repeat "0123456789abcde\n" 65536]
        assert {[r echo $text] eq $text}
    }

    test "the server's log can be searched" {
        assert_match "*Ready to accept*" [wait_for_log_messages 0 {"*Ready to accept*"} 0 50 20]
        verify_log_message 0 "*Ready to accept*" 0
        assert_equal [count_log_message 0 "Ready to accept"] 1
    }

    test "INFO fields and CONFIG are at hand" {
        assert_equal [s process_id] [srv pid]
        set before [config_get_set hz 18]
        assert_equal "$before [lindex [r config get hz] 1]" "17 18"
    }

    start_server {overrides {databases 3}} {
        test "servers nest" {
            assert_not_equal [srv 0 port] [srv -1 port]
            assert_equal [lindex [r config get databases] 1] 3
            assert_equal [lindex [r -1 config get databases] 1] 16
        }

        test "restart_server keeps port and configuration" {
            set before [list [srv port] [srv pid]]
            restart_server 0 true false
            assert_equal [srv port] [lindex $before 0]
            assert_not_equal [srv pid] [lindex $before 1]
            assert_equal [lindex [r config get databases] 1] 3
        }
    }
}

# DEBUG PROTOCOL answers with each RESP3 kind on request.
start_server {tags {kit needs:debug}} {
    test "RESP3 of a real server is decoded" {
        r hello 3
        foreach {kind expected} {
            string "Hello World" integer 12345 double 3.141 null {} array {0 1 2} set {0 1 2}
            true 1 false 0 bignum 1234567999999999999999999999999999999
        } {
            assert_equal [r debug protocol $kind] $expected $kind
        }
        assert_equal [r debug protocol map] {0 0 1 1 2 0}
        assert_equal [r debug protocol verbatim] "This is a verbatim\nstring"
        assert_equal [r debug protocol attrib] "Some real reply following the attribute"
        assert_equal [r attributes] {key-popularity {key:123 90}}
    }
}

test "a failure is one wherever it is said: in the body itself, in a block of it, in an else" {
    set script [tmpfile failing.tcl]
    set f [open $script w]
    puts $f [list source [file join $kit::home kit.tcl]]
    foreach body {{fail no} {if 1 {fail no}} {foreach i {1 2} {fail no}} {wait_for_condition 1 1 {0} else {fail no}}
                  {assert_equal 1 2} {assert_fail no} {proc helper {} {fail no}; helper; set x 1}} {
        puts $f [list test $body $body]
    }
    close $f
    catch {exec env KEEL_TEST_RUNNER=0 [info nameofexecutable] $script 2>@1} output
    assert_match "*0 passed, 7 failed*" $output
}

test "what a server leaves behind decides: a sanitizer's report is a failure" {
    set dir [tmpdir sanitizer]
    set f [open $dir/stderr w]
    puts $f "x.c:1:2: runtime error: signed integer overflow"
    close $f
    close [open $dir/stdout w]
    # In an interpreter of its own, so that the failure is not counted here.
    set script [format {
        source %s
        kit::inspect_end {stderr %s/stderr stdout %s/stdout crash_ok 0 port 1 pid 1}
    } [file join $kit::home kit.tcl] $dir $dir]
    set f [open $dir/t.tcl w]
    puts $f $script
    close $f
    assert {[catch {exec env KEEL_TEST_RUNNER=0 [info nameofexecutable] $dir/t.tcl 2>@1} output]}
    assert_match "*signed integer overflow*" $output
    assert_match "*0 passed, 1 failed*" $output
}

test "servers end with the process that started them, even when it is killed" {
    set dir [tmpdir orphan]
    set f [open $dir/t.tcl w]
    puts $f [format {
        source %s
        start_server {} {puts [srv pid]; puts [kit::workdir]; flush stdout; after 60000}
    } [file join $kit::home kit.tcl]]
    close $f
    set child [open |[list [info nameofexecutable] $dir/t.tcl] r]
    gets $child server_pid
    gets $child server_dir
    assert [process_is_alive $server_pid]
    exec kill -9 [pid $child]
    wait_for_condition 100 20 {![process_is_alive $server_pid] && ![file exists $server_dir]} else {
        fail "server $server_pid lives on"
    }
    catch {close $child}
}
