# interop.tcl - the server under test and the real one side by side.
#
#   source interop.tcl                       (after kit.tcl)
#   start_pair {overrides {hash-max-listpack-entries 4}} {
#       test "HSET replies alike" {same hset h f v}
#       test "a whole script"     {same_all {{del k} {rpush k a b} {lrange k 0 -1}}}
#   }
#
# Inside start_pair, level 0 is the server under test and level -1 the real one. `same` and
# `same_all` send commands to both over a connection each, pipelined, and compare the raw replies
# byte for byte. A reply for which that is too strict has a declared exception, with a reason:
#
#   except "keys *" unordered "the order of keys is the table's"
#
# The glob is matched against the command in lower case; the first match
# counts. The comparisons ("kinds") are at the end of this file. Without the real server
# start_pair skips its block and says so.

namespace eval pair {
    variable exceptions {}
    variable channels {}        ;# {under-test real} of the open pair
    variable used               ;# how often each exception allowed a difference
    array set used {}
}

proc start_pair {options code} {
    if {![kit::have_real_server]} {
        kit::say "the real server (redis-check-rdb of redis-tools) is not installed: skipped"
        kit::record_skip "start_pair {$options}" "no real server"
        return
    }
    # Levels: the inner server is the one under test.
    set inner [list start_server $options [list pair::with $code]]
    uplevel 1 [list start_real_server $options $inner]
}

proc pair::with code {
    variable channels
    set outer $channels
    set channels [connect]
    set failed [catch {uplevel 1 $code} result options]
    foreach fd $channels {catch {close $fd}}
    set channels $outer
    if {$failed} {return -options $options $result}
}

# Two fresh raw connections {under-test real}.
proc pair::connect {} {
    set fds {}
    foreach level {0 -1} {lappend fds [redis::open_channel [srv $level host] [srv $level port]]}
    return $fds
}

proc pair::reconnect {} {
    variable channels
    foreach fd $channels {catch {close $fd}}
    set channels [connect]
}

# Sends the commands to both servers in one write each; the result is a list of
# {command reply-under-test reply-real}. Both get the bytes before either is read.
proc pair::exchange commands {
    variable channels
    set bytes ""
    foreach command $commands {append bytes [redis::encode $command]}
    foreach fd $channels {
        puts -nonewline $fd $bytes
        flush $fd
    }
    set rows {}
    foreach command $commands {
        set row [list $command]
        foreach fd $channels who {"server under test" "real server"} {
            if {[catch {redis::raw_reply_from $fd} reply]} {
                error "$who, at [show_command $command]: $reply"
            }
            lappend row $reply
        }
        lappend rows $row
    }
    return $rows
}

# "" when the two replies to the command are alike, or are allowed to differ as they do;
# otherwise a sentence.
proc pair::difference {command ours theirs} {
    variable exceptions
    variable used
    if {$ours eq $theirs} {return ""}
    set head [string tolower [string range [join $command " "] 0 200]]
    foreach exception $exceptions {
        lassign $exception pattern kind reason
        if {![string match $pattern $head]} continue
        if {[catch {alike_[lindex $kind 0] {*}[lrange $kind 1 end] $command $ours $theirs} same]} {
            return "replies differ (and '$kind' cannot compare them: $same)"
        }
        if {$same} {incr used($pattern); return ""}
        return "replies differ even as '$kind' ($reason)"
    }
    return "replies differ"
}

proc pair::show_command command {
    set words {}
    foreach word $command {
        if {[regexp {^[\x21\x23-\x5b\x5d-\x7e]+$} $word] && [string length $word] <= 120} {
            lappend words $word
        } else {
            lappend words "\"[string map {\" \\\"} [kit::shown $word 120]]\""
        }
    }
    return [join $words " "]
}

# The two replies for people. Long ones are shown from shortly before where they part.
proc pair::report_row {row why} {
    lassign $row command ours theirs
    set note ""
    set from 0
    if {max([string length $ours], [string length $theirs]) > 300} {
        set end [expr {min([string length $ours], [string length $theirs])}]
        for {set at 0} {$at < $end} {incr at} {
            if {[string index $ours $at] ne [string index $theirs $at]} break
        }
        set from [expr {max(0, $at - 40)}]
        set note " (they part at byte $at; shown from byte $from)"
    }
    set out "$why$note\n  command: [show_command $command]"
    append out "\n  keel:    [kit::shown [string range $ours $from end] 300]"
    append out "\n  real:    [kit::shown [string range $theirs $from end] 300]"
    return $out
}

proc same {args} {
    set row [lindex [pair::exchange [list $args]] 0]
    set why [pair::difference {*}$row]
    if {$why ne ""} {fail [pair::report_row $row $why]}
    return [lindex $row 1]
}

