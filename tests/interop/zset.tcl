# zset.tcl - sorted sets and points beside the real server: payloads both ways in every encoding, the older
# forms of files, digests, errors in both protocols.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit random.tcl]
source [file join $kit::home kit payload.tcl]
foreach path [lsort [glob [file join $here grammar *.tcl]]] {source $path}

# A ziplist of these elements: short strings, and integers as 16 bits.
proc ziplist args {
    set body ""
    set before 0
    set tail 10
    foreach e $args {
        set tail [expr {10 + [string length $body]}]
        if {[string is integer -strict $e]} {
            set entry [binary format ccs $before 0xc0 $e]
        } else {
            set entry [binary format cca* $before [string length $e] $e]
        }
        set before [string length $entry]
        append body $entry
    }
    set all [binary format iis [expr {[string length $body] + 11}] $tail [llength $args]]$body\xff
    return "\x0c[binary format c [string length $all]]$all"
}

start_pair {tags {interop zset} overrides {rdbcompression no}} {
    # Scores whose text is the same in both versions, and members of all forms.
    set members {a "" 0 -1 127 128 4096 70000 3000000000 9223372036854775807 01 "a b" "\xff\x00"}
    lappend members [string repeat x 64] [string repeat long 20]
    set scores {0 1 -1 2.5 -0.0625 127 4095 -4097 40000 9000000 3000000000 inf -inf 4503599627370495 1e3}

    foreach {what entries} {listpack 128 skiplist 0} {
        test "payloads of a $what go both ways" {
            same flushall
            same config set zset-max-listpack-entries $entries zset-max-listpack-value 1024
            for {set n 1} {$n <= [llength $members]} {incr n} {
                set command [list zadd z$n]
                for {set i 0} {$i < $n} {incr i} {
                    lappend command [lindex $scores [expr {($i * 7 + $n) % [llength $scores]}]] [lindex $members $i]
                }
                same {*}$command
                same object encoding z$n
                same dump z$n
                lassign [lindex [pair::exchange [list [list dump z$n]]] 0] - ours theirs
                foreach {level payload} [list -1 $ours 0 $theirs] {
                    r $level restore back 0 [lindex [pair::parse $payload] 1] replace
                }
                same zrange back 0 -1 withscores
                same debug digest-value back z$n
                same object encoding back
            }
        }
    }
    test "a large set goes both ways" {
        same flushall
        same config set zset-max-listpack-entries 128
        set command {zadd z}
        for {set i 0} {$i < 5000} {incr i} {lappend command [expr {($i * 7919) % 1000}] member:$i}
        same {*}$command
        lassign [lindex [pair::exchange {{dump z}}] 0] - ours theirs
        assert_equal [string range $ours 0 end-12] [string range $theirs 0 end-12]
        r restore back 0 [lindex [pair::parse $theirs] 1]
        r -1 restore back 0 [lindex [pair::parse $ours] 1]
        same debug digest-value back z
        same zrange back 0 -1 withscores
        foreach m {member:0 member:4999 member:17 nosuch} {same zrank back $m; same zrevrank back $m}
        foreach range {{0 10} {(5 (7} {999 +inf} {-inf (0} {3.5 3.6}} {same zcount back {*}$range}
        same zrangebyscore back 500 +inf limit 2000 10
        same zremrangebyscore back 100 899
        same zremrangebyrank back 3 500
        same debug digest-value back
    }
    test "older forms are loaded alike" {
        foreach body [list [ziplist a 1 b 2 cc 300] [ziplist a -5 5 7] [ziplist x 1.5 y inf] \
                "\x03\x02\x01b\xfe\x01a\x031.5" "\x03\x01\x01a\xff" "\x03\x02\x01a\x012\x01b\x04-1e3" \
                "\x05\x01\x01a[binary format q 2.5]" "\x05\x02\x01b[binary format q 2.5]\xc0\x05[binary format q -1]" \
                [ziplist a] [ziplist a 1 b] "\x03\x01\x01a\xfd" "\x05\x01\x01a[binary format w 0x7ff8000000000000]" \
                "\x03\x00" "\x05\x00" "\x0c\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"] {
            same del k
            same restore k 0 [payload $body]
            same zrange k 0 -1 withscores
            same object encoding k
        }
    }
    test "the numbers that 7.0 prints otherwise are the same numbers" {
        same config set zset-max-listpack-entries 128
        foreach entries {128 0} {
            same config set zset-max-listpack-entries $entries
            same del n
            set command {zadd n}
            foreach s {0.1 0.3 1e17 1e21 1e22 123456789012345678 5e-324 1.7976931348623157e308 3.14159 -1e-7} {
                lappend command $s m$s
            }
            same {*}$command
            same zrange n 0 -1 withscores
            foreach s {0.1 1e17 1e21 5e-324} {same zscore n m$s}
            same zincrby n 0.2 m0.1
            same debug digest-value n
        }
    }
    test "minus zero is kept by large sets" {
        foreach entries {128 0} {
            same config set zset-max-listpack-entries $entries
            same del n
            same zadd n -0 a 0 b
            same zscore n a
            same zincrby n 0 a
            same debug digest-value n
        }
    }
    same config set zset-max-listpack-entries 128
    test "points at the edges of the world" {
        same flushall
        set n 0
        foreach lon {-180 -179.9999 0 179.9999 180} {
            foreach lat {-85.05112878 -85 0 85 85.05112878} {same geoadd g $lon $lat p[incr n]}
        }
        same zrange g 0 -1 withscores
        for {set i 1} {$i <= $n} {incr i 3} {
            same geopos g p$i
            same geohash g p$i
            same geodist g p1 p$i
            foreach radius {1 100 5000 19000 30000} {
                same georadiusbymember g p$i $radius km withdist
                same geosearch g frommember p$i bybox $radius $radius km withdist
            }
        }
    }
    test "points at the same distance come in the same order" {
        same flushall
        foreach {n width} {5 3 30 3 45 5 300 7 2000 20} {
            same del g
            set command {geoadd g}
            for {set i 0} {$i < $n} {incr i} {
                lappend command [expr {$i * 37 % $width - $width / 2}] [expr {$i * 91 % ($width + 1) - $width / 2}] p$i
            }
            same {*}$command
            foreach count [list 1 2 5 7 [expr {$n / 3}] [expr {$n - 1}] $n] {
                if {$count < 1} continue
                foreach order {asc desc} {
                    same geosearch g fromlonlat 0 0 byradius 20000 km $order count $count
                    same geosearch g frommember p1 bybox 900 2000 km $order count $count withdist
                }
            }
        }
    }
    test "ZRANDMEMBER draws each member as often" {
        # Chi-square with 19 degrees of freedom is above 60 once in 200,000 tries.
        foreach entries {128 0} {
            r config set zset-max-listpack-entries $entries
            r del z
            for {set i 0} {$i < 20} {incr i} {r zadd z [expr {$i % 3}] m$i}
            foreach {draw times} {{zrandmember z} 4000 {zrandmember z -4000} 1 {zrandmember z 4} 1000 {zrandmember z 12} 334} {
                array unset seen
                set total 0
                for {set i 0} {$i < $times} {incr i} {
                    foreach m [r {*}$draw] {incr seen($m); incr total}
                }
                set chi 0
                for {set i 0} {$i < 20} {incr i} {
                    set got [expr {[info exists seen(m$i)] ? $seen(m$i) : 0}]
                    set chi [expr {$chi + ($got - $total / 20.0) ** 2 / ($total / 20.0)}]
                }
                assert {$chi < 60}
            }
        }
    }
}
