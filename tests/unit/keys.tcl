# keys.tcl - DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, MOVE, COPY, KEYS, RANDOMKEY, OBJECT, WAIT.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit interop.tcl]

start_server {tags {keys}} {
    test "DEL removes keys and counts those that were there" {
        r mset a 1 b 2 c 3
        list [r del a nosuch b a] [r exists a b c]
    } {2 1}

    test "UNLINK does the same" {
        r mset a 1 b [string repeat x 100000]
        list [r unlink a nosuch b a] [r dbsize]
    } {2 1}

    test "DEL and UNLINK do not count keys that have expired" {
        r set a 1 px 1
        r set b 1 px 1
        after 5
        list [r del a] [r unlink b]
    } {0 0}

    test "EXISTS counts a key as often as it is named" {
        r set a 1
        r exists a a nosuch a
    } 3

    test "TOUCH counts keys and renews their access time" {
        r restore old 0 [r dump a] idletime 1000
        assert_range [r object idletime old] 1000 1002
        assert_equal [r touch old nosuch] 1
        assert_range [r object idletime old] 0 2
        r del old
    }

    test "TYPE and EXISTS leave the access time" {
        r restore old 0 [r dump a] idletime 1000
        r type old
        r exists old
        assert_range [r object idletime old] 1000 1002
        r del old
    }

    test "TYPE tells a type, or none" {
        r set a 1
        list [r type a] [r type nosuch]
    } {string none}

    test "keys may be any bytes" {
        r set "a\0b\r\n" x
        r set "" empty
        assert_equal [r get "a\0b\r\n"] x
        assert_equal [r get ""] empty
        r set [set long [string repeat k 100000]] long
        assert_equal [r get $long] long
        r del "a\0b\r\n" "" $long
    } 3

    # ---- RENAME

    test "RENAME moves a value with its expiry" {
        r set a value ex 1000
        assert_equal [r rename a b] OK
        assert_equal [r exists a] 0
        assert_equal [r get b] value
        assert_range [r ttl b] 990 1000
    }

    test "RENAME overwrites, and the new key has the old one's expiry or none" {
        r set a new
        r set b old ex 1000
        r rename a b
        list [r get b] [r ttl b] [r exists a]
    } {new -1 0}

    test "RENAME moves long values and long names" {
        set value [string repeat v 100000]
        set name [string repeat n 1000]
        r set a $value
        r rename a $name
        r rename $name b
        assert_equal [r get b] $value
    }

    test "RENAME of a missing key is an error" {r rename nosuch b} "ERR no such key"
    test "RENAME onto itself of a missing key is an error" {r rename nosuch nosuch} \
        "ERR no such key"
    test "RENAME onto itself changes nothing" {
        r set a 1 ex 1000
        list [r rename a a] [r get a] [expr {[r ttl a] > 900}]
    } {OK 1 1}
    test "RENAMENX refuses a name that is taken" {
        r mset a 1 b 2
        list [r renamenx a b] [r renamenx a a] [r mget a b]
    } {0 0 {1 2}}
    test "RENAMENX takes a free name" {
        r del free
        list [r renamenx a free] [r get free] [r exists a]
    } {1 1 0}
    test "RENAMENX of a missing key is an error" {r renamenx nosuch b} "ERR no such key"
    test "RENAME does not see an expired key" {
        r set a 1 px 1
        after 5
        r rename a b
    } "ERR no such key"

    # ---- MOVE

    test "MOVE takes a key with its expiry to another database" {
        r flushall
        r set a 1
        r set b 2 ex 1000
        assert_equal [r move a 5] 1
        assert_equal [r move b 5] 1
        assert_equal [r dbsize] 0
        r select 5
        assert_equal [r mget a b] {1 2}
        assert_equal [r ttl a] -1
        assert_range [r ttl b] 990 1000
        r flushdb
        r select 9
    } OK

    test "MOVE leaves a key whose name is taken there, and counts missing ones as 0" {
        r set a here
        r select 5
        r set a there
        r select 9
        set moved [list [r move a 5] [r move nosuch 5] [r get a]]
        r select 5
        lappend moved [r get a]
        r select 9
        set moved
    } {0 0 here there}

    test "MOVE refuses databases that are not there" {
        assert_error "ERR DB index is out of range" {r move a 16}
        assert_error "ERR DB index is out of range" {r move a -1}
        assert_error "ERR value is not an integer or out of range" {r move a x}
        assert_error "ERR value is out of range, value must between -2147483648 and 2147483647" {
            r move a 3000000000
        }
        assert_error "ERR source and destination objects are the same" {r move a 9}
        r get a
    } here

    # ---- COPY

    test "COPY copies a value and its expiry" {
        r flushall
        r set a value ex 1000
        assert_equal [r copy a b] 1
        r append a more
        assert_equal [r mget a b] {valuemore value}
        assert_range [r ttl b] 990 1000
    }

    test "COPY copies integers, long and binary values" {
        foreach value [list 42 [string repeat v 100000] "a\0b\r\n" "" [string repeat x 1000]] {
            r set a $value
            r copy a b replace
            assert_equal [r get b] $value
            assert_equal [r object encoding b] [r object encoding a]
        }
    }

    test "COPY replaces only when told to" {
        r set a new
        r set b old ex 1000
        list [r copy a b] [r get b] [r copy a b replace] [r get b] [r ttl b]
    } {0 old 1 new -1}

    test "Random members in numbers that nobody can hold: refused where there are any" {
        r del h s z nosuch
        r hset h f v
        r sadd s m
        r zadd z 1 m
        r set str x
        foreach {command key} {hrandfield h srandmember s zrandmember z} {
            assert_equal {} [r $command nosuch -9223372036854775807]
            assert_equal {} [r $command nosuch -16777217]
            assert_error "WRONGTYPE*" {r $command str -16777217}
            assert_error "ERR value is out of range" {r $command $key -16777217}
        }
        foreach {command with} {hrandfield withvalues zrandmember withscores} {
            assert_equal {} [r $command nosuch -4611686018427387903 $with]
            assert_error "ERR value is out of range" {r $command nosuch -4611686018427387904 $with}
            assert_equal {} [r $command nosuch 4611686018427387903 $with]
            assert_error "ERR value is out of range" {r $command nosuch 4611686018427387904 $with}
        }
        r del h s z str
    } 4

    test "COPY of large values: all of them are there, and the two are apart" {
        r del h s z
        for {set i 0} {$i < 3000} {incr i} {
            r hset h field:$i [string repeat v [expr {$i % 300}]]
            r sadd s [string repeat m [expr {$i % 260}]]$i
            r zadd z [expr {$i * 7919 % 1000}] member:$i
            if {$i % 500 && $i < 2990} continue
            # At every stage of a table's growth.
            foreach key {h s z} {
                assert_equal 1 [r copy $key $key-copy replace]
                assert_equal [r debug digest-value $key] [r debug digest-value $key-copy]
            }
        }
        assert_equal [r zrange z 0 -1 withscores] [r zrange z-copy 0 -1 withscores]
        assert_equal [r zrank z member:77] [r zrank z-copy member:77]
        foreach {key remove} {h hdel s srem z zrem} {
            set before [r debug digest-value $key]
            set members [r [dict get {h hkeys s smembers z {zrange}} $key] $key \
                             {*}[expr {$key eq "z" ? {0 -1} : {}}]]
            assert_equal [llength $members] [r $remove $key-copy {*}$members]
            assert_equal 0 [r exists $key-copy]
            assert_equal $before [r debug digest-value $key]
            r copy $key $key-copy
            r del $key
            assert_equal $before [r debug digest-value $key-copy]
        }
        r del h-copy s-copy z-copy
    } 3

    test "COPY into another database" {
        r set a value
        assert_equal [r copy a a db 4] 1
        assert_equal [r copy a a db 4] 0
        assert_equal [r copy a a replace db 4] 1
        r select 4
        set got [r get a]
        r flushdb
        r select 9
        set got
    } value

    test "COPY refuses what makes no sense" {
        assert_equal [r copy nosuch b] 0
        assert_error "ERR source and destination objects are the same" {r copy a a}
        assert_error "ERR source and destination objects are the same" {r copy a a db 9}
        assert_error "ERR syntax error" {r copy a b db}
        assert_error "ERR syntax error" {r copy a b nosuch}
        assert_error "ERR DB index is out of range" {r copy a b db 49}
        assert_error "ERR value is not an integer or out of range" {r copy a b db x}
        assert_error "ERR value is out of range*" {r copy a b db 3000000000}
    }

    # ---- KEYS, RANDOMKEY

    test "KEYS finds names by pattern" {
        r flushall
        r mset hello 1 hallo 2 hxllo 3 hllo 4 other 5 {a]c} 6 {a\c} 7 ^ 8
        foreach {pattern names} {
            h?llo {hello hallo hxllo}   h[ae]llo {hello hallo}   h[^e]llo {hallo hxllo}
            h[a-f]llo {hello hallo}     h[f-a]llo {hello hallo}  h*llo {hello hallo hxllo hllo}
            hllo hllo                   *ll* {hello hallo hxllo hllo}   {a[\]]c} {a]c}
            {a\\c} {{a\c}}              {[\^]} ^                 {[^} ^
            {} {}                       nosuch* {}               *** {hello hallo hxllo hllo other
                                                                      a]c {a\c} ^}
        } {
            assert_equal [lsort [r keys $pattern]] [lsort $names] $pattern
        }
    }

    test "KEYS * names every key once, also of a big database" {
        r flushall
        populate 20000 key: 3
        set names [r keys *]
        list [llength $names] [llength [lsort -unique $names]] [llength [r keys key:1999?]]
    } {20000 20000 10}

    test "KEYS leaves expired keys out" {
        r flushall
        r set a 1
        r set b 1 px 1
        after 5
        r keys *
    } a

    test "KEYS and the empty name: only a lone star finds it" {
        r flushall
        r set "" 1
        list [r keys *] [r keys **] [r keys ""]
    } {{{}} {} {{}}}

    test "a pattern that makes other matchers run for ever ends soon" {
        r flushall
        r set [string repeat a 50000] 1
        set pattern [string repeat "a*" 20000]b
        assert_lessthan [elapsed_ms {r keys $pattern}] 2000
        r flushall
    } OK

    test "RANDOMKEY of an empty database is null" {r randomkey} {}
    test "RANDOMKEY names all keys sooner or later" {
        r mset a 1 b 2 c 3
        for {set i 0} {$i < 200} {incr i} {set seen([r randomkey]) 1}
        lsort [array names seen]
    } {a b c}
    test "RANDOMKEY does not name expired keys" {
        r flushall
        for {set i 0} {$i < 20} {incr i} {r set key$i 1 px 1}
        after 5
        list [r randomkey] [r dbsize]
    } {{} 0}

    # ---- OBJECT

    test "OBJECT ENCODING tells how a string is kept" {
        r set a 12345
        r set b short
        r set c [string repeat x 45]
        list [r object encoding a] [r object encoding b] [r object encoding c] \
             [r object encoding nosuch]
    } {int embstr raw {}}

    test "OBJECT of a missing key is null" {
        list [r object freq nosuch] [r object idletime nosuch] [r object refcount nosuch]
    } {{} {} {}}

    test "OBJECT IDLETIME counts seconds without an access" {
        r restore old 0 [r dump a] replace idletime 500
        assert_range [r object idletime old] 500 502
        r get old
        assert_range [r object idletime old] 0 2
    }

    test "OBJECT FREQ needs an LFU policy" {r object freq a} \
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked.*"
    test "OBJECT REFCOUNT tells 1 for what is not shared" {r object refcount b} 1
    test "OBJECT HELP lists the subcommands" {
        set text [r object help]
        foreach word {ENCODING FREQ IDLETIME REFCOUNT HELP} {
            assert_match "*$word*" $text
        }
        lindex $text 0
    } {OBJECT <subcommand> \[<arg> \[value\] \[opt\] ...\]. Subcommands are:}
    test "OBJECT refuses unknown subcommands and missing arguments" {
        assert_error "ERR unknown subcommand 'foo'. Try OBJECT HELP." {r object foo}
        assert_error "ERR wrong number of arguments for 'object|encoding' command" {
            r object encoding
        }
        assert_error "ERR wrong number of arguments for 'object' command" {r object}
    }

    # ---- WAIT

    test "WAIT for no replica returns at once" {r wait 0 0} 0
    test "WAIT blocks until its time is up" {
        assert_range [elapsed_ms {assert_equal [r wait 1 200] 0}] 190 2000
    }
    test "WAIT lets the other clients go on" {
        set rd [redis_deferring_client]
        $rd wait 1 0
        wait_for_blocked_client
        assert_equal [r ping] PONG
        $rd close
        wait_for_blocked_clients_count 0
    }
    test "WAIT refuses bad arguments" {
        assert_error "ERR value is not an integer or out of range" {r wait x 1}
        assert_error "ERR timeout is not an integer or out of range" {r wait 1 x}
        assert_error "ERR timeout is negative" {r wait 1 -1}
    }
    test "WAITAOF without an append-only file has nothing to wait for" {
        assert_equal [r waitaof 0 0 0] {0 0}
        assert_range [elapsed_ms {assert_equal [r waitaof 0 1 100] {0 0}}] 90 2000
        assert_error "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled." {
            r waitaof 1 0 0
        }
        assert_error "ERR value is out of range, value must between 0 and 1" {r waitaof 2 0 0}
        assert_error "ERR value is out of range, must be positive" {r waitaof 0 -1 0}
        assert_error "ERR timeout is negative" {r waitaof 0 0 -1}
    }
}

