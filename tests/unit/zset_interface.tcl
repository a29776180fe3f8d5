# zset_interface.tcl - the interface "zset" gives other modules what the commands give clients.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

start_server [with_module ranker] {
    foreach entries {128 0} {
        r config set zset-max-listpack-entries $entries

        test "adding with flags tells what became of the member ($entries)" {
            r del z
            # NX 1, XX 2, GT 4, LT 8, INCR 16
            list [r ranker.add z 1 a] [r ranker.add z 1 a] [r ranker.add z 2 a] [r ranker.add z 3 a 1] \
                [r ranker.add z 3 b 2] [r ranker.add z 1 a 4] [r ranker.add z 5 a 4] [r ranker.add z 9 a 8] \
                [r ranker.add z 1.5 a 16] [r ranker.add z inf i] [r ranker.add z -inf i 16] [r ranker.add z 7 n 16]
        } {{added 1} {unchanged 1} {updated 2} {skipped 2} {skipped -1} {skipped 2} {updated 5} {skipped 5}\
            {updated 6.5} {added inf} {nan inf} {added 7}}
        test "ranks, scores, removal ($entries)" {
            set out [list [r ranker.facts z n] [r ranker.facts z nosuch] [r ranker.facts nosuch x]]
            lappend out [r ranker.at z 0] [r ranker.at z 0 rev] [r ranker.at z 3] [r ranker.rem z a] [r ranker.rem z a]
            r ranker.rem z n
            r ranker.rem z i
            lappend out [r exists z]
        } {{3 1 1 7} {3 -1 -1 -1} {0 -1 -1 -1} {a 6.5} {i inf} {} 1 0 0}
        test "ranges of scores, both ways, are those of ZRANGE ($entries)" {
            r del z
            for {set i 0} {$i < 100} {incr i} {r zadd z [expr {($i * 37) % 40 / 2.0}] m$i}
            foreach {min max} {-inf +inf 3 7 (3 7 3 (7 (3 (7 5 5 (5 5 7 3 19.5 inf 20 30 -5 -1} {
                assert_equal [r ranker.walk z score $min $max] [r zrange z $min $max byscore]
                assert_equal [r ranker.walk z score $min $max rev] [r zrange z $max $min byscore rev]
                assert_equal [r ranker.count z score $min $max] [r zcount z $min $max]
            }
        }
        test "ranges of bytes, both ways, too ($entries)" {
            r del z
            for {set i 0} {$i < 100} {incr i} {r zadd z 1 m[expr {$i * 37 % 1000}]}
            foreach {min max} {- + \[m1 \[m5 (m111 (m5 \[m999 + - \[m \[m37 \[m37 (m37 \[m37 + -} {
                assert_equal [r ranker.walk z lex $min $max] [r zrange z $min $max bylex]
                assert_equal [r ranker.walk z lex $min $max rev] [r zrange z $max $min bylex rev]
                assert_equal [r ranker.count z lex $min $max] [r zlexcount z $min $max]
            }
        }
        test "every rank has its member ($entries)" {
            set i 0
            foreach m [r zrange z 0 -1] {
                assert_equal [lindex [r ranker.at z $i] 0] $m
                assert_equal [lindex [r ranker.at z [expr {99 - $i}] rev] 0] $m
                incr i
            }
            set i
        } 100
        test "a result is stored, an empty one deletes ($entries)" {
            r set d string
            list [r ranker.store d 2 b 1 a] [r zrange d 0 -1] [r object encoding d] [r ranker.store d] [r exists d]
        } [list 2 {a b} [expr {$entries ? "listpack" : "skiplist"}] 0 0]
    }
    test "what is stored wakes those who wait" {
        set rd [redis_deferring_client]
        $rd bzpopmin d 0
        wait_for_condition 100 10 {[s blocked_clients] == 1} else {fail "nobody waits"}
        r ranker.store d 1 x
        set out [$rd read]
        $rd close
        set out
    } {d x 1}
}
