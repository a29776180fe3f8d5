# interop_kit.tcl - the comparisons of the interop harness and the grammar of its generator.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]

proc differs {command ours theirs} {
    return [expr {[pair::difference $command $ours $theirs] ne ""}]
}

test "equal bytes are alike, and without an exception nothing else is" {
    assert {![differs {get k} "\$1\r\na\r\n" "\$1\r\na\r\n"]}
    assert {[differs {get k} "\$1\r\na\r\n" "+a\r\n"]}
    assert {[differs {incr k} ":1\r\n" ":2\r\n"]}
}

test "keys in any order are alike, other keys are not" {
    assert {![differs {keys *} "*2\r\n\$1\r\na\r\n\$1\r\nb\r\n" "*2\r\n\$1\r\nb\r\n\$1\r\na\r\n"]}
    assert {[differs {keys *} "*2\r\n\$1\r\na\r\n\$1\r\nb\r\n" "*2\r\n\$1\r\nb\r\n\$1\r\nb\r\n"]}
    assert {[differs {keys *} "*1\r\n\$1\r\na\r\n" "~1\r\n\$1\r\na\r\n"]}
}

test "times to live may differ a little, their special values may not" {
    assert {![differs {pttl k} ":5000\r\n" ":4990\r\n"]}
    assert {[differs {pttl k} ":5000\r\n" ":1000\r\n"]}
    assert {[differs {ttl k} ":-1\r\n" ":-2\r\n"]}
    assert {[differs {ttl k} ":1\r\n" ":-1\r\n"]}
}

test "an id may be any integer but no other kind of reply, and an error must be the same one" {
    assert {![differs {CLIENT ID} ":7\r\n" ":12\r\n"]}
    assert {[differs {CLIENT ID} ":7\r\n" "+7\r\n"]}
    assert {[differs {CLIENT ID} "-ERR a\r\n" "-ERR b\r\n"]}
}

test "DUMP payloads are compared without version and checksum" {
    set tail1 "\x0a\x00abcdefgh"
    set tail2 "\x0b\x00ijklmnop"
    assert {![differs {dump k} "\$12\r\n\x00\xc0$tail1\r\n" "\$12\r\n\x00\xc0$tail2\r\n"]}
    assert {[differs {dump k} "\$12\r\n\x00\xc0$tail1\r\n" "\$12\r\n\x01\xc0$tail1\r\n"]}
}

test "HELLO is compared field by field, except what names the server" {
    set a "%2\r\n\$7\r\nversion\r\n\$1\r\n1\r\n\$5\r\nproto\r\n:3\r\n"
    assert {![differs {hello 3} $a [string map {"\$1\r\n1" "\$1\r\n2"} $a]]}
    assert {[differs {hello 3} $a [string map {:3 :2} $a]]}
}

test "a template yields words, values, options, alternatives and repetitions" {
    group kit_test {
        # a comment
        5  FOO @key [OPT @anyint] (A|B x)...   # to the end of the line
    }
    set tree [lindex $gen::templates end 2]
    assert_equal [gen::names_of $tree] foo
    group kit_test {1 (BAR|QUX) @key ""}
    assert_equal [gen::names_of [lindex $gen::templates end 2]] {bar qux}
    assert_equal [lindex [gen::expand [lindex $gen::templates end 2]] end] ""
    for {set i 0} {$i < 200} {incr i} {
        set command [gen::expand $tree]
        assert_equal [lindex $command 0] FOO
        set rest [lrange $command 2 end]
        if {[lindex $rest 0] eq "OPT"} {set rest [lrange $rest 2 end]}
        assert {[regexp {^(A|B x)( (A|B x)){0,3}$} [join $rest " "]]}
    }
}

test "the same seed gives the same commands" {
    gen::restrict kit_test {}
    foreach run {1 2} {
        expr {srand(42)}
        set commands($run) {}
        for {set i 0} {$i < 100} {incr i} {lappend commands($run) [gen::command]}
    }
    assert_equal $commands(1) $commands(2)
}

test "a grammar that cannot be parsed is refused" {
    assert_error "*no weight*" {group kit_test {FOO bar}}
    assert_error "*unexpected*" {group kit_test {1 FOO ]}}
}

start_pair {tags {interop}} {
    test "start_pair: level 0 is under test, level -1 the real server, both get the commands" {
        assert_equal [same set pair:k v] "+OK\r\n"
        assert_equal [same_all {{get pair:k} {echo {}} {get}}] 3
        assert_equal [r -1 select 0] OK
        assert_equal [r -1 get pair:k] v
        assert_match "*7.0*" [s -1 redis_version]
    }

    test "same fails when the replies differ, and shows both" {
        r select 0
        r set pair:k other
        catch {same get pair:k} message
        assert_match "*get pair:k*other*v*" $message
    }
}
