# dataset.tcl - filling a server with keys of every type, and comparing what two servers hold.

# The commands of one random change of one random key.
proc kit::random_change {key value useexpire} {
    set field [randomKey]
    set score [randpath {expr {rand() * 1000}} {randomSignedInt 1000000}]
    if {rand() < 0.05} {set score [lindex {-inf +inf 0} [randomInt 3]]}
    set changes [list \
        [list set $key $value] [list append $key $value] \
        [list lpush $key $value] [list rpush $key $value] [list rpop $key] [list lpop $key] \
        [list sadd $key $value] [list srem $key $value] \
        [list zadd $key $score $value] [list zrem $key $value] \
        [list hset $key $field $value] [list hdel $key $field] \
        [list xadd $key * $field $value]]
    set change [lindex $changes [randomInt [llength $changes]]]
    if {$useexpire && rand() < 0.1} {
        return [list $change [list expire $key [expr {1000 + [randomInt 100000]}]]]
    }
    return [list $change]
}

# `ops` random changes over keys of every type. Options: useexpire, usetag TAG.
# A change of a key with another type is answered with WRONGTYPE and changes nothing.
proc createComplexDataset {client ops {options {}}} {
    set keys {}
    for {set i 0} {$i < $ops} {incr i} {
        if {[llength $keys] == 0 || rand() < 0.3} {lappend keys [randomKey]}
        set key [lindex $keys [randomInt [llength $keys]]]
        set at [lsearch -exact $options usetag]
        if {$at >= 0} {append key "{[lindex $options [expr {$at + 1}]]}"}
        foreach command [kit::random_change $key [randomValue] [expr {"useexpire" in $options}]] {
            if {[catch {$client {*}$command} err] && ![string match "WRONGTYPE*" $err] &&
                ![string match "ERR value is not*" $err]} {error $err}
        }
    }
}

proc findKeyWithType {client type} {
    for {set i 0} {$i < 20} {incr i} {
        set key [$client randomkey]
        if {$key eq ""} {return ""}
        if {[$client type $key] eq $type} {return $key}
    }
    return ""
}

# The dataset of the current database as text, one line a key, in an order that depends on
# nothing but the data.
proc csvdump {client_or_level} {
    if {[string is integer -strict $client_or_level]} {
        set client [srv $client_or_level client]
    } elseif {$client_or_level eq "r"} {
        set client [srv 0 client]
    } else {
        set client $client_or_level
    }
    set out ""
    foreach key [lsort [$client keys *]] {
        set type [$client type $key]
        append out [csvstring $key],[csvstring $type],
        switch -exact -- $type {
            string {append out [csvstring [$client get $key]]}
            list {foreach element [$client lrange $key 0 -1] {append out [csvstring $element],}}
            set {foreach element [lsort [$client smembers $key]] {append out [csvstring $element],}}
            zset {
                foreach element [$client zrange $key 0 -1 withscores] {
                    append out [csvstring $element],
                }
            }
            hash {
                foreach field [lsort [dict keys [$client hgetall $key]]] {
                    append out [csvstring $field],[csvstring [$client hget $key $field]],
                }
            }
            stream {foreach entry [$client xrange $key - +] {append out [csvstring $entry],}}
        }
        append out \n
    }
    return $out
}

# Random changes of one database from a process of its own; the result is a pid for
# stop_bg_complex_data.
proc start_bg_complex_data {host port db ops {key ""}} {
    set path [tmpfile complex-data.tcl]
    set f [open $path w]
    puts $f "catch {"
    puts $f [list source [file join $::kit::home kit.tcl]]
    puts $f "set rd \[redis [list $host] $port\]; \$rd select $db"
    puts $f "createComplexDataset \$rd $ops useexpire"
    puts $f "}"
    close $f
    set pid [exec [info nameofexecutable] $path >/dev/null 2>/dev/null &]
    kit::adopt $pid
    return $pid
}
proc stop_bg_complex_data pid {
    kit::end_process $pid KILL
}
