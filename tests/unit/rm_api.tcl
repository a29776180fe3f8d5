# rm_api.tcl - the functions of the Redis module ABI by name: how many resolve, and how many our own test
# modules call.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc words_of file {
    set f [open $file]
    set text [read $f]
    close $f
    return $text
}

start_server [list tags {rm} args [list --loadmodule [test_module rm_api]]] {
    lassign [r api.missing] count missing
    set called {}
    foreach file [glob [file join $kit::home modules rm_*.c]] {
        foreach {- name} [regexp -all -inline {RedisModule_(\w+)\M} [words_of $file]] {
            dict set called $name 1
        }
    }
    dict set called SetModuleAttribs 1 ;# by RedisModule_Init() of every one
    set header [words_of [file join $kit::home .. include redismodule.h]]
    set exercised 0
    foreach {- name} [regexp -all -inline {\n    F\([^,]*, (\w+),} $header] {
        incr exercised [dict exists $called $name]
    }
    kit::say "redismodule: $count functions, [expr {$count - [llength $missing]}] resolve,\
        $exercised are called by test modules"
    test "all functions of the module ABI resolve, under both prefixes" {
        list $count $missing
    } {361 {}}
    test "test modules call all of them" {assert_equal $exercised $count}
}

# What the real server of the suites in tests/interop has not, or not so.
start_server [list tags {rm} args [list --loadmodule [test_module rm_reply] --loadmodule \
        [test_module rm_user] --loadmodule [test_module rm_server]]] {
    test "pushes have their length, and what was not begun has none" {
        set fd [redis::open_channel [srv 0 host] [srv 0 port]]
        puts -nonewline $fd [redis::encode {hello 3}][redis::encode {rep.with push}][redis::encode {rep.with misuse}]
        flush $fd
        redis::raw_reply_from $fd
        list [redis::raw_reply_from $fd] [redis::raw_reply_from $fd][close $fd]
    } "{>2\r\n:1\r\n:2\r\n} {+OK\r\n}"
    test "key flags of any command" {
        list [r srv.keyflags get a] [r srv.keyflags set a b] [r srv.keyflags rename a b] [r srv.keyflags ping]
    } {17 36 {146 36} {}}
    test "rules are shown as ACL LIST shows them" {
        set shown {}
        foreach {rules text} {
            "on +@all ~*" "on sanitize-payload ~* resetchannels +@all"
            "reset" "off sanitize-payload resetchannels -@all"
            "on nopass +get -get +get +@read ~a* %R~b* %W~c* &ch" \
                "on nopass sanitize-payload ~a* %R~b* %W~c* &ch -@all +get +@read"
            "+config|get +config|set -config" "* -@all +get +@read -config"
            "-@read +select|0" "* -@all +get -config -@read +select|0"
            "(+set ~s* &x) ( +@read %R~* )" "* +select|0 (~s* resetchannels &x -@all +set) (%R~* resetchannels -@all +@read)"
            "clearselectors allkeys allchannels allcommands" "on nopass sanitize-payload ~* &* +@all"
            "resetpass >secret >secret #5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8 skip-sanitize-payload" \
                "on skip-sanitize-payload #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b #5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8 ~* &* +@all"
            "<secret" "* #5e88* ~* &* +@all"
        } {assert_match $text [r user.rules $rules]}
    }
    test "rules that are wrong change nothing, and the complaint says why" {
        set before [r user.rules ""]
        foreach {rules why} {
            "-get +nosuch" "Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"
            "-get nosuch" "Error in ACL SETUSER modifier 'nosuch': Syntax error"
            "~x" "*'~x': Adding a pattern after the \\* pattern (or the 'allkeys' flag)*"
            "&x" "*'&x': Adding a pattern after the \\* pattern (or the 'allchannels' flag)*"
            "<none" "*The password you are trying to remove from the user does not exist"
            "#xyz" "*must be exactly 64 characters*" "+config|get|x" "*" "(+get" "Unmatched parenthesis in selector definition starting at '(+get'"
            "(+nosuch ~a)" "Error in ACL SETUSER modifier '(+nosuch ~a)': Unknown command*"
        } {assert_match $why [r user.rules $rules]}
        assert_equal $before [r user.rules ""]
    }
    test "what channels a module's command names is asked of it" {
        r user.new modest
        r user.rules "on +@all ~* &news*"
        list [r user.may srv.channels publish news1] [r user.may srv.channels publish other] \
            [r user.may srv.channels leave other] [r user.may srv.channels pattern news*] \
            [r user.may srv.channels pattern news1]
    } {0 13 0 0 13}
    test "denials are logged" {
        r user.log 2 somekey
        r user.log 9 nothing
        r config set loglevel verbose
    } OK
    test "a node of no cluster" {r srv.node x} 1
}

start_server [list tags {rm} crash_ok 1 args [list --loadmodule [test_module rm_server]]] {
    test "a module's assertion ends the server and says which" {
        catch {r srv.assert}
        wait_for_condition 50 50 {![process_is_alive [srv 0 pid]]} else {fail "it goes on"}
        wait_for_log_messages 0 {"*the sky is green*"} 0 20 50
    }
}
