# api_stream.tcl - the interface "stream": what it does is what the commands of streams see.

start_server [with_module api_stream] {
    proc ids entries {lmap entry $entries {lindex $entry 0}}

    test "entries are added with an id, or with one that is made" {
        assert_match {1????????????-0} [r log.add a * f v]
        r del a
        assert_equal 5-2 [r log.add a 5-2 f v 12 34]
        assert_equal 6-0 [r log.add a 6 f w]
        assert_error "ERR not greater" {r log.add a 6 f w}
        assert_error "ERR that is no id" {r log.add a x f w}
        assert_equal {2 6-0} [r log.facts a]
        r xrange a - +
    } {{5-2 {f v 12 34}} {6-0 {f w}}}
    test "a walk sees ids, numbers of pairs and fields, both ways" {
        assert_equal {{5-2 2 f v 12 34} {6-0 1 f w}} [r log.walk a 0 9 forth]
        assert_equal {{6-0 1 f w} {5-2 2 f v 12 34}} [r log.walk a 0 9 back]
        assert_equal {{5-2 2 f v 12 34}} [r log.walk a 5 5 back]
        r log.walk a 5-3 5 forth
    } {}
    test "who waits for entries is served by an addition" {
        set rd [redis_deferring_client]
        $rd xread block 0 streams a $
        wait_for_condition 100 10 {[s blocked_clients] == 1} else {fail "it does not wait"}
        r log.add a 7 f x
        set reply [$rd read]
        $rd close
        set reply
    } {{a {{7-0 {f x}}}}}
    foreach direction {forth back} {
        foreach size {1 3 100 1000} {
            test "entries are removed during a walk $direction (nodes of $size)" {
                r config set stream-node-max-entries $size
                r del a
                for {set i 1} {$i <= 400} {incr i} {r xadd a $i f $i}
                set all [ids [r xrange a - +]]
                if {$direction eq "back"} {set all [lreverse $all]}
                assert_equal $all [ids [r log.walk a 0 1000 $direction drop]]
                set kept {}
                foreach {keep drop} $all {lappend kept $keep}
                assert_equal $kept [ids [r log.walk a 0 1000 $direction]]
                assert_equal {200 400-0} [r log.facts a]
                set facts [r xinfo stream a]
                assert_equal [lindex [lsort -dictionary $kept] 0] \
                    [dict get $facts recorded-first-entry-id]
                dict get $facts max-deleted-entry-id
            } [expr {$direction eq "forth" ? "400-0" : "399-0"}]
        }
    }
    test "single entries are removed, and trims evict by length and by id" {
        r config set stream-node-max-entries 10
        r del a
        for {set i 1} {$i <= 100} {incr i} {r xadd a $i f $i}
        assert_equal {1 0} [list [r log.drop a 50] [r log.drop a 50]]
        assert_equal 9 [r log.trim a length 90 exact]
        assert_equal 1 [r log.trim a length 85 nodes]
        assert_equal 10 [r log.trim a length 75 nodes]
        assert_equal 10 [r log.trim a id 31 nodes]
        assert_equal 4 [r log.trim a id 35 exact]
        list [r log.facts a] [lindex [ids [r xrange a - +]] 0]
    } {{65 100-0} 35-0}
    test "a key of another type is refused" {
        r set k x
        r log.add k * f v
    } "WRONGTYPE*" {}
}
