# api_link.tcl - output that a module keeps, input that it sees, connections that it opened.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit peer.tcl]

proc client_named {name} {
    regexp "id=(\\d+) \[^\\n\]* name=$name " [r client list] -> id
    return $id
}

# Takes one connection and gives its channel to `then`.
proc listen {} {
    set ::accepted ""
    set server [socket -server {apply {{fd host port} {set ::accepted $fd}}} 0]
    return [list $server [lindex [fconfigure $server -sockname] 2]]
}
proc accepted {} {
    if {$::accepted eq ""} {vwait ::accepted}
    fconfigure $::accepted -translation binary -buffering none -blocking 0
    set peer::kept($::accepted) ""
    return $::accepted
}

start_server [with_module api_link] {
    test "What is added to a feed comes to all who follow, behind their replies" {
        set p [peer_open]
        set q [peer_open]
        foreach fd [list $p $q] {assert_equal [peer_ask $fd LINK.FOLLOW] +OK}
        r link.add "hello\r\n"
        assert_equal [peer_line $p] hello
        assert_equal [peer_line $q] hello
        puts -nonewline $p "PING\r\nLINK.ADD there\r\nPING\r\n"
        foreach expected {+PONG :12 +PONG} {assert_equal [peer_line $p] $expected}
        assert_equal [peer_bytes $p 5] there
        assert_equal [peer_bytes $q 5] there
        assert_equal [r link.sent] 24
    }
    test "Who leaves gets replies only" {
        assert_equal [peer_ask $q LINK.LEAVE] +OK
        r link.add "more\r\n"
        assert_equal [peer_line $p] more
        assert_equal [peer_pending $q 50] ""
        assert_equal [peer_ask $q PING] +PONG
    }
    test "More than a socket takes arrives whole and in order" {
        r link.add [string repeat "0123456789abcdef" 4096] 200
        assert_match "* omem=\[1-9\]*" [r client list]
        set bytes [peer_bytes $p [expr {200 * 65536}]]
        assert_equal $bytes [string repeat "0123456789abcdef" [expr {4096 * 200}]]
        assert_equal [peer_ask $p PING] +PONG
    }
    test "The limit of output counts what waits in a feed, but what may wait in any case" {
        r config set client-output-buffer-limit "normal 4mb 0 0"
        r link.allow 30000000
        r link.add [string repeat x 1000000] 12
        after 200
        assert_equal [peer_bytes $p 12000000] [string repeat x 12000000]
        assert_equal [peer_ask $p PING] +PONG
        r link.allow 0
        r link.add [string repeat x 1000000] 12
        wait_for_log_messages 0 {"*scheduled to be closed ASAP for overcoming of output buffer limits*"} 0 50 20
        wait_for_condition 50 20 {[llength [split [string trim [r client list]] \n]] == 2} else {
            fail [r client list]
        }
        r config set client-output-buffer-limit "normal 0 0 0"
        peer_close $p
        peer_close $q
    }
    test "A tap sees all that a client sends, and how much of it ran" {
        set p [peer_open]
        peer_ask $p "CLIENT SETNAME tapped"
        r link.tap [client_named tapped]
        peer_ask $p "SET a 1"
        assert_equal [r link.seen] [list "SET a 1\r\n" 9]
        puts -nonewline $p "GET a\r\nGE"
        assert_equal [peer_line $p] "\$1"
        peer_line $p
        peer_pending $p 50
        assert_equal [r link.seen] [list "SET a 1\r\nGET a\r\nGE" 16]
        puts -nonewline $p "T a\r\n*2\r\n\$3\r\nGET\r\n\$1\r\na"
        foreach i {1 2} {peer_line $p}
        wait_for_condition 50 20 {[lindex [r link.seen] 1] == 23} else {fail [r link.seen]}
        puts -nonewline $p "\r\n"
        foreach i {1 2} {peer_line $p}
        wait_for_condition 50 20 {[lindex [r link.seen] 1] == 43} else {fail [r link.seen]}
    }
    test "A command of many pieces counts when it is whole" {
        set value [string repeat v 300000]
        r link.tap [client_named tapped]
        puts -nonewline $p "*3\r\n\$3\r\nSET\r\n\$1\r\nb\r\n\$300000\r\n[string range $value 0 99999]"
        after 100
        assert_equal [lindex [r link.seen] 1] 0
        puts -nonewline $p "[string range $value 100000 end]\r\nPING\r\n"
        assert_equal [peer_line $p] +OK
        assert_equal [peer_line $p] +PONG
        wait_for_condition 50 20 {[lindex [r link.seen] 1] == 300037} else {fail [lindex [r link.seen] 1]}
    }
    test "What is held back by a pause has not run" {
        r link.tap [client_named tapped]
        r client pause 100000 write
        puts -nonewline $p "PING\r\nSET c 1\r\nPING\r\n"
        assert_equal [peer_line $p] +PONG
        after 50
        assert_equal [lindex [r link.seen] 1] 6
        r client unpause
        assert_equal [peer_line $p] +OK
        assert_equal [peer_line $p] +PONG
        wait_for_condition 50 20 {[lindex [r link.seen] 1] == 21} else {fail [r link.seen]}
    }
    test "After LINK.UNTAP nothing is seen" {
        r link.untap [client_named tapped]
        peer_ask $p "SET d 1"
        assert_equal [r link.seen] {{} 0}
        peer_close $p
    }
    test "A connection that a module opened is a client like others, with what was read before" {
        lassign [listen] server port
        set id [r link.connect $port "PING\r\nSET from-head 1\r\nGE" tap]
        set fd [accepted]
        assert_equal [peer_line $fd] +PONG
        assert_equal [peer_line $fd] +OK
        r select 0
        assert_equal [r get from-head] 1
        r select 9
        assert_match "*id=$id *" [r client list]
        assert_equal [r link.seen] [list "PING\r\nSET from-head 1\r\nGE" 23]
        puts -nonewline $fd "T from-head\r\n"
        assert_equal [peer_line $fd] "\$1"
        assert_equal [peer_line $fd] 1
        wait_for_condition 50 20 {[lindex [r link.seen] 1] == 38} else {fail [r link.seen]}
        peer_close $fd
        wait_for_condition 50 20 {![string match "*id=$id *" [r client list]]} else {fail "it stays"}
        close $server
    }
    test "A module that goes takes its feeds and taps with it" {
        set p [peer_open]
        peer_ask $p LINK.FOLLOW
        r module unload api_link
        assert_equal [peer_ask $p PING] +PONG
        peer_close $p
    }
}
