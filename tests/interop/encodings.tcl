# encodings.tcl - every encoding of every type, small, large, shrunk and at its thresholds: the same
# commands make the same encoding here and there; it is the same after DEBUG RELOAD, after DUMP and
# RESTORE in both directions, and after a snapshot of either is loaded by the other.
#
# Lists and sets of strings that are small are listpacks since 7.2: the exception of OBJECT ENCODING
# (see interop.tcl).

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# {name commands}: "K" in a command is the key.
set forms {}

proc form {name args} {
    lappend ::forms $name $args
}

proc numbers {from to} {
    set out {}
    for {set i $from} {$i <= $to} {incr i} {lappend out $i}
    return $out
}

# `count` words that begin with `head`, all `length` bytes long.
proc words {count {length 8} {head w}} {
    set out {}
    for {set i 0} {$i < $count} {incr i} {
        lappend out [string range $head$i[string repeat [format %c [expr {97 + $i % 26}]] $length] 0 $length-1]
    }
    return $out
}

# The words, each followed by a number (hashes) or after one (sorted sets).
proc pairs {names {first 0}} {
    set out {}
    foreach name $names {lappend out $name [incr first]}
    return $out
}
proc scored names {
    set out {}
    foreach {name n} [pairs $names] {lappend out $n.5 $name}
    return $out
}

form string:int {SET K 12345}
form string:min {SET K -9223372036854775808}
form string:not-int {SET K 012}
form string:empty {SET K ""}
foreach n {1 19 20 21 44 45 20000} {form string:$n [list SET K [string repeat x $n]]}
form string:appended {SET K 12} {APPEND K 3}
form string:incremented {SET K 9999} {INCR K}
form string:bits {SETBIT K 5000 1}

form list:one {RPUSH K a}
form list:ints {RPUSH K 0 127 128 -1 4095 4096 -32768 32768} {RPUSH K 8388607 8388608 2147483648 9223372036854775807}
form list:small [list RPUSH K {*}[words 100]]
form list:nodes [list RPUSH K {*}[words 3000 50]]
form list:giant [list RPUSH K a [string repeat g 100000] b]
form list:shrunk [list RPUSH K {*}[words 3000 50]] {LTRIM K 10 20}
foreach n {8100 8180 8190 8200} {form list:edge:$n [list RPUSH K [string repeat e $n]] {RPUSH K x}}

form set:ints [list SADD K {*}[numbers -100 100]]
form set:wide {SADD K 1 70000 5000000000 -5000000000}
foreach n {511 512 513} {form set:ints:$n [list SADD K {*}[numbers 1 $n]]}
foreach n {127 128 129} {form set:words:$n [list SADD K {*}[words $n]]}
foreach n {63 64 65} {form set:length:$n [list SADD K {*}[words 3 $n]]}
form set:mixed {SADD K 1 2 3} {SADD K a}
form set:unmixed {SADD K 1 2 3 a} {SREM K a}
form set:shrunk [list SADD K {*}[words 2000]] [list SREM K {*}[lrange [words 2000] 5 end]]
form set:large [list SADD K {*}[words 5000 30]]
form set:mixed:large [list SADD K {*}[numbers 1 500]] [list SADD K x]

foreach n {1 127 128 129} {form hash:fields:$n [list HSET K {*}[pairs [words $n]]]}
foreach n {63 64 65} {form hash:length:$n [list HSET K f [string repeat v $n]] \
    [list HSET K [string repeat f $n] v]}
form hash:large [list HSET K {*}[pairs [words 5000 40]]]
form hash:shrunk [list HSET K {*}[pairs [words 2000]]] [list HDEL K {*}[lrange [words 2000] 5 end]]
form hash:empty {HSET K "" ""}

foreach n {1 127 128 129} {form zset:members:$n [list ZADD K {*}[scored [words $n]]]}
foreach n {63 64 65} {form zset:length:$n [list ZADD K {*}[scored [words 3 $n]]]}
form zset:large [list ZADD K {*}[scored [words 5000 40]]]
form zset:shrunk [list ZADD K {*}[scored [words 2000]]] {ZREMRANGEBYRANK K 5 -1}
form zset:infinite {ZADD K inf a -inf b 0 c 1e300 d -1e-300 e}
form zset:geo {GEOADD K 13.361389 38.115556 Palermo 15.087269 37.502669 Catania}
form zset:union {ZADD K 1 a 2 b} {ZUNIONSTORE K 1 K WEIGHTS 2}

form stream:one {XADD K 1-1 f v}
form stream:empty {XADD K 1-1 f v} {XDEL K 1-1}
form stream:group {XADD K 1-1 f v g 1} {XADD K 2-1 f v} \
    {XGROUP CREATE K g 1-1 ENTRIESREAD 1} {XGROUP CREATE K h $}
