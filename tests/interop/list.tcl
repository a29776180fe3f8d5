# list.tcl - lists beside the real server: where nodes begin and end, compressed and plain nodes, and
# every form of payload in both directions.
#
# By environment: KEEL_INTEROP_SEED, KEEL_INTEROP_OPS (commands of each run, default 3000).

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit payload.tcl]

set seed [kit::env KEEL_INTEROP_SEED [expr {[clock microseconds] % 1000000}]]
set ops [kit::env KEEL_INTEROP_OPS 3000]

proc any args {lindex $args [expr {int(rand() * [llength $args])}]}
proc side {} {any LEFT RIGHT}
proc element {} {
    switch -exact -- [any small small small word word large] {
        small {return [expr {int(rand() * 12)}]}
        word {return [any a b hello [string repeat xy [expr {int(rand() * 30)}]]]}
        large {return [string repeat [any abcdefg z] [expr {20 + int(rand() * 30)}]]}
    }
}
proc place {} {expr {int(rand() * 60) - 30}}

# Changes that depend on where nodes end. `grow` says how eagerly the list grows.
proc change grow {
    set key [any l l l m]
    if {rand() < $grow} {
        set elements {}
        for {set n [expr {1 + int(rand() * 3)}]} {$n} {incr n -1} {lappend elements [element]}
        return [list [any LPUSH RPUSH] $key {*}$elements]
    }
    switch -exact -- [any insert insert insert set set rem pop popn move trim] {
        insert {return [list LINSERT $key [any BEFORE AFTER] [element] [element]]}
        set {return [list LSET $key [place] [element]]}
        rem {return [list LREM $key [any 0 1 -1 2 -2] [element]]}
        pop {return [list [any LPOP RPOP] $key]}
        popn {return [list [any LPOP RPOP] $key [any 1 2 5 9]]}
        move {return [list LMOVE [any l m] [any l m] [side] [side]]}
        trim {return [list LTRIM $key [any 0 1 3] [any -1 -1 -2 -4 40]]}
    }
}

proc compare_run {ops checks} {
    for {set done 0} {$done < $ops} {incr done 25} {
        set commands {}
        set grow [any 0.7 0.5 0.3]
        for {set i 0} {$i < 25} {incr i} {lappend commands [change $grow]}
        foreach key {l m} {
            lappend commands [list LRANGE $key 0 -1] [list LLEN $key] [list LINDEX $key [place]] \
                [list LPOS $key [element] COUNT 0] [list DEBUG DIGEST-VALUE $key]
            foreach check $checks {lappend commands [list $check $key]}
        }
        same_all $commands
    }
}

foreach fill {1 2 3 4 8 0} {
    foreach depth {0 1 2} {
        set overrides [list list-max-listpack-size $fill list-compress-depth $depth save "" \
                           rdbcompression no enable-debug-command yes]
        start_pair [list overrides $overrides tags {interop}] {
            test "nodes of $fill elements are split, joined and emptied alike, with\
                  $depth open at each end (seed $seed)" {
                expr {srand($seed * 100 + $fill * 10 + $depth)}
                # Compressed nodes are dumped as they are, and what compresses how well is the
                # library's own choice.
                compare_run $ops [expr {$depth ? "" : "DUMP"}]
            }
        }
    }
}

start_pair {overrides {list-max-listpack-size 3 save "" enable-debug-command yes} tags {interop}} {
    test "plain nodes come and go alike (seed $seed)" {
        expr {srand($seed)}
        foreach threshold {30 60b 0} {
            same debug quicklist-packed-threshold $threshold
            same_all {{flushall}}
            compare_run $ops {}
        }
        foreach threshold {-1 abc 4gb 4293918720 4293918721 1k 18446744073709551616} {
            same debug quicklist-packed-threshold $threshold
        }
        same debug quicklist-packed-threshold 0
    }
}

foreach depth {0 1} {
    start_pair [list overrides [list save "" enable-debug-command yes list-compress-depth $depth] \
                    tags {interop}] {
        test "lists that one server dumps are restored by the other, in nodes of bytes or plain\
              (depth $depth)" {
            same select 9 ;# where `r` is
            foreach {fill threshold count size} {
                -2 0 3 5  -2 0 3000 10  -1 0 3000 30  -5 0 20000 8  3 0 20 30  -2 0 10 20000
                3 20 10 30  -2 1000 20 999  -2 1000 20 1000
            } {
                same config set list-max-listpack-size $fill
                same debug quicklist-packed-threshold $threshold
                same del a b c
                for {set i 0} {$i < $count} {incr i 10} {
                    set push [list [expr {$i % 20 ? "LPUSH" : "RPUSH"}] a]
                    for {set j 0} {$j < 10} {incr j} {
                        lappend push [expr {$j % 3 ? [string repeat $j$i $size] : $i * $j}]
                    }
                    same {*}[lrange $push 0 [expr {min($count - $i, 10) + 1}]]
                }
                r -1 restore b 0 [r dump a] replace
                r restore b 0 [r -1 dump a] replace
                same lrange a 0 -1
                same lrange b 0 -1
                same debug digest
                assert_equal [r lrange a 0 -1] [r lrange b 0 -1]
                same lpop b
                same rpush b x
                same copy b c
                same debug digest
            }
        }
    }
}

