# hyperloglog.tcl - PFADD, PFCOUNT, PFMERGE: the strings they keep, their errors, their estimates.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

proc elements {from to} {
    set out {}
    for {set i $from} {$i <= $to} {incr i} {lappend out e:$i}
    return $out
}
set empty "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"

start_server [list tags {hyperloglog} overrides [list loadmodule $chronicle]] {
    test "PFSELFTEST passes" {r pfselftest} OK
    test "PFADD without elements makes an empty one" {
        list [r pfadd h] [r pfadd h] [r get h] [r pfcount h] [r type h] [r strlen h]
    } [list 1 0 $empty 0 string 18]
    test "PFADD tells whether anything changed" {
        list [r pfadd h a b c] [r pfadd h a b c] [r pfadd h c] [r pfadd h d] [r pfcount h]
    } {1 0 0 1 4}
    test "PFCOUNT keeps its result in the header until the next change" {
        assert_equal [string range [r get h] 8 15] "\x04[string repeat \x00 7]"
        r pfadd h e
        set changed [string range [r get h] 8 15]
        r pfcount h
        list $changed [string range [r get h] 8 15]
    } [list "\x04[string repeat \x00 6]\x80" "\x05[string repeat \x00 7]"]
    test "a result that is kept is believed" {
        r set h [string replace [r get h] 8 9 "\x39\x05"]
        list [r pfcount h] [r pfcount h nosuch]
    } {1337 5}
    test "known bytes: the registers of a, b and c" {
        r del h
        r pfadd h a b c
        r pfdebug decode h
    } {Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603}
    test "PFADD and PFMERGE keep the time to live" {
        r expire h 1000
        r pfadd h d {*}[elements 1 5000]
        r pfmerge h other
        expr {[r ttl h] > 900}
    } 1
    test "PFADD works on a copy made by GET and SET" {
        r del h
        r pfadd h {*}[elements 1 40]
        r set copy [r get h]
        list [r pfadd copy e:1] [r pfadd copy new] [r pfcount copy] [r pfcount h]
    } {0 1 41 40}

    # ---- forms
    test "the sparse form becomes dense when it is too long" {
        r del h
        r pfadd h
        for {set n 0} {[r pfdebug encoding h] ne "dense"} {incr n} {
            assert_lessthan_equal [r strlen h] 3000
            r pfadd h e:$n
        }
        assert_range $n 1000 3000
        assert_equal [r strlen h] 12304
        expr {abs([r pfcount h] - $n) < $n / 20}
    } 1
    test "hll-sparse-max-bytes says when" {
        r config set hll-sparse-max-bytes 30
        r del h
        r pfadd h {*}[elements 1 5]
        set forms [r pfdebug encoding h]
        r config set hll-sparse-max-bytes 3000
        r del h
        r pfadd h {*}[elements 1 5]
        lappend forms [r pfdebug encoding h]
    } {dense sparse}
    test "both forms have the same registers" {
        r del sparse dense
        r pfadd sparse {*}[elements 1 800]
        r pfadd dense
        r pfdebug todense dense
        r pfadd dense {*}[elements 1 800]
        assert_equal [list [r pfdebug encoding sparse] [r pfdebug encoding dense]] {sparse dense}
        assert_equal [r pfcount sparse] [r pfcount dense]
        assert_equal [r pfdebug getreg sparse] [r pfdebug getreg dense]
        assert_equal [r pfdebug encoding sparse] dense "GETREG converts"
        expr {[r get sparse] eq [r get dense]}
    } 1
    test "PFDEBUG TODENSE converts once" {
        r del h
        r pfadd h a
        list [r pfdebug todense h] [r pfdebug todense h] [r pfcount h] [r object encoding h]
    } {1 0 1 raw}
    test "dense ones take no more than they need" {
        r del h
        r pfadd h {*}[elements 1 5000]
        r pfadd h {*}[elements 5000 6000]
        assert_lessthan [r memory usage h] 14600
    }

    # ---- estimates
    test "estimates are within 3% up to 100,000" {
        r del h
        set n 0
        while {$n < 100000} {
            set step [expr {$n < 1000 ? 100 : 5000}]
            r pfadd h {*}[elements [expr {$n + 1}] [expr {$n + $step}]]
            incr n $step
            assert_lessthan_equal [expr {abs([r pfcount h] - $n)}] [expr {3 + $n * 0.03}] "at $n"
        }
    }
    test "PFCOUNT and PFMERGE of several count the union" {
        r del a b c
        r pfadd a {*}[elements 1 2000]
        r pfadd b {*}[elements 1001 3000]
        r pfadd c {*}[elements 2501 6000]
        set union [r pfcount a b c nosuch]
        assert_range $union 5800 6200
        r pfmerge all a b nosuch c
        assert_equal [r pfcount all] $union
        assert_equal [r pfcount all all a] $union
        list [r pfmerge a] [r pfmerge empty] [r pfcount empty] [r pfcount nosuch]
    } {OK OK 0 0}
    test "PFMERGE of small ones stays sparse" {
        r del a b all
        r pfadd a 1 2 3
        r pfadd b 3 4
        r pfmerge all a b
        list [r pfdebug encoding all] [r pfcount all]
    } {sparse 4}

    # ---- what is none, and what is damaged
    test "other types and other strings are refused" {
        r del list
        r sadd set a
        foreach command {{pfadd set a} {pfcount set} {pfcount h set} {pfmerge new set} {pfmerge set h}
            {pfdebug encoding set}} {
            assert_error "WRONGTYPE Operation against a key*" {r {*}$command} $command
        }
        foreach value [list x 12345 "" HYLL "HYLL\x01" "HYLL\x02[string repeat \x00 11]" \
            "hyll[string range $empty 4 end]" "HYLL[string repeat \x00 12301]" [string repeat y 12304]] {
            r set bad $value
            foreach command {{pfadd bad a} {pfcount bad} {pfcount h bad} {pfmerge new bad} {pfmerge bad h}
                {pfdebug encoding bad}} {
                assert_error "WRONGTYPE Key is not a valid HyperLogLog string value." {r {*}$command} $command
            }
            assert_equal [r get bad] $value
        }
        r exists new
    } 0
    test "damaged sparse strings are refused by whatever relies on them, and left alone" {
        set head [string range $empty 0 15]
        foreach opcodes [list "" "\x7f" "\x7f\xfe" "\x7f\xff\x00" "\x00" "\x7f\xff\x7f\xff" "\xff" \
            [string repeat "\x83" 4097] [string repeat "\x3f" 257] [string repeat "\xff" 4095]] {
            r set bad $head$opcodes
            foreach command {{pfcount bad} {pfcount h bad} {pfmerge new bad} {pfdebug todense bad}
                {pfdebug getreg bad}} {
                assert_error "INVALIDOBJ Corrupted HLL object detected" {r {*}$command} $command
            }
            # Elements for registers all over: none may be written.
            foreach element [elements 1 50] {catch {r pfadd bad $element} e}
            assert_equal [r get bad] $head$opcodes [binary encode hex [string range $opcodes 0 10]]
        }
        r exists new
    } 0
    test "APPEND damages one, whatever its form" {
        r del h
        r pfadd h a b c
        r append h hello
        assert_error "INVALIDOBJ*" {r pfcount h}
        r pfdebug encoding h
    } sparse
    test "random bytes are refused or used, and never more" {
        r del good
        r pfadd good {*}[elements 1 60]
        set good [r get good]
        for {set i 0} {$i < 2000} {incr i} {
            set bytes $good
            for {set n [expr {1 + [randomInt 4]}]} {$n} {incr n -1} {
                set at [expr {4 + [randomInt [expr {[string length $bytes] - 4}]]}]
                switch [randomInt 3] {
                    0 {set bytes [string replace $bytes $at $at [binary format c [randomInt 256]]]}
                    1 {set bytes [string replace $bytes $at $at]}
                    2 {set bytes [string replace $bytes $at $at [string repeat [string index $bytes $at] 3]]}
                }
            }
            r set bad $bytes
            foreach command {{pfadd bad x y z} {pfcount bad} {pfcount bad good} {pfmerge into bad good}
                {pfdebug decode bad} {pfdebug todense bad} {pfadd bad v w}} {
                if {[catch {r {*}$command} e] && ![string match "INVALIDOBJ*" $e] &&
                    ![string match "WRONGTYPE*" $e] && $e ne "ERR HLL encoding is not sparse"} {
                    fail "$command: $e"
                }
            }
        }
        r pfcount good
    } 60
    test "PFDEBUG refuses what it does not know" {
        assert_error "ERR The specified key does not exist" {r pfdebug foo nosuch}
        assert_error "ERR Unknown PFDEBUG subcommand 'foo'" {r pfdebug foo good}
        r pfadd dense {*}[elements 1 4000]
        assert_error "ERR HLL encoding is not sparse" {r pfdebug decode dense}
        assert_error "ERR wrong number of arguments*" {r pfdebug decode good more}
    }

    # ---- the journal and events
    test "changes go on as they came; PFCOUNT goes on when it kept a result" {
        r flushall
        r chronicle.journal
        foreach command {{pfadd h a} {pfadd h a} {pfcount h} {pfcount h} {pfcount h nosuch} {pfmerge g h} {pfadd g}
            {pfdebug todense g} {pfdebug todense g}} {r {*}$command}
        r chronicle.journal
    } {{9 pfadd h a} {9 pfcount h} {9 pfmerge g h} {9 pfdebug todense g}}
    test "events say pfadd, also of PFMERGE" {
        r flushall
        r chronicle.events
        foreach command {{pfadd h a} {pfadd h a} {pfcount h} {pfmerge h g}} {r {*}$command}
        r chronicle.events
    } {{9 new h} {9 pfadd h} {9 keymiss g} {9 pfadd h}}
    test "each register counts as a change" {
        set before [s rdb_changes_since_last_save]
        r pfadd h x y z
        expr {[s rdb_changes_since_last_save] - $before}
    } 3
}