form stream:set {XADD K 1-1 f v} {XSETID K 9-9 ENTRIESADDED 100 MAXDELETEDID 5-5}
set adds {}
for {set i 1} {$i <= 1000} {incr i} {
    lappend adds [list XADD K $i-$i field $i [expr {$i % 7 ? "other" : "odd"}] \
        [string repeat s [expr {$i % 90}]]]
}
form stream:large {*}$adds
form stream:trimmed {*}$adds {XTRIM K MAXLEN 50} {XDEL K 960-960 970-970}

form hll:sparse [list PFADD K {*}[words 100]]
form hll:dense [list PFADD K {*}[words 20000 10]]

proc fill_all level {
    r $level flushall
    foreach {name commands} $::forms {
        foreach command $commands {
            set words {}
            foreach word $command {lappend words [expr {$word eq "K" ? $name : $word}]}
            r $level {*}$words
        }
    }
}

# All keys have the encodings that the other server gives them, and the same digests.
proc compare_all {} {
    set wrong {}
    foreach {name commands} $::forms {
        foreach command [list [list type $name] [list object encoding $name] [list debug digest-value $name]] {
            if {[catch {same {*}$command} why]} {lappend wrong $why}
        }
    }
    assert_equal $wrong {}
    same debug digest
}

proc take_snapshot {from to} {
    r $from save
    file copy -force [srv $from dir]/dump.rdb [srv $to dir]/dump.rdb
    r $to debug reload nosave
}

proc test_forms note {
    test "the same commands make the same encodings$note" {
        same select 9
        foreach level {0 -1} {fill_all $level}
        compare_all
    }

    test "they are the same after DEBUG RELOAD$note" {
        foreach level {0 -1} {r $level debug reload}
        compare_all
    }

    foreach {from to} {0 -1 -1 0} {
        set way [expr {$from ? "there to here" : "here to there"}]
        test "DUMP and RESTORE from $way$note" {
            foreach level {0 -1} {fill_all $level}
            foreach {name commands} $::forms {r $to restore $name 0 [r $from dump $name] replace}
            # What is loaded may have another encoding than what was built: both load it.
            foreach {name commands} $::forms {r $from restore $name 0 [r $from dump $name] replace}
            compare_all
        }

        test "a snapshot from $way$note" {
            foreach level {0 -1} {fill_all $level}
            take_snapshot $from $to
            r $from debug reload
            compare_all
        }
    }

    test "values that were loaded take changes alike$note" {
        foreach {name commands} $::forms {
            same copy $name copy replace
            switch -glob -- $name {
                string:* {same append copy x; same get copy}
                list:* {same rpush copy tail; same lpush copy head; same lpop copy; same lrange copy 0 -1}
                set:* {same sadd copy new 7; same srem copy new; same smembers copy}
                hash:* {same hset copy new 7; same hincrby copy new 1; same hgetall copy}
                zset:* {same zadd copy 7 new; same zincrby copy 1 new; same zrange copy 0 -1}
                stream:* {same xadd copy 5000-1 f v; same xrange copy - +; same xlen copy}
                hll:* {same pfadd copy another; same pfcount copy}
            }
            same object encoding copy
            same debug digest-value copy
        }
    }
}

except "smembers *" unordered "the order of members is the hash table's"
except "hgetall *" unordered "the order of fields is the hash table's"

set common {save {""} enable-debug-command yes}
start_pair [list overrides $common tags {interop}] {test_forms ""}

start_pair [list overrides [list {*}$common rdbcompression no hash-max-listpack-entries 4 \
    hash-max-listpack-value 10 zset-max-listpack-entries 4 zset-max-listpack-value 10 \
    set-max-intset-entries 4 list-max-listpack-size 3 list-compress-depth 1 \
    stream-node-max-entries 5] tags {interop}] {test_forms ", with low thresholds"}

# What one server packed, another with lower thresholds unpacks as it loads.
start_pair [list overrides $common tags {interop}] {
    test "thresholds that change between saving and loading" {
        same select 9
        foreach level {0 -1} {fill_all $level}
        foreach {directive value} {
            hash-max-listpack-entries 2 hash-max-listpack-value 4 zset-max-listpack-entries 2
            zset-max-listpack-value 4 set-max-intset-entries 3 list-max-listpack-size 2
            stream-node-max-entries 2
        } {
            same config set $directive $value
        }
        foreach level {0 -1} {r $level debug reload}
        compare_all
        foreach {directive value} {
            hash-max-listpack-entries 10000 hash-max-listpack-value 400 zset-max-listpack-entries 10000
            zset-max-listpack-value 400 set-max-intset-entries 10000 list-max-listpack-size -3
        } {
            same config set $directive $value
        }
        foreach level {0 -1} {r $level debug reload}
        compare_all
    }
}
