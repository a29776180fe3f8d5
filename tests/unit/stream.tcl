# stream.tcl - streams: what commands do, who waits and is served, what is recorded and announced, and
# what loading refuses. That replies are the real server's is tests/interop/'s to see.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit payload.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

# What the journal had since the last call, after running these commands; times are "T".
proc journal commands {
    r chronicle.journal
    foreach command $commands {catch {r {*}$command}}
    set out {}
    foreach line [r chronicle.journal] {lappend out [regsub -all {\m1\d{12}\M} $line T]}
    return $out
}
proc events commands {
    r chronicle.events
    r chronicle.changes
    foreach command $commands {catch {r {*}$command}}
    return [list [r chronicle.events] [r chronicle.changes]]
}
proc waiter args {
    set before [s blocked_clients]
    set rd [redis_deferring_client]
    $rd {*}$args
    wait_for_condition 100 10 {[s blocked_clients] == $before + 1} else {fail "it does not wait"}
    return $rd
}
proc served rd {
    set reply [$rd read]
    $rd close
    return $reply
}
proc refused rd {
    catch {$rd read} error
    $rd close
    return $error
}
proc ids key {
    set ids {}
    foreach entry [r xrange $key - +] {lappend ids [lindex $entry 0]}
    return $ids
}
proc field {key name} {dict get [r xinfo stream $key] $name}

