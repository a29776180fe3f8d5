# stream.tcl - streams beside the real server: errors word by word, what replicas are sent, payloads
# of both, loaded by both. Random commands are in random.tcl, with grammar/stream.tcl.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit replication.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

except "xpending *" clocks "idle times are each server's own"

# Errors whose arguments random commands seldom hit.
set errors {
    {xadd} {xadd s} {xadd s *} {xadd s * a} {xadd s * a b c} {xadd s 0 a b} {xadd s 0-0 a b}
    {xadd s maxlen} {xadd s maxlen 1 minid 2 1 a b} {xadd s maxlen x 1 a b} {xadd s limit 1 1 a b}
    {xadd s maxlen ~ 1 limit -1 1 a b} {xadd s maxlen 1 limit 1 1 a b} {xadd s minid ~ - 1 a b}
    {xadd s nomkstream} {xadd s nomkstream 1 a b} {xadd s 1-* a b} {xadd s 1-** a b}
    {xadd s 18446744073709551616 a b} {xadd s -1 a b} {xadd s 1-1-1 a b} {xadd s " 9" a b}
    {xtrim s} {xtrim s maxlen} {xtrim s foo 1} {xtrim s maxlen = 1 limit 1} {xtrim s limit 1 maxlen ~ 1}
    {xrange s - + count} {xrange s - + count x} {xrange s (- +} {xrange s ( +} {xrange s - (0-0}
    {xrange s (18446744073709551615-18446744073709551615 +} {xrange s - + count 0}
    {xdel s x} {xdel s 1 -} {xsetid nosuch 1} {xsetid s -} {xsetid s 1 entriesadded}
    {xsetid s 5 maxdeletedid 6} {xsetid s 5 entriesadded -1} {xsetid s 99 entriesadded 0}
    {xread streams} {xread streams s} {xread count x streams s 0} {xread count 1 s 0} {xread foo}
    {xread streams s >} {xread group g c streams s 0} {xread noack streams s 0}
    {xreadgroup streams s >} {xreadgroup group g c foo bar baz} {xreadgroup group g c streams s $}
    {xreadgroup group nosuch c streams s >} {xreadgroup group g c streams nosuch >}
    {xgroup create s g 0} {xgroup create nosuch g 0} {xgroup create s g x} {xgroup create s g -}
    {xgroup create s h 0 entriesread} {xgroup create s h 0 entriesread x mkstream}
    {xgroup setid s g -} {xgroup setid s nosuch 0} {xgroup setid s g 0 mkstream} {xgroup foo s g}
    {xgroup destroy nosuch g} {xgroup createconsumer s nosuch c} {xgroup delconsumer s nosuch c}
    {xgroup} {xgroup help x} {xgroup create} {xgroup destroy s} {xgroup createconsumer s g c d}
    {xinfo} {xinfo stream} {xinfo stream nosuch} {xinfo stream s foo} {xinfo stream s full count}
    {xinfo stream s full count x} {xinfo stream s full foo 1} {xinfo groups nosuch}
    {xinfo consumers s nosuch} {xinfo consumers nosuch g} {xinfo groups s x}
    {xack s g x} {xack nosuch g x} {xack s nosuch 1} {xpending s nosuch} {xpending nosuch g}
    {xpending s g -} {xpending s g - +} {xpending s g - + x} {xpending s g x + 1}
    {xpending s g idle 1} {xpending s g idle x - + 1} {xpending s g idle 1 - +}
    {xpending s g - + 1 c d e} {xpending s g (18446744073709551615-18446744073709551615 + 1}
    {xclaim s g c x 1} {xclaim s nosuch c 0 1} {xclaim s g c 0 1 foo} {xclaim s g c 0 1 idle}
    {xclaim s g c 0 1 idle x} {xclaim s g c 0 1 time x} {xclaim s g c 0 1 retrycount x}
    {xclaim s g c 0 1 lastid x} {xclaim s g c 0 foo} {xautoclaim s g c x 0} {xautoclaim s g c 0 x}
    {xautoclaim s g c 0 0 count 0} {xautoclaim s g c 0 0 count x} {xautoclaim s g c 0 0 foo}
    {xautoclaim s nosuch c 0 0} {xautoclaim nosuch g c 0 0} {xautoclaim s g c 0 0 count}
}

start_pair {overrides {save {""} rdbcompression no} tags {interop stream}} {
    foreach proto {2 3} {
        test "errors are the same (RESP$proto)" {
            pair::reconnect
            same_all [list {flushall} [list hello $proto] {xadd s 5 a b} {xgroup create s g 0}]
            same_all $errors
            same_all {{xrange s - +} {set t x} {xadd t 1 a b} {xinfo stream t} {xgroup create t g 0}}
        }
    }

    test "payloads of many nodes and groups go both ways" {
        pair::reconnect
        same_all {{flushall} {select 9} {config set stream-node-max-entries 10}}
        for {set i 1} {$i <= 300} {incr i} {
            same xadd s $i-[expr {$i % 3}] [lindex {a b 7} [expr {$i % 11 % 3}]] [expr {$i * $i * $i - 999}] \
                text [string repeat [format %c [expr {64 + $i % 60}]] [expr {$i % 90}]]
            if {$i % 5 == 0} {same xdel s [expr {$i - 3}]-[expr {($i - 3) % 3}]}
        }
        same_all {{xgroup create s g 0} {xgroup create s 12 100 entriesread 80}
            {xreadgroup group g c1 count 100 streams s >} {xreadgroup group g c2 count 50 streams s >}
            {xreadgroup group 12 -5 count 20 streams s >} {xack s g 1-1 3-0 4-1} {xdel s 6-0}}
        foreach {from to} {0 -1 -1 0} {
            set dump [r $from dump s]
            foreach level {0 -1} {r $level restore copy 0 $dump replace}
            same dump copy
            same xrange copy - +
            same xpending copy g
            same xpending copy 12 - + 100 -5
            assert_equal [r $to debug digest-value copy] [r $from debug digest-value s]
        }
        same config set stream-node-max-entries 100
    }
}

# What a replica of the real server gets for these commands, and what ours would.
start_pair [list overrides [list save {""}] tags {interop stream}] {
    r module load $chronicle
    set real [attach_to_replication_stream -1]

    proc ours {} {
        set out {}
        foreach line [r chronicle.journal] {
            if {$line in {MULTI EXEC}} continue
            lappend out [string tolower [regsub -all {\m1\d{12}\M} [lrange $line 1 end] t]]
        }
        return $out
    }
    proc theirs real {
        set out {}
        r -1 set end end
        while 1 {
            set words [string tolower [read_from_replication_stream $real]]
            if {[lindex $words 0] in {multi exec select ping}} continue
            if {$words eq "set end end"} {return $out}
            lappend out [regsub -all {\m1\d{12}\M} $words t]
        }
    }
    test "both tell their replicas the same" {
        r chronicle.journal
        theirs $real
        set commands {
            {config set stream-node-max-entries 3}
            {xadd s * a b} {del s} {xadd s 1-* a b} {xadd s 1-* a b} {xadd s 2 a b} {xadd s 3 a b}
            {xadd s maxlen ~ 2 4 a b} {xadd s maxlen 9 5 a b} {xadd s minid ~ 3 limit 5 6 a b}
            {xadd s maxlen ~ 1 limit 2 7-* a b} {xtrim s maxlen ~ 100} {xtrim s maxlen ~ 3}
            {xtrim s minid ~ 6} {xtrim s minid 6} {xdel s 6} {xdel s 6} {xadd s 8 a b} {xadd s 9 a b}
            {xadd s 10 a b} {xgroup create s g 0} {xgroup create s g 0} {xgroup setid s g 0}
            {xgroup createconsumer s g c} {xgroup createconsumer s g c} {xgroup delconsumer s g c}
            {xreadgroup group g c count 1 noack streams s >} {xreadgroup group g d noack streams s >}
            {xadd s 11 a b} {xadd s 12 a b} {xadd s 13 a b} {xadd s 14 a b} {xgroup setid s g 10}
            {xclaim s g e 0 11 force} {xclaim s g e 0 12 force justid time 5000 retrycount 3}
            {xclaim s g f 0 11 12 idle 0} {xclaim s g f 0 99} {xclaim s g f 0 99 lastid 13}
            {xdel s 12} {xautoclaim s g h 0 - count 5} {xautoclaim s g h 0 - justid} {xack s g 11 12}
            {xack s g 11} {xsetid s 20 entriesadded 30 maxdeletedid 15} {xgroup destroy s g}
            {xgroup destroy s g} {xgroup create m g $ mkstream} {copy s t} {rename t u}
        }
        foreach command $commands {
            foreach level {0 -1} {catch {r $level {*}$command}}
            assert_equal [ours] [theirs $real] $command
        }
    }
    test "and of what a consumer reads, ours also the count of entries read" {
        foreach level {0 -1} {
            r $level del s
            r $level xadd s 1 a b
            r $level xadd s 2 a b
            r $level xgroup create s g 0
        }
        ours
        theirs $real
        foreach level {0 -1} {r $level xreadgroup group g c streams s >}
        set told [ours]
        assert_equal "xgroup setid s g 2-0 entriesread 2" [lindex $told end]
        assert_equal [lrange $told 0 end-1] [theirs $real]
    }
    close_replication_stream $real
}
