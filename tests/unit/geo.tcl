# geo.tcl - points in sorted sets: adding, asking, and searches against a naive model.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set chronicle [file join [file dirname [file normalize $kit::binary]] tests modules chronicle.so]

proc radians d {return [expr {$d * acos(-1) / 180}]}
# Metres between two points.
proc distance {lon1 lat1 lon2 lat2} {
    set u [expr {sin(([radians $lat2] - [radians $lat1]) / 2)}]
    set v [expr {sin(([radians $lon2] - [radians $lon1]) / 2)}]
    set h [expr {$u * $u + cos([radians $lat1]) * cos([radians $lat2]) * $v * $v}]
    return [expr {2 * 6372797.560856 * asin(sqrt($h))}]
}

start_server [list tags {geo} overrides [list loadmodule $chronicle]] {
    proc refused {pattern args} {assert_error $pattern {r {*}$args}}
    r geoadd sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania

    test "GEOADD adds and moves points" {
        r del g
        list [r geoadd g 1 2 a 3 4 b] [r geoadd g 1 2 a 5 6 b] [r geoadd g ch 1 2 a 7 8 b 9 9 c] \
            [r geoadd g nx 0 0 a 1 1 d] [r geoadd g xx 0 0 zz] [r zcard g] [r type g]
    } {2 0 2 1 0 4 zset}
    test "GEOADD refuses" {
        refused "*syntax error*" geoadd g 1 2 a 3
        refused "*syntax error*" geoadd g nx xx 1 2 a
        refused "*syntax error*" geoadd g nx ch xx
        refused "ERR invalid longitude,latitude pair 200.000000,2.000000" geoadd g 200 2 a
        refused "ERR invalid longitude,latitude pair 2.000000,86.000000" geoadd g 1 1 new 2 86 a
        refused "*not a valid float*" geoadd g x 2 a
        r set str x
        refused WRONGTYPE* geoadd str 1 2 a
        r zscore g new
    } {}
    test "a point's score has 52 bits" {r zscore sicily Palermo} 3479099956230698
    test "GEODIST in all units" {
        list [r geodist sicily Palermo Catania] [r geodist sicily Palermo Catania km] \
            [r geodist sicily Palermo Catania MI] [r geodist sicily Palermo Catania ft] \
            [r geodist sicily Palermo nosuch] [r geodist nosuch a b] [r geodist sicily Palermo Palermo]
    } {166274.1516 166.2742 103.3182 545518.8700 {} {} 0.0000}
    test "GEODIST refuses" {
        refused "*unsupported unit provided. please use M, KM, FT, MI*" geodist sicily a b yd
        refused "*syntax error*" geodist sicily a b m m
    }
    test "GEOHASH and GEOPOS" {
        list [r geohash sicily Palermo Catania nosuch] [r geohash nosuch a] [r geopos sicily Palermo nosuch] \
            [r geopos nosuch a] [r geohash sicily]
    } [list {sqc8b49rny0 sqdtr74hyu0 {}} {{}} {{13.36138933897018433 38.11555639549629859} {}} {{}} {}]
    test "RESP3 has coordinates as numbers" {
        r hello 3
        set reply [r geosearch sicily fromlonlat 15 37 byradius 200 km asc withcoord withdist withhash count 1]
        r hello 2
        set reply
    } {{Catania 56.4413 3479447370796909 {15.08726745843887329 37.50266842333162032}}}
    test "GEOSEARCH with all options" {
        list [r geosearch sicily fromlonlat 15 37 byradius 200 km asc] \
            [r geosearch sicily fromlonlat 15 37 bybox 400 400 km desc withdist] \
            [r geosearch sicily frommember Palermo byradius 1 m withhash] \
            [r geosearch nosuch frommember x byradius 1 m] [r geosearch sicily fromlonlat 0 0 bybox 1 1 m]
    } {{Catania Palermo} {{Palermo 190.4424} {Catania 56.4413}} {{Palermo 3479099956230698}} {} {}}
    test "GEOSEARCH refuses" {
        set at {fromlonlat 15 37}
        set by {byradius 1 km}
        refused "*exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch" geosearch sicily {*}$by count 1
        refused "*exactly one of BYRADIUS and BYBOX can be specified for geosearch" geosearch sicily {*}$at asc asc
        refused "*syntax error*" geosearch sicily {*}$at {*}$by frommember Palermo
        refused "*syntax error*" geosearch sicily {*}$at {*}$by bybox 1 1 km
        refused "*syntax error*" geosearch sicily {*}$at {*}$by storedist
        refused "*COUNT must be > 0*" geosearch sicily {*}$at {*}$by count 0
        refused "*the ANY argument requires COUNT argument*" geosearch sicily {*}$at {*}$by any
        refused "*could not decode requested zset member*" geosearch sicily frommember x {*}$by
        refused "*need numeric radius*" geosearch sicily {*}$at byradius x km
        refused "*radius cannot be negative*" geosearch sicily {*}$at byradius -1 km
        refused "*need numeric width*" geosearch sicily {*}$at bybox x 1 km
        refused "*need numeric height*" geosearch sicily {*}$at bybox 1 x km
        refused "*height or width cannot be negative*" geosearch sicily {*}$at bybox 1 -1 km
        refused "*STORE option in GEORADIUS is not compatible*" georadius sicily 15 37 1 km store d withdist
        refused "*GEOSEARCHSTORE is not compatible*" geosearchstore d sicily {*}$at {*}$by withhash
        refused "*syntax error*" georadius_ro sicily 15 37 1 km store d
        refused "WRONGTYPE*" geosearch str {*}$at {*}$by
    }
    test "GEOSEARCHSTORE and STORE keep points or distances" {
        assert_equal 2 [r geosearchstore d sicily fromlonlat 15 37 byradius 200 km]
        assert_equal [r zrange d 0 -1 withscores] [r zrange sicily 0 -1 withscores]
        assert_equal 2 [r georadius sicily 15 37 200 km storedist d]
        assert_equal {Catania Palermo} [r zrange d 0 -1]
        assert_range [r zscore d Catania] 56.4412 56.4414
        assert_equal 1 [r georadiusbymember sicily Palermo 1 km store d]
        assert_equal 1 [r geosearchstore d d frommember Palermo byradius 9 m storedist]
        list [r zrange d 0 -1 withscores] [r geosearchstore d sicily fromlonlat 0 0 byradius 1 m] [r exists d] \
            [r geosearchstore d nosuch fromlonlat 0 0 byradius 1 m]
    } {{Palermo 0} 0 0 0}
    test "keys of STORE are found, the last of several" {
        list [r command getkeys georadius src 1 1 1 km store a storedist b] \
            [r command getkeys georadiusbymember src m 1 km] [r command getkeys geosearchstore d s fromlonlat 1 1 byradius 1 m]
    } {{src b} src {d s}}
    test "the journal has ZADD, and events are those of sorted sets" {
        r del g
        r chronicle.journal
        r chronicle.events
        r geoadd g 13.361389 38.115556 Palermo
        r geoadd g ch nx 13 38 Palermo
        r geosearchstore h g fromlonlat 13 38 byradius 200 km
        r georadius g 13 38 1 m store h
        list [r chronicle.journal] [r chronicle.events]
    } [list [list "9 zadd g 3479099956230698 Palermo" "9 geosearchstore h g fromlonlat 13 38 byradius 200 km" \
        "9 georadius g 13 38 1 m store h"] [list "9 new g" "9 zadd g" "9 new h" "9 geosearchstore h" "9 del h"]]
    test "scores that are no points are answered" {
        r zadd odd -inf a -5 b inf c 1e19 d 0.5 e
        assert_equal 5 [llength [r geopos odd a b c d e]]
        llength [r geosearch odd fromlonlat 0 0 byradius 30000 km]
    } 1

    # ---- against a naive model

    foreach entries {128 0} {
        r config set zset-max-listpack-entries $entries
        test "searches find what a look at all points finds (zset-max-listpack-entries $entries)" {
            expr {srand(11)}
            set compared 0
            for {set round 0} {$round < 40} {incr round} {
                r del g
                set spread [lindex {0.1 5 60 340} [expr {$round % 4}]]
                set lon0 [expr {(rand() - 0.5) * (359 - $spread)}]
                set lat0 [expr {(rand() - 0.5) * 80}]
                for {set i 0} {$i < 60} {incr i} {
                    r geoadd g [expr {$lon0 + (rand() - 0.5) * $spread}] \
                        [expr {$lat0 + (rand() - 0.5) * min($spread, 80)}] p$i
                }
                set radius [expr {rand() * $spread * 60000}]
                set near {}
                set inside {}
                foreach {m s} [r zrange g 0 -1 withscores] {
                    lassign [lindex [r geopos g $m] 0] lon lat
                    set d [distance $lon0 $lat0 $lon $lat]
                    if {$d <= $radius} {lappend near [list $d $m]}
                    if {[distance $lon0 $lat0 $lon0 $lat] <= $radius &&
                        [distance $lon0 $lat $lon $lat] <= $radius / 2} {lappend inside $m}
                }
                set near [lsort -real -index 0 $near]
                set wanted {}
                foreach pair $near {lappend wanted [lindex $pair 1]}
                # Boxes over the date line or a pole are cut there, as cells are.
                set at [list fromlonlat $lon0 $lat0]
                if {$radius < 4000000 && abs($lat0) + $radius / 111000 < 80 &&
                    abs($lon0) + $radius / 19000 < 180} {
                    incr compared
                    assert_equal [r geosearch g {*}$at byradius $radius m asc] $wanted
                    assert_equal [r geosearch g {*}$at byradius $radius m desc] [lreverse $wanted]
                    assert_equal [r geosearch g {*}$at byradius $radius m count 5] [lrange $wanted 0 4]
                    assert_equal [lsort [r geosearch g {*}$at bybox $radius [expr {$radius * 2}] m]] [lsort $inside]
                    foreach m [r geosearch g {*}$at byradius $radius m count 3 any] {assert {$m in $wanted}}
                }
            }
            assert {$compared > 10}
        }
    }
    r config set zset-max-listpack-entries 128
}
