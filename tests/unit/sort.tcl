# SORT and SORT_RO over lists, sets and sorted sets: by themselves, by weights, parts of them, with
# values of other keys, stored.

start_server {tags {"sort"}} {
    proc fill {key values} {
        r del $key
        r rpush $key {*}$values
    }

    test "SORT orders a list by number" {
        fill l {10 9 2.5 -3 1e2}
        list [r sort l] [r sort l desc]
    } {{-3 2.5 9 10 1e2} {1e2 10 9 2.5 -3}}

    test "SORT orders members of a set and of a sorted set by themselves, not by their scores" {
        r sadd s 3 1 2
        r zadd z 1 30 2 20 3 10
        list [r sort s] [r sort z] [r sort z desc]
    } {{1 2 3} {10 20 30} {30 20 10}}

    test "SORT of equal numbers goes on by their bytes" {
        fill l {1.0 1 +1 1e0}
        r sort l
    } {+1 1 1.0 1e0}

    test "SORT ALPHA orders by text" {
        fill l {b 10 a 9 c}
        list [r sort l alpha] [r sort l alpha desc]
    } {{10 9 a b c} {c b a 9 10}}

    test "SORT ALPHA STORE orders by bytes" {
        fill l {b a C B}
        r sort l alpha store d
        r lrange d 0 -1
    } {B C a b}

    test "SORT refuses elements that are no numbers" {
        fill l {1 2 x}
        assert_error "*scores can't be converted into double*" {r sort l}
    }

    test "SORT reads numbers as C does: empty is 0, spaces lead, hexadecimal counts" {
        fill l [list "" 1 " 2" 0x3 -1]
        r sort l
    } [list -1 "" 1 " 2" 0x3]

    test "SORT refuses NaN and numbers out of range" {
        fill l {nan 1}
        assert_error "*converted*" {r sort l}
        fill l {1e999 1}
        assert_error "*converted*" {r sort l}
    }

    test "SORT of a missing key is empty" {
        r del none
        list [r sort none] [r sort none limit 0 10] [r sort none alpha by w_*]
    } {{} {} {}}

    test "SORT of what is no collection is refused" {
        r set str x
        assert_error "WRONGTYPE*" {r sort str}
        r hset hash f v
        assert_error "WRONGTYPE*" {r sort hash}
        assert_error "WRONGTYPE*" {r sort_ro hash}
    }

    test "LIMIT shows a part, whatever it asks for" {
        fill l {5 4 3 2 1}
        list [r sort l limit 1 2] [r sort l limit 3 100] [r sort l limit 9 2] [r sort l limit -2 2] \
            [r sort l limit 0 0] [r sort l limit 2 -1] [r sort l limit 0 2 limit 4 5]
    } {{2 3} {4 5} {} {1 2} {} {3 4 5} 5}

    test "BY a key's value orders by weight, a missing weight is 0" {
        fill l {1 2 3 4}
        r mset w_1 30 w_2 10 w_3 -5
        list [r sort l by w_*] [r sort l by w_* desc] [r sort l by w_* get # get w_*]
    } {{3 4 2 1} {1 2 4 3} {3 -5 4 {} 2 10 1 30}}

    test "BY a hash's field" {
        r hset h_1 n 3
        r hset h_2 n 2
        r hset h_3 n 1
        fill l {1 2 3}
        list [r sort l by h_*->n] [r sort l by h_*->n get h_*->n] [r sort l by h_*->none]
    } {{3 2 1} {1 2 3} {1 2 3}}

    test "BY ALPHA orders by the weight's text, missing ones first" {
        fill l {1 2 3}
        r mset t_1 b t_2 a
        list [r sort l by t_* alpha] [r sort l by t_* alpha desc]
    } {{3 2 1} {1 2 3}}

    test "BY a weight of another type, or a field of a key that is no hash, counts as missing" {
        fill l {2 1}
        r del w_1 w_2
        r rpush w_1 x
        r set w_2 5
        list [r sort l by w_*] [r sort l by w_*->f] [r sort l get w_* get w_*->f]
    } {{1 2} {1 2} {{} {} 5 {}}}

    test "BY a pattern without a star keeps the order of lists and sorted sets" {
        fill l {3 1 2}
        r del z
        r zadd z 1 c 2 a 3 b
        list [r sort l by nosort] [r sort l by nosort desc] [r sort z by nosort] \
            [r sort z by nosort desc] [r sort z by nosort limit 1 1] [r sort z by nosort desc limit 0 2] \
            [r sort l by nosort desc limit 1 2] [r sort l by nosort limit 5 1]
    } {{3 1 2} {2 1 3} {c a b} {b a c} a {b a} {1 3} {}}

    test "BY a pattern without a star still orders a set that is stored" {
        r del s
        r sadd s e d c b a
        r sort s by nosort store d
        r lrange d 0 -1
    } {a b c d e}

    test "GET without a star gives nothing, GET # the element" {
        fill l {2 1}
        list [r sort l get nothing] [r sort l get #] [r sort l get # get nothing get #]
    } {{{} {}} {1 2} {1 {} 1 2 {} 2}}

    test "A pattern's arrow at its end belongs to the key's name" {
        fill l 1
        r set "p_1->" whole
        r sort l get p_*->
    } {whole}

    test "GET with more patterns than fit in advance" {
        fill l {1 2}
        set words {}
        for {set i 0} {$i < 20} {incr i} {lappend words get #}
        llength [r sort l {*}$words]
    } 40

    test "STORE replaces any key with a list and tells its length" {
        fill l {3 1 2}
        r set d string
        r expire d 100
        list [r sort l store d] [r lrange d 0 -1] [r ttl d] [r type d]
    } {3 {1 2 3} -1 list}

    test "STORE of nothing deletes the key" {
        list [r sort none store d] [r exists d] [r sort none store d]
    } {0 0 0}

    test "STORE writes empty strings for what GET does not find" {
        fill l {1 2}
        r del w_1
        r set w_2 x
        r sort l get w_* store d
        r lrange d 0 -1
    } {{} x}

    test "STORE into the key itself" {
        fill l {3 1 2}
        r sort l store l
        r lrange l 0 -1
    } {1 2 3}

    test "The last STORE counts, for the handler and for the keys" {
        fill l {2 1}
        r del d1 d2
        r sort l store d1 store d2
        list [r exists d1] [r exists d2] [r command getkeys sort l store d1 store d2] \
            [r command getkeys sort l by w_* get store limit 1 2]
    } {0 1 {l d2} l}

    test "SORT_RO sorts and refuses STORE" {
        fill l {2 1}
        assert_equal {1 2} [r sort_ro l]
        assert_error "*syntax error*" {r sort_ro l store d}
    }

    test "Options that lack their argument are a syntax error" {
        foreach words {{limit 1} by get store foo {alpha bar}} {
            assert_error "*syntax error*" {r sort l {*}$words}
        }
        assert_error "*not an integer*" {r sort l limit a 1}
        assert_error "*not an integer*" {r sort l limit 0 9223372036854775808}
    }

    test "STORE wakes who waits for the list" {
        r del d
        fill l {2 1}
        set rd [redis_deferring_client]
        $rd blpop d 10
        wait_for_blocked_client
        r sort l store d
        set got [$rd read]
        $rd close
        list $got [r lrange d 0 -1]
    } {{d 1} 2}

    test "SORT of 100,000 elements by weights" {
        r flushdb
        set numbers {}
        for {set i 0} {$i < 100000} {incr i} {lappend numbers [expr {($i * 7919) % 100003}]}
        for {set i 0} {$i < 100000} {incr i 5000} {r rpush l {*}[lrange $numbers $i [expr {$i + 4999}]]}
        assert_equal [lsort -integer $numbers] [r sort l]
        r sort l desc store d
        r llen d
    } 100000

    test "Elements of a list that is compressed and of one that holds giants" {
        r config set list-compress-depth 1
        r del l
        for {set i 0} {$i < 2000} {incr i} {r rpush l [expr {2000 - $i}]}
        assert_equal 1 [lindex [r sort l] 0]
        r config set list-compress-depth 0
        set giant [string repeat x 100000]
        r del l
        r rpush l b$giant a$giant
        string range [lindex [r sort l alpha] 0] 0 1
    } ax

    test "locale-collate takes names of locales only" {
        assert_equal {locale-collate {}} [r config get locale-collate]
        assert_error "*Invalid locale*" {r config set locale-collate no_SUCH}
        r config set locale-collate C
    } OK
}