start_pair {tags {keys interop}} {
    except "keys *" unordered "the order of keys is the table's"
    foreach protocol {2 3} {
        test "keys commands reply as the real server, in RESP$protocol" {
            same_all [list [list hello $protocol] {flushall} {mset a 1 b 2 c 3} {del a nosuch}]
            same_all {
                {del} {exists} {exists b b} {touch b x} {touch} {type b} {type nosuch} {type}
                {unlink c c} {rename b d} {rename b d} {rename d} {renamenx d e} {renamenx e e}
                {copy e f} {copy e f} {copy e f replace} {copy e f x} {copy e f db} {copy e f db 1}
                {copy e e} {copy e e db 1} {copy e e db x} {copy e e db 77} {move e 1} {move f 2}
                {move f 2} {move f 0} {move f x} {move f 16} {keys *} {keys} {keys e*} {randomkey x}
                {object} {object encoding e} {object encoding} {object x} {object encoding nosuch}
                {object freq e} {object freq nosuch} {object idletime nosuch} {object refcount nosuch}
                {persist e} {persist} {select 1} {keys *} {flushdb} {select 0} {wait 0 0} {wait x 0}
                {wait 0 x} {wait 0 -1} {randomkey} {flushall} {randomkey} {exists nosuch}
            }
        }
    }
    test "patterns find what they find in the real server" {
        same_all {{flushall} {mset hello 1 hallo 2 hxllo 3 hllo 4 a]c 5 a\\c 6 ^ 7 - 8 [ 9 "" 0}}
        foreach pattern [list * ** h?llo {h[ae]llo} {h[^e]llo} {h[a-f]llo} {h[f-a]llo} \[ \[^ \[\] \
            \[^\] {[\]} {a[\]]c} {a[]-a]c} "a\\\\c" "a\\c" "\\" {[\^]} \[a- {[-a]} {*[^l]o} {h*l*o} \
            {*?*?*} {[[]} ? "\\\[" ""] {
            same keys $pattern
        }
    }
}