proc same_all commands {
    set rows [pair::exchange $commands]
    foreach row $rows {
        set why [pair::difference {*}$row]
        if {$why ne ""} {fail [pair::report_row $row $why]}
    }
    return [llength $rows]
}

# ---- exceptions -------------------------------------------------------------------------------

proc except {pattern kind reason} {
    lappend pair::exceptions [list $pattern $kind $reason]
}

# A raw reply as a tree: {type value}, the value of an aggregate being a list of trees.
proc pair::parse reply {
    set at 0
    return [parse_at $reply at]
}

proc pair::parse_at {reply name} {
    upvar 1 $name at
    set end [string first \r\n $reply $at]
    set type [string index $reply $at]
    set rest [string range $reply [expr {$at + 1}] [expr {$end - 1}]]
    set at [expr {$end + 2}]
    switch -exact -- $type {
        \$ - = - ! {
            if {$rest < 0} {return {_ {}}}
            set data [string range $reply $at [expr {$at + $rest - 1}]]
            incr at [expr {$rest + 2}]
            return [list $type $data]
        }
        * - ~ - > - % {
            if {$rest < 0} {return {_ {}}}
            set count [expr {$type eq "%" ? $rest * 2 : $rest}]
            set items {}
            while {[incr count -1] >= 0} {lappend items [parse_at $reply at]}
            return [list $type $items]
        }
        | {
            set count [expr {$rest * 2 + 1}]
            while {[incr count -1] >= 0} {set item [parse_at $reply at]}
            return $item
        }
    }
    return [list $type $rest]
}

# The same kind of reply; of its content nothing is compared, except that an error must be the same
# one (and equal replies never come here). For ids, times, random picks.
proc pair::alike_type {command ours theirs} {
    if {[string index $ours 0] eq "-"} {return 0}
    return [expr {[lindex [parse $ours] 0] eq [lindex [parse $theirs] 0]}]
}

# The same kind of reply, of aggregates also the same number of elements.
proc pair::alike_size {command ours theirs} {
    lassign [parse $ours] type a
    lassign [parse $theirs] other b
    if {[string index $ours 0] eq "-" || $type ne $other} {return 0}
    return [expr {$type ni {* ~ > %} || [llength $a] == [llength $b]}]
}

# The same error code (the first word), the text aside.
proc pair::alike_error_code {command ours theirs} {
    if {[string index $ours 0] ne "-"} {return 0}
    return [expr {[lindex [split $ours] 0] eq [lindex [split $theirs] 0]}]
}

# The same elements of an array, set or map in any order, to any depth.
proc pair::alike_unordered {command ours theirs} {
    return [expr {[sorted_tree [parse $ours]] eq [sorted_tree [parse $theirs]]}]
}

proc pair::sorted_tree tree {
    lassign $tree type value
    if {$type ni {* ~ > %}} {return $tree}
    set items {}
    if {$type eq "%"} {
        foreach {k v} $value {lappend items [list [sorted_tree $k] [sorted_tree $v]]}
    } else {
        foreach item $value {lappend items [sorted_tree $item]}
    }
    return [list $type [lsort $items]]
}

# Integers at most `tolerance` apart; negative ones mean something and must be equal.
proc pair::alike_near {tolerance command ours theirs} {
    lassign [parse $ours] type a
    lassign [parse $theirs] other b
    if {$type ne ":" || $other ne ":"} {return 0}
    if {$a < 0 || $b < 0} {return [expr {$a == $b}]}
    return [expr {abs($a - $b) <= $tolerance}]
}

# The same but for how numbers are spelt.
proc pair::alike_numbers {command ours theirs} {
    return [same_numbers [parse $ours] [parse $theirs]]
}

proc pair::same_numbers {a b} {
    lassign $a type mine
    lassign $b other its
    if {$type ne $other} {return 0}
    if {$type ni {* ~ > %}} {
        if {$mine eq $its} {return 1}
        if {$type ni {\$ ,}} {return 0}
        return [expr {[string is double -strict $mine] && [string is double -strict $its] &&
            double($mine) == double($its)}]
    }
    if {[llength $mine] != [llength $its]} {return 0}
    foreach x $mine y $its {
        if {![same_numbers $x $y]} {return 0}
    }
    return 1
}

# DUMP payloads with the same value; the last ten bytes are the version of the format, which
# grows with the server, and a checksum over it. Values without order (types 2 and 4) may have their
# elements in any: then the same bytes are compared, wherever they are.
proc pair::alike_dump {command ours theirs} {
    lassign [parse $ours] type a
    lassign [parse $theirs] other b
    if {$type ne "\$" || $other ne "\$"} {return 0}
    set a [string range $a 0 end-10]
    set b [string range $b 0 end-10]
    # The order of a set's members is the hash table's.
    if {[string index $a 0] eq "\x02" && [string index $b 0] eq "\x02"} {
        return [expr {[lsort [dump_strings $a]] eq [lsort [dump_strings $b]]}]
    }
    # So is that of a hash's fields.
    if {[string index $a 0] eq "\x04" && [string index $b 0] eq "\x04"} {
        return [expr {[lsort [split $a ""]] eq [lsort [split $b ""]]}]
    }
    return [expr {$a eq $b}]
}