start_pair {overrides {save "" enable-debug-command yes} tags {interop}} {
    # Ziplists with every encoding of theirs, as older servers wrote them.
    set entries ""
    append entries "\x00\x05hello" "\x07\xfe\x14" "\x03\xc0\x00\x10" "\x04\xf0\x00\x00\x01" \
        "\x05\xd0\x00\x00\x00\x01" "\x06\xe0\x00\x00\x00\x00\x01\x00\x00\x00" "\x0a\xf1" "\x02\xfd" \
        "\x02\x40\x46[string repeat q 70]"
    set zl [binary format iis [expr {11 + [string length $entries]}] \
                [expr {10 + [string length $entries] - 73}] 9]$entries\xff
    set empty [binary format iis 11 10 0]\xff
    proc sized bytes {
        set n [string length $bytes]
        return [binary format c[expr {$n < 64 ? "" : "c"}] {*}[expr {$n < 64
            ? $n : [list [expr {0x40 | $n >> 8}] [expr {$n & 255}]]}]]$bytes
    }
    foreach {what body} [list \
        "a ziplist (type 10)" "\x0a[sized $zl]" \
        "ziplists (type 14)" "\x0e\x02[sized $zl][sized $zl]" \
        "an empty ziplist among others (type 14)" "\x0e\x02[sized $empty][sized $zl]" \
        "elements (type 1)" "\x01\x03\x01a\xc0\x05\x02bc" \
        "a pack (type 18)" "\x12\x01\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff" \
        "an empty pack among others (type 18)" \
            "\x12\x02\x02\x07\x07\x00\x00\x00\x00\x00\xff\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff" \
        "a plain node (type 18)" "\x12\x01\x01\x05hello" \
        "digits as text in a pack" "\x12\x01\x02\x0a\x0a\x00\x00\x00\x01\x00\x81\x37\x02\xff"] {
        test "the payload of $what is read alike" {
            same restore k 0 [payload $body] replace
            same lrange k 0 -1
            same debug digest
            same lpos k 7
            same rpush k end
            same lpop k
            same lrange k 0 -1
        }
    }
    # The real server looks into what it loads only when it is asked to.
    test "sanitizing is on" {r -1 config set sanitize-dump-payload yes} OK
    foreach {what body} [list \
        "no ziplist at all" "\x0a\x00" \
        "an empty ziplist" "\x0a[sized $empty]" \
        "no nodes" "\x12\x00" \
        "no elements" "\x01\x00" \
        "fewer elements than said" "\x01\x03\x01a\xc0\x05" \
        "an empty pack" "\x12\x01\x02\x07\x07\x00\x00\x00\x00\x00\xff" \
        "a node of no known kind" "\x12\x01\x03\x05hello" \
        "a node of no bytes" "\x12\x01\x01\x00" \
        "a pack of no bytes" "\x12\x01\x02\x00" \
        "a pack with another number of elements" "\x12\x01\x02\x0b\x0b\x00\x00\x00\x03\x00\x01\x01\x02\x01\xff" \
        "a pack whose size is off" "\x12\x01\x02\x0b\x0c\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff" \
        "a pack without an end" "\x12\x01\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\x00" \
        "a pack that cannot be walked back" "\x12\x01\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x02\x02\x01\xff" \
        "a ziplist whose end is off" "\x0a[sized [string replace $zl 4 4 \x55]]" \
        "a ziplist with a wrong length before an entry" "\x0a[sized [string map [list \x07\xfe\x14 \x08\xfe\x14] $zl]]"] {
        test "the payload of $what is refused alike" {
            same del k
            same restore k 0 [payload $body]
            same exists k
        }
    }
}

start_pair {overrides {save "" enable-debug-command yes list-max-listpack-size 2} tags {interop}} {
    test "events of keys are told alike" {
        same config set notify-keyspace-events KEA
        set subscribers {}
        foreach level {0 -1} {
            set rd [redis_deferring_client $level]
            $rd psubscribe __key*
            $rd read
            lappend subscribers $rd
        }
        same_all {{rpush e 1 2 3} {lpush e x} {lpushx e y} {rpushx no y} {lset e 0 z} {linsert e after z w}
            {linsert e after none w} {lrem e 1 w} {lrem e 1 w} {ltrim e 0 2} {ltrim e 0 -1} {lpop e}
            {rpop e 1} {lmove e f left right} {rpoplpush f f} {lmpop 2 e f left count 5} {rpush e 1 2}
            {lpop e 5} {rpush e 1} {lpop e 0} {ltrim e 5 6} {rpush e 1} {lrem e 0 1} {blpop e 0.01}
            {rpush e 1 2} {blpop e 0} {brpop e 0} {rpush e 1 2} {blmove e f left left 0}
            {brpoplpush e f 0} {blmpop 0 1 f left count 9} {set s 1} {lpush s 1} {lpush done 1}}
        set seen {}
        foreach rd $subscribers {
            set events {}
            while 1 {
                set message [$rd read]
                lappend events [lrange $message 2 end]
                if {[lindex $message 3] eq "done"} break
            }
            lappend seen $events
            $rd close
        }
        assert_equal {*}$seen
    }
}