start_server {tags {stream}} {
    test "ids grow, by themselves or when given" {
        r del s
        set first [r xadd s * a 1]
        set second [r xadd s * a 2]
        assert_match {1????????????-*} $first
        assert {$first ne $second}
        assert_error "*equal or smaller*" {r xadd s 5-5 a 1}
        r del s
        list [r xadd s 5-5 a 1] [r xadd s 5-* a 1] [r xadd s 6-* a 1] [r xadd s 0x7 a 1]
    } {*} {}
    test "ids may end" {
        r del s
        r xadd s 18446744073709551615-18446744073709551615 a b
        assert_error "*exhausted the last possible ID*" {r xadd s * a b}
        r del s
        r xadd s 5-18446744073709551615 a b
        assert_error "*equal or smaller*" {r xadd s 5-* a b}
        r xadd s 6 a b
    } 6-0
    test "a clock that goes back does not take ids with it" {
        r del s
        r xadd s 9999999999999-7 a b
        r xadd s * a b
    } 9999999999999-8
    test "NOMKSTREAM makes no key" {
        r del s
        list [r xadd s nomkstream * a b] [r exists s]
    } {{} 0}
    test "entries keep their fields, whatever they are" {
        r del s
        set long [string repeat x 5000]
        r xadd s 1 a 1 b -70000
        r xadd s 2 a 2 b two
        r xadd s 3 b 2 a two
        r xadd s 4 a $long
        r xadd s 5 a "" a "\0\xff" 12 34
        assert_equal [r xrange s - +] [list {1-0 {a 1 b -70000}} {2-0 {a 2 b two}} \
            {3-0 {b 2 a two}} [list 4-0 [list a $long]] [list 5-0 [list a "" a "\0\xff" 12 34]]]
        r xrevrange s (5-0 (1-0
    } [list [list 4-0 [list a [string repeat x 5000]]] {3-0 {b 2 a two}} {2-0 {a 2 b two}}]

    foreach {entries bytes} {1 4096 2 4096 7 4096 100 4096 100 60 0 4096 0 0 300 0} {
        test "a stream agrees with a list ($entries entries, $bytes bytes a node)" {
            r config set stream-node-max-entries $entries stream-node-max-bytes $bytes
            r del s
            set model {}
            for {set i 1} {$i <= 500} {incr i} {
                r xadd s $i-1 [lindex {a b} [expr {$i % 7 == 0}]] $i
                lappend model $i-1
            }
            for {set i 0} {$i < 200} {incr i} {
                set at [expr {int(rand() * [llength $model])}]
                assert_equal 1 [r xdel s [lindex $model $at]]
                assert_equal 0 [r xdel s [lindex $model $at]]
                set model [lreplace $model $at $at]
            }
            assert_equal $model [ids s]
            assert_equal [lindex $model 0] [field s recorded-first-entry-id]
            assert_equal 500 [field s entries-added]
            r debug digest
            set dump [r dump s]
            r restore s 0 $dump replace
            assert_equal $dump [r dump s]
            r xadd s 1000 a b
            lappend model 1000-0
            assert_equal [lreverse $model] [lmap e [r xrevrange s + -] {lindex $e 0}]
            assert_equal 150 [r xtrim s maxlen 151]
            assert_equal [lrange $model end-150 end] [ids s]
            set from [lindex $model end-40]
            r xtrim s minid $from
            assert_equal [lrange $model end-40 end] [ids s]
            assert_equal 41 [r xtrim s maxlen 0]
            list [r xlen s] [r exists s] [field s last-generated-id]
        } {0 1 1000-0}
    }
    r config set stream-node-max-entries 100 stream-node-max-bytes 4096

    test "an approximate trim goes by whole nodes and up to a limit" {
        r config set stream-node-max-entries 10
        r del s
        for {set i 1} {$i <= 100} {incr i} {r xadd s $i a b}
        assert_equal 0 [r xtrim s maxlen ~ 95]
        assert_equal 10 [r xtrim s maxlen ~ 85]
        assert_equal 0 [r xtrim s maxlen ~ 0 limit 9]
        assert_equal 20 [r xtrim s maxlen ~ 0 limit 25]
        assert_equal 20 [r xtrim s minid ~ 55]
        r config set stream-node-max-entries 100
        ids s
    } [lmap i {51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79
        80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100} {set i $i-0}]

    test "a group gives each entry to one consumer, and remembers it" {
        r del s
        for {set i 1} {$i <= 5} {incr i} {r xadd s $i n $i}
        r xgroup create s g 0
        assert_equal {{s {{1-0 {n 1}} {2-0 {n 2}}}}} [r xreadgroup group g a count 2 streams s >]
        assert_equal {{s {{3-0 {n 3}} {4-0 {n 4}} {5-0 {n 5}}}}} \
            [r xreadgroup group g b streams s >]
        assert_equal {} [r xreadgroup group g b streams s >]
        assert_equal {{s {{2-0 {n 2}}}}} [r xreadgroup group g a streams s 1]
        assert_equal {5 1-0 5-0 {{a 2} {b 3}}} [r xpending s g]
        assert_equal 2 [r xack s g 1 3 9]
        r xdel s 4
        assert_equal {{s {{4-0 {}} {5-0 {n 5}}}}} [r xreadgroup group g b streams s 0]
        r xpending s g
    } {3 2-0 5-0 {{a 1} {b 2}}}
    test "pending entries are taken over when they have been idle" {
        assert_equal {} [r xclaim s g c 100000 2 justid]
        assert_equal {{2-0 {n 2}}} [r xclaim s g c 0 2 retrycount 7]
        assert_equal {2-0 c 7} [lreplace [lindex [r xpending s g - + 10 c] 0] 2 2]
        assert_equal {0-0 {2-0 5-0} 4-0} [r xautoclaim s g d 0 - justid]
        assert_equal {} [r xpending s g - + 10 c]
        r xgroup delconsumer s g d
    } 2
    test "lag and entries read follow what is read, until entries are deleted ahead" {
        r del s
        for {set i 1} {$i <= 4} {incr i} {r xadd s $i n $i}
        r xgroup create s g 0
        r xreadgroup group g a count 1 streams s >
        set one [lrange [lindex [r xinfo groups s] 0] 8 end]
        r xdel s 3
        set two [lrange [lindex [r xinfo groups s] 0] 8 end]
        r xreadgroup group g a streams s >
        list $one $two [lrange [lindex [r xinfo groups s] 0] 8 end]
    } {{entries-read 1 lag 3} {entries-read 1 lag {}} {entries-read 4 lag 0}}
    test "counts may be anything that was set" {
        r del s
        r xadd s 1 a b
        r xsetid s 1 entriesadded 9223372036854775807
        r xadd s 2 a b
        r xgroup create s g 0 entriesread 9223372036854775807
        r xreadgroup group g a streams s >
        set dump [r dump s]
        r restore s 0 $dump replace
        r xinfo groups s
        r xinfo stream s full
        assert_equal $dump [r dump s]
    }
    test "a consumer has a time when it asked and one when it got something" {
        r del s
        r xgroup create s g 0 mkstream
        r xreadgroup group g a streams s >
        set before [lindex [r xinfo consumers s g] 0]
        assert_equal -1 [dict get $before inactive]
        r xadd s 1 a b
        r xreadgroup group g a streams s >
        after 30
        r xreadgroup group g a streams s >
        set now [lindex [r xinfo consumers s g] 0]
        assert {[dict get $now inactive] >= 30 && [dict get $now idle] < 30}
        set full [lindex [dict get [lindex [dict get [r xinfo stream s full] groups] 0] consumers] 0]
        assert {[dict get $full active-time] + 30 <= [dict get $full seen-time]}
    }
    test "reading history is no change, reading what is new is one" {
        r xadd s 2 a b
        r xadd s 3 a b
        set before [s rdb_changes_since_last_save]
        r xreadgroup group g a streams s 0
        set history [expr {[s rdb_changes_since_last_save] - $before}]
        r xreadgroup group g a streams s >
        list $history [expr {[s rdb_changes_since_last_save] - $before}]
    } {0 1}
    test "COPY takes groups and what is pending along" {
        r copy s t replace
        assert_equal [r dump s] [r dump t]
        r xack t g 1
        list [lindex [r xpending s g] 0] [lindex [r xpending t g] 0]
    } {3 2}
    test "a stream of other types is refused everywhere" {
        r set k x
        foreach command {{xadd k * a b} {xlen k} {xrange k - +} {xrevrange k + -} {xdel k 1}
            {xtrim k maxlen 0} {xread streams k 0} {xgroup create k g 0} {xack k g 1}
            {xreadgroup group g c streams k >} {xpending k g} {xclaim k g c 0 1} {xinfo stream k}
            {xautoclaim k g c 0 0} {xsetid k 1} {xinfo groups k} {xinfo consumers k g}} {
            assert_error "WRONGTYPE*" {r {*}$command}
        }
        r del k
    } 1

    test "XREAD waits for what comes after the last entry" {
        r del s
        r xadd s 1 a b
        set rd [waiter xread block 0 streams s $]
        r xadd s 2 c d
        served $rd
    } {{s {{2-0 {c d}}}}}
    test "XREAD waits for a key that is not there" {
        r del s
        set rd [waiter xread block 0 streams s $]
        r xadd s 1 a b
        served $rd
    } {{s {{1-0 {a b}}}}}
    test "all who read are served, in the order in which they came" {
        set first [waiter xread block 0 streams s $]
        set second [waiter xread block 0 count 1 streams nosuch s $ $]
        r multi
        r xadd s 2 a b
        r xadd s 3 a b
        r exec
        list [served $first] [served $second]
    } {{{s {{2-0 {a b}} {3-0 {a b}}}}} {{s {{2-0 {a b}}}}}}
    test "time runs out, and nonsense times are refused" {
        assert_error "ERR timeout is negative" {r xread block -1 streams s $}
        assert_error "ERR timeout is not an integer*" {r xread block 1.5 streams s $}
        assert_error "ERR timeout is out of range" {r xread block 9223372036854775807 streams s $}
        set start [clock milliseconds]
        assert_equal {} [r xread block 30 streams s $]
        expr {[clock milliseconds] - $start >= 30}
    } 1
    test "nobody waits inside a transaction" {
        r multi
        r xread block 0 streams s $
        r exec
    } {{}}
    test "an entry that went at once serves nobody" {
        set rd [waiter xread block 0 streams s $]
        r multi
        r xadd s 10 a b
        r xdel s 10
        r exec
        r xadd s 11 a b
        served $rd
    } {{s {{11-0 {a b}}}}}
    test "XREAD goes on waiting when its key goes or becomes something else" {
        set rd [waiter xread block 0 streams s 20]
        r del s
        r set s text
        r del s
        r xadd s 5 a b
        assert_equal 1 [s blocked_clients]
        r xadd s 21 a b
        served $rd
    } {{s {{21-0 {a b}}}}}
    test "CLIENT UNBLOCK ends a wait" {
        set rd [redis_deferring_client]
        $rd client id
        set id [$rd read]
        $rd xread block 0 streams s $
        wait_for_condition 100 10 {[s blocked_clients] == 1} else {fail "it does not wait"}
        assert_equal 1 [r client unblock $id error]
        refused $rd
    } "UNBLOCKED*" {}
    test "XREADGROUP waits, and serves one consumer each" {
        r del s
        r xgroup create s g $ mkstream
        set first [waiter xreadgroup group g a block 0 streams s >]
        set second [waiter xreadgroup group g b block 0 streams s >]
        r xadd s 1 a b
        assert_equal {{s {{1-0 {a b}}}}} [served $first]
        assert_equal 1 [s blocked_clients]
        r xadd s 2 a b
        assert_equal {{s {{2-0 {a b}}}}} [served $second]
        r xpending s g
    } {2 1-0 2-0 {{a 1} {b 1}}}
    foreach {what commands error} {
        "its key is deleted"           {{del s}}                          "NOGROUP No such key 's' or*"
        "its key becomes a string"     {{set s x}}                        "WRONGTYPE*"
        "its group is destroyed"       {{xgroup destroy s g}}             "NOGROUP No such key 's' or*"
        "its key is renamed"           {{rename s t}}                     "NOGROUP*"
        "its key is replaced in MULTI" {multi {del s} {xadd s 1 a b} exec} "NOGROUP*"
        "everything is flushed"        {flushall}                         "NOGROUP*"
        "its key expires"              {{pexpire s 1}}                    "NOGROUP*"
        "databases are swapped"        {{swapdb 9 10}}                    "NOGROUP*"
    } {
        test "who waits with XREADGROUP is told when $what" {
            r select 9
            r del s
            r xgroup create s g $ mkstream
            set rd [waiter xreadgroup group g a block 0 streams s >]
            foreach command $commands {r {*}$command}
            refused $rd
        } $error {}
    }
    test "XREADGROUP of history never waits" {
        r del s
        r xgroup create s g $ mkstream
        r xreadgroup group g a block 0 streams s 0
    } {{s {}}}
    test "RESTORE and RENAME serve who waits" {
        r del s t
        r xadd t 5 a b
        set dump [r dump t]
        set rd [waiter xread block 0 streams s 0]
        r rename t s
        assert_equal {{s {{5-0 {a b}}}}} [served $rd]
        set rd [waiter xread block 0 streams t 0]
        r restore t 0 $dump
        served $rd
    } {{t {{5-0 {a b}}}}}
}

start_server [list tags {stream journal} overrides [list loadmodule $chronicle]] {
    test "an entry is recorded with its id, a trim with what came of it" {
        r config set stream-node-max-entries 2
        set lines [journal {{xadd s * a b} {del s} {xadd s 5 a b} {xadd s 6-* a b} {xadd s 6-* a b}
            {xadd s maxlen ~ 2 7 a b} {xadd s minid ~ 6 limit 1 8 a b} {xadd s maxlen = 3 9 a b}
            {xadd s nomkstream maxlen 3 10 a b} {xadd s 10 a b} {xtrim s maxlen ~ 2}
            {xtrim s minid ~ 100 limit 10} {xtrim s maxlen ~ 5} {xtrim s maxlen 0}}]
        r config set stream-node-max-entries 100
        set lines
    } [list {9 xadd s T-0 a b} {9 del s} {9 xadd s 5 a b} {9 xadd s 6-0 a b} {9 xadd s 6-1 a b} \
        {9 xadd s maxlen = 2 7 a b} {9 xadd s minid = 6-1 limit 1 8 a b} \
        {9 xadd s maxlen = 3 9 a b} {9 xadd s nomkstream maxlen 3 10 a b} \
        {9 xtrim s minid = 18446744073709551615-18446744073709551615 limit 10}]
    test "reading through a group is recorded as what came of it" {
        r del s
        r xadd s 1 a b
        r xadd s 2 a b
        r xadd s 3 a b
        journal {{xgroup create s g 0} {xreadgroup group g c count 2 streams s >}
            {xreadgroup group g c streams s 0} {xreadgroup group g d noack streams s >}
            {xreadgroup group g d streams s >} {xack s g 1} {xack s g 1}}
    } [list {9 xgroup create s g 0} MULTI \
        {9 XCLAIM s g c 0 1-0 TIME T RETRYCOUNT 1 FORCE JUSTID LASTID 1-0} \
        {9 XCLAIM s g c 0 2-0 TIME T RETRYCOUNT 1 FORCE JUSTID LASTID 2-0} \
        {9 XGROUP SETID s g 2-0 ENTRIESREAD 2} EXEC MULTI {9 XGROUP CREATECONSUMER s g d} \
        {9 XGROUP SETID s g 3-0 ENTRIESREAD 3} EXEC {9 xack s g 1}]
    test "claims are recorded one by one" {
        r xdel s 2
        r xadd s 4 a b
        r xadd s 5 a b
        r xreadgroup group g c streams s >
        journal {{xclaim s g e 0 4 2 9} {xclaim s g e 0 4-0 justid time 1000} {xclaim s g e 0 9}
            {xclaim s g e 0 9 lastid 7} {xautoclaim s g f 0 0}}
    } [list MULTI {9 XCLAIM s g e 0 4 TIME T RETRYCOUNT 2 FORCE JUSTID LASTID 5-0} \
        {9 XCLAIM s g c 0 2 TIME T RETRYCOUNT 2 FORCE JUSTID LASTID 5-0} EXEC \
        {9 XCLAIM s g e 0 4-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID LASTID 5-0} \
        {9 XGROUP SETID s g 7-0 ENTRIESREAD 5} MULTI \
        {9 XCLAIM s g f 0 4-0 TIME T RETRYCOUNT 3 FORCE JUSTID LASTID 7-0} \
        {9 XCLAIM s g f 0 5-0 TIME T RETRYCOUNT 2 FORCE JUSTID LASTID 7-0} EXEC]
    test "what a waiting consumer gets is recorded after what served it" {
        r del s
        r xgroup create s g $ mkstream
        r chronicle.journal
        set rd [waiter xreadgroup group g a block 0 streams s >]
        r xadd s 1 a b
        served $rd
        lmap line [r chronicle.journal] {regsub {TIME \d+} $line {TIME T}}
    } [list {9 xadd s 1 a b} MULTI {9 XCLAIM s g a 0 1-0 TIME T RETRYCOUNT 1 FORCE JUSTID LASTID 1-0} \
        {9 XGROUP SETID s g 1-0 ENTRIESREAD 1} EXEC]
    test "changes are announced" {
        r del s
        events {{xadd s 1 a b} {xadd s maxlen 1 2 a b} {xgroup create s g 0}
            {xgroup createconsumer s g c} {xgroup setid s g 0} {xreadgroup group g d streams s >}
            {xack s g 2} {xdel s 2} {xsetid s 9} {xgroup delconsumer s g c} {xgroup destroy s g}
            {xgroup create t g 0 mkstream}}
    } [list [list {9 new s} {9 xadd s} {9 xadd s} {9 xtrim s} {9 xgroup-create s} \
        {9 xgroup-createconsumer s} {9 xgroup-setid s} {9 xgroup-createconsumer s} {9 xdel s} \
        {9 xsetid s} {9 xgroup-delconsumer s} {9 xgroup-destroy s} {9 new t} {9 xgroup-create t}] \
        {{9 s} {9 s} {9 s} {9 t}}]
}

start_server {tags {stream dump}} {
    # One node, 1-1 {a 1} and 2-1 {a 2}, and what follows it.
    r xadd s 1-1 a 1
    r xadd s 2-1 a 2
    r xgroup create s g 0
    r xreadgroup group g c streams s >
    set body [string range [r dump s] 0 end-10]

    test "a payload is loaded whole or not at all" {
        for {set i 0} {$i < [string length $body]} {incr i} {
            assert_error "ERR Bad data*" {r restore k 0 [payload [string range $body 0 $i-1]]}
        }
        r restore k 0 [payload $body]
        r xinfo stream k full
        assert_equal [r dump s] [r dump k]
    }
    test "damage in a payload is found or harmless" {
        set taken 0
        for {set i 1} {$i < [string length $body]} {incr i} {
            foreach byte [list \x00 \x01 \x7f \x80 \xc0 \xf0 \xf4 \xff] {
                set damaged [string replace $body $i $i $byte]
                if {[catch {r restore k 0 [payload $damaged] replace}]} continue
                incr taken
                r xinfo stream k full
                r xrange k - +
                r xrevrange k + -
                catch {r xreadgroup group g c streams k >}
                catch {r xadd k * a b}
                r xtrim k maxlen 1
                r xdel k 1-1 2-1
                r dump k
            }
        }
        assert {$taken > 50}
    }
    test "streams of older and newer files are loaded" {
        r del s k
        r xadd s 1-1 a 1
        r xgroup create s g 0
        r xgroup createconsumer s g c
        set body [string range [r dump s] 1 end-10]
        # 0 length, 1 last id, 3 first id, 5 greatest deleted id, 7 entries added, 8 groups, 9 name,
        # 11 last id, 13 entries read, 22 pending, 23 consumers, 24 name, 26 seen time, 34 pending
        set node [string range $body 0 end-35]
        set rest [string range $body end-34 end]
        set first [string range $rest 0 2][string range $rest 8 12][string range $rest 22 end]
        r restore k 0 [payload "\x0f$node$first"]
        assert_equal {1 1-1} [list [field k entries-added] [field k recorded-first-entry-id]]
        assert_equal [r debug digest-value s] [r debug digest-value k]
        set active [binary format w 1234567890123]
        set third [string range $rest 0 33]$active[string index $rest 34]
        r restore k 0 [payload "\x15$node$third" 11] replace
        set full [lindex [dict get [r xinfo stream k full] groups] 0]
        dict get [lindex [dict get $full consumers] 0] active-time
    } 1234567890123
    test "what is wrong with a payload is told in the log" {
        set node [string range $body 0 end-35]
        set rest [string range $body end-34 end]
        set group [string range $rest 9 end]
        set consumer [string range $rest 24 end]
        set ms [string repeat \0 8]
        set id [string repeat \0 15]\x01
        foreach {damaged reason} [list \
            [string replace $node 18 18 \x40]$rest "Stream listpack integrity check failed" \
            $node[string replace $rest 0 0 \x02] "Stream length inconsistent with rax size" \
            $node[string replace $rest 1 1 \x00] "behind the last ID" \
            $node[string replace $rest 7 7 \x00] "entries added" \
            $node[string replace $rest 8 8 \x02]$group "Duplicated consumer group name" \
            $node[string replace $rest 23 23 \x02]$consumer "Duplicate stream consumer detected" \
            $node[string replace $rest 34 34 \x01]$id "Consumer entry not found in group" \
            $node[string range $rest 0 21]\x01$id$ms\x01[string range $rest 23 end] \
                "PEL entry without consumer" \
            $node[string range $rest 0 21]\x02$id$ms\x01$id$ms\x01[string range $rest 23 end] \
                "Duplicated global PEL entry" \
            $node[string range $rest 0 21]\x01$id$ms\x01[string range $rest 23 33]\x02$id$id \
                "Duplicated consumer PEL entry" \
        ] {
            assert_error "ERR Bad data*" {r restore k 0 [payload \x13$damaged] replace}
            verify_log_message 0 "*$reason*" 0
        }
    }
}

start_server [list tags {stream} overrides [list loadmodule [test_module rewriter]]] {
    # The stream made anew by its own commands: the same entries, ids and groups.
    proc remade key {
        set bytes [r rewriter.commands $key]
        r del $key
        set fd [redis::open_channel [srv host] [srv port]]
        puts -nonewline $fd [redis::encode {select 9}]
        puts -nonewline $fd $bytes
        puts -nonewline $fd [redis::encode {echo done}]
        flush $fd
        while {[set reply [redis::raw_reply_from $fd]] ne "\$4\r\ndone\r\n"} {
            if {[string match "-*" $reply]} {error $reply}
        }
        close $fd
    }
    # All that a stream is but times that commands set by themselves.
    proc facts key {
        set full [r xinfo stream $key full count 0]
        regsub -all {(seen-time|active-time) -?\d+} $full {\1 T}
    }
    proc same_again key {
        set before [facts $key]
        remade $key
        assert_equal $before [facts $key]
    }
    test "an append-only file's commands make the stream again" {
        for {set i 1} {$i <= 250} {incr i} {r xadd s $i-1 field $i [lindex {a b 7} [expr {$i % 3}]] "\0$i\xff"}
        r xdel s 5-1 250-1
        r xgroup create s g 0
        r xgroup create s h 100 entriesread 99
        r xgroup create s unused $
        r xgroup createconsumer s g idle
        r xreadgroup group g c count 30 streams s >
        r xreadgroup group h c count 3 streams s >
        r xreadgroup group h d count 3 streams s >
        r xack s g 1-1 7-1
        r xclaim s h d 0 101-1 retrycount 9
        same_again s
    }
    test "also one that is empty, new or not" {
        r del s t
        r xgroup create s g $ mkstream
        same_again s
        r xadd t 5 a b
        r xadd t 6 a b
        r xdel t 6
        r xtrim t maxlen 0
        same_again t
        r xadd t 5-9 a b
    } "*equal or smaller*" {}
}

start_server {tags {stream aof} overrides {appendonly yes aof-use-rdb-preamble no save {""}}} {
    test "a stream comes back from the append-only file, written or rewritten" {
        r config set stream-node-max-entries 2
        for {set i 0} {$i < 7} {incr i} {r xadd s maxlen ~ 3 limit 2 * a $i}
        r xgroup create s g 0
        r xreadgroup group g c count 2 streams s >
        r xgroup createconsumer s g idle
        set facts {list [r debug digest] [r xinfo groups s] [r xinfo stream s] [r xpending s g]}
        set before [eval $facts]
        r debug loadaof
        assert_equal $before [eval $facts]
        r bgrewriteaof
        waitForBgrewriteaof r
        r debug loadaof
        assert_equal $before [eval $facts]
        r debug reload
        assert_equal $before [eval $facts]
    }
}