# The strings that follow the opcode and the count in a payload of a type that is nothing but
# strings. They are not compressed.
proc pair::dump_strings payload {
    set at 1
    set strings {}
    set count [dump_length $payload at]
    while {[incr count -1] >= 0} {
        set length [dump_length $payload at]
        if {$length < 0} {
            set size [expr {1 << (-1 - $length)}]
            binary scan [string range $payload $at end] [lindex {c s i} [expr {-1 - $length}]] number
            lappend strings $number
            incr at $size
        } else {
            lappend strings [string range $payload $at [expr {$at + $length - 1}]]
            incr at $length
        }
    }
    return $strings
}

# A length of the format; -1, -2, -3: an integer of 1, 2, 4 bytes follows.
proc pair::dump_length {payload name} {
    upvar 1 $name at
    binary scan [string range $payload $at [expr {$at + 4}]] cucuIu first second wide
    binary scan [string range $payload [expr {$at + 1}] [expr {$at + 4}]] Iu wide
    incr at
    switch -exact -- [expr {$first >> 6}] {
        0 {return [expr {$first & 63}]}
        1 {incr at; return [expr {($first & 63) << 8 | $second}]}
        2 {incr at 4; return $wide}
        3 {return [expr {-1 - ($first & 63)}]}
    }
}

# COMMAND INFO: the same commands, and the same unknown ones, in the same places.
proc pair::alike_infos {command ours theirs} {
    foreach reply [list $ours $theirs] name {a b} {
        lassign [parse $reply] type items
        set $name $type
        foreach item $items {lappend $name [lindex $item 0] [lindex $item 1 0]}
    }
    return [expr {$a eq $b}]
}

# A command that newer versions take with `words` words, where the real server counts them as wrong.
proc pair::alike_arity {words command ours theirs} {
    if {[llength $command] != $words} {return 0}
    return [string match "-ERR *wrong number of arguments for *" $theirs]
}

# SORT: an error of the real server's that the data gives no cause for.
proc pair::alike_stale {command ours theirs} {
    if {[string match "-ERR One or more scores can't be converted*" $theirs]} {return 1}
    # A pattern without a star after BY keeps the order, which for a set is the hash table's.
    set by [lsearch -nocase $command by]
    if {$by < 2 || [string first * [lindex $command $by+1]] >= 0} {return 0}
    return [alike_unordered $command $ours $theirs]
}

# OBJECT ENCODING: since 7.2 short lists and small sets of strings are single listpacks.
proc pair::alike_encoding {command ours theirs} {
    lassign [parse $ours] type a
    lassign [parse $theirs] other b
    return [expr {$a eq "listpack" && $b in {quicklist hashtable}}]
}

# DEBUG OBJECT: all but the address, the count of shared integers and the clock, which moves on
# between the two replies.
proc pair::alike_address {command ours theirs} {
    if {[llength $command] != 3} {return [alike_arity 4 $command $ours $theirs]}
    # Small sets of strings and short lists are listpacks since 7.2.
    if {[string match "* encoding:listpack *" $ours]} {
        set theirs [string map {" encoding:hashtable " " encoding:listpack " \
                                    " encoding:quicklist " " encoding:listpack "} $theirs]
    }
    # The nodes of a quicklist are not shown here.
    set moving {at:0x[0-9a-f]+|refcount:\d+|lru:\d+|lru_seconds_idle:\d+| ql_\w+:[0-9.-]+}
    return [expr {[regsub -all $moving $ours ""] eq [regsub -all $moving $theirs ""]}]
}

# Pairs of name and value: the same names in the same order, the same values except of the fields
# named here.
proc pair::alike_fields {ignored command ours theirs} {
    lassign [parse $ours] type a
    lassign [parse $theirs] other b
    if {$type ne $other || $type ni {* %} || [llength $a] != [llength $b]} {return 0}
    foreach {name value} $a {other_name other_value} $b {
        if {$name ne $other_name} {return 0}
        if {[lindex $name 1] ni $ignored && $value ne $other_value} {return 0}
    }
    return 1
}

# Streams: integers that are times (of deliveries, of consumers) may differ, and fields that newer
# versions add are passed over; so are consumers who have nothing, as newer versions make them when
# they only ask.
proc pair::alike_clocks {command ours theirs} {
    return [expr {[without_clocks [parse $ours]] eq [without_clocks [parse $theirs]]}]
}

proc pair::without_clocks tree {
    lassign $tree type value
    if {$type eq ":" && $value > 100000000000} {return {: time}}
    if {$type ni {* ~ > %}} {return $tree}
    set items {}
    set types {}
    foreach item $value {append types [lindex $item 0]}
    for {set i 0} {$i < [llength $value]} {incr i} {
        set item [lindex $value $i]
        set name [lindex $item 1]
        if {[idle_consumer $item]} continue
        if {$name in {inactive active-time}} {incr i; continue}
        # A pending entry: id, consumer, idle time, deliveries.
        if {$types eq "\$\$::" && $i == 2} {set item {: time}}
        lappend items [without_clocks $item]
        if {$name in {idle seen-time}} {incr i; lappend items {: time}}
        if {$name eq "consumers" && [lindex $value $i+1 0] eq ":"} {incr i}
    }
    return [list $type $items]
}

# Whether it is what XINFO tells of a consumer that has nothing pending.
proc pair::idle_consumer tree {
    if {[lindex $tree 0] ni {* %} || [llength [lindex $tree 1]] % 2} {return 0}
    foreach {name value} [lindex $tree 1] {set of([lindex $name 1]) [lindex $value 1]}
    if {[info exists of(idle)]} {return [expr {$of(pending) == 0}]}
    return [expr {[info exists of(seen-time)] && $of(pel-count) == 0}]
}

# XREAD's error about its list of streams.
proc pair::alike_unbalanced {command ours theirs} {
    return [expr {[string match "-ERR Unbalanced *" $ours] &&
        [string match "-ERR Unbalanced *" $theirs]}]
}

# All that a fresh connection to the server at `level` gets for these commands.
proc transcript {level commands} {
    set fd [redis::open_channel [srv $level host] [srv $level port]]
    foreach command $commands {puts -nonewline $fd [redis::encode $command]}
    puts -nonewline $fd [redis::encode quit]
    flush $fd
    set bytes [read $fd]
    close $fd
    return $bytes
}

# Both servers with one module file. What a sanitizer's build makes the real server cannot load: then
# there is a skipped test instead, which a file asks for once.
proc pair::cannot_load_modules {} {
    set sanitized [string match "*san-*" $::kit::binary]
    if {$sanitized} {
        test "module files under both servers" {
            skip_test "the real server cannot load what a sanitizer's build makes"
        }
    }
    return $sanitized
}

proc module_pair {name code} {
    if {[string match "*san-*" $::kit::binary]} return
    uplevel 1 [list start_pair [list tags {interop rm} args [list \
        --loadmodule [test_module $name] --enable-debug-command yes]] $code]
}

# The exceptions that hold for every suite.
except "dump *" dump "the payload ends with the version of the RDB format and a checksum over it"
except "ttl *" {near 2} "the two servers set the time a moment apart"
except "pttl *" {near 2000} "the two servers set the time a moment apart"
except "expiretime *" {near 2} "the two servers set the time a moment apart"
except "pexpiretime *" {near 2000} "the two servers set the time a moment apart"
except "object idletime *" type "the real server's small integers share a clock; see info.tcl"
except "object encoding *" encoding "small lists and sets of strings are listpacks since 7.2"
except "object refcount *" type "how values are shared in memory is no part of the contract"
except "sort*" stale "it looks at errno without clearing it, so what a command before it in a pipeline left there counts"
except "keys *" unordered "the order of keys is the hash table's"
except "scan 0 count 1000*" unordered "the order of keys is the hash table's"
except "scan *" type "a step smaller than the table, or a made-up cursor, sees any part of it"
except "randomkey*" type "a random pick"
except "client id" type "ids are handed out by each server"
except "client info" type "addresses, ids and ages differ"
except "client list*" type "addresses, ids and ages differ"
except "hello*" {fields {version id modules}} "names the version, the client and what is loaded"
except "time" type "a clock"
except "lastsave" type "a clock"
except "info*" type "figures differ; the fields are tested on their own"
except "memory *" type "sizes in memory differ"
except "command info" type "order, and the set of commands by version"
except "command info *" infos "what is told of each command is compared in tests/interop/command.tcl"
except "command getkeys*" {arity 3} "7.2 looks into commands without arguments too"
except "debug object *" address "where the value is in memory; 7.2 takes a word more"
except "client help" type "the text is our own"
except "command help" type "the text is our own"
except "config help" type "the text is our own"
except "debug help" type "the text is our own"
except "slowlog help" type "the text is our own"
except "latency *" type "slow moments differ"
except "command" type "order, and the set of commands by version"
except "command count" type "the set of commands differs by version"
except "command list*" type "the set of commands differs by version"
except "command docs*" type "texts are our own and newer"
except "config get *\\**" type "which directives there are differs by version"
except "config get *" unordered "the order of the directives is the hash table's"
except "object help" type "the text is our own"
except "lolwut*" type "art"
