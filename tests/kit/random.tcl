# random.tcl - random commands from a grammar, for comparing two servers (see interop.tcl).
#
# A grammar is templates with weights, one a line:
#
#   group string {
#       4  SET @key @value [NX|XX] [GET] [EX @ttl|PX @ttlms|KEEPTTL]
#       2  MGET @key...
#       1  MSET (@key @value)...
#   }
#
# Words stand for themselves, "" for the empty one; @name is a value from the proc gen::name, of
# which a file of grammar may define more; [ ] is left out half of the time, ( ) groups, | separates
# alternatives, and ... repeats what is before it one to four times. Everything after # is a
# comment.
#
#   several NAME
#
# says that gen::NAME gives a list of words;
#
#   intact GLOB REASON
#
# leaves commands that match out of the damage below, and
#
#   realign GLOB COMMAND REASON
#
# sends COMMAND after each command that matches: for those that leave the two servers in different
# states by right. A word @N of COMMAND is word N of the command.
#
# About one command in twelve is then damaged: an argument dropped, added, doubled, or replaced by a
# value of the wrong kind (boundary integers, NaN, empty, binary, long strings).

namespace eval gen {
    variable templates {}       ;# {group weight tree}
    variable total 0            ;# sum of the weights in use
    variable key_count 24
    variable realignments {}    ;# {glob command reason}
    variable untouchable {}     ;# globs
    variable several {}         ;# generators of more than one word
}

proc intact {glob reason} {
    lappend gen::untouchable $glob
}

# The result of gen::NAME is a list of words.
proc several name {
    lappend gen::several $name
}

proc realign {glob command reason} {
    lappend gen::realignments [list $glob $command $reason]
}

# What has to follow a command, or nothing.
proc gen::realignment command {
    variable realignments
    set head [string tolower [join $command " "]]
    foreach row $realignments {
        if {![string match [lindex $row 0] $head]} continue
        set out {}
        foreach word [lindex $row 1] {
            if {[regexp {^@(\d+)$} $word -> n]} {set word [lindex $command $n]}
            lappend out $word
        }
        return $out
    }
    return {}
}

# ---- parsing templates ------------------------------------------------------------------------

proc group {name lines} {
    foreach line [split $lines \n] {
        set line [string trim [regsub {(^|\s)#.*$} $line ""]]
        if {$line eq ""} continue
        if {![regexp {^(\d+)\s+(.*)$} $line -> weight text]} {
            error "grammar of $name: no weight: $line"
        }
        # Every sign becomes a token of its own.
        set text [string map {... " ... " [ " \[ " ] " \] " ( " ( " ) " ) " | " | "} $text]
        set tokens [regexp -all -inline {\S+} $text]
        set tree [gen::parse_choice tokens]
        if {[llength $tokens]} {error "grammar of $name: unexpected '[lindex $tokens 0]': $line"}
        lappend gen::templates [list $name $weight $tree]
    }
}

# Trees: {seq ITEM...}, {choice TREE...}, {opt TREE}, {many TREE}, {word TEXT}, {value NAME}.
proc gen::parse_choice name {
    upvar 1 $name tokens
    set branches {}
    set items {}
    while {[llength $tokens] && [lindex $tokens 0] ni {\] )}} {
        set tokens [lassign $tokens token]
        switch -exact -- $token {
            | {lappend branches [list seq {*}$items]; set items {}}
            ... {lset items end [list many [lindex $items end]]}
            \[ {lappend items [list opt [parse_choice tokens]]; set tokens [lrange $tokens 1 end]}
            ( {lappend items [parse_choice tokens]; set tokens [lrange $tokens 1 end]}
            default {
                if {[string index $token 0] eq "@"} {
                    lappend items [list value [string range $token 1 end]]
                } elseif {$token eq {""}} {
                    lappend items [list word ""]
                } else {
                    lappend items [list word $token]
                }
            }
        }
    }
    lappend branches [list seq {*}$items]
    if {[llength $branches] == 1} {return [lindex $branches 0]}
    return [list choice {*}$branches]
}

# ---- producing commands -----------------------------------------------------------------------

proc gen::int max {
    return [expr {int(rand() * $max)}]
}

proc gen::pick list {
    return [lindex $list [int [llength $list]]]
}

proc gen::expand tree {
    set rest [lrange $tree 1 end]
    switch -exact -- [lindex $tree 0] {
        word {return $rest}
        value {
            set words [gen::[lindex $rest 0]]
            if {[lindex $rest 0] ni $gen::several} {set words [list $words]}
            return $words
        }
        opt {return [expr {rand() < 0.5 ? [expand [lindex $rest 0]] : {}}]}
        choice {return [expand [pick $rest]]}
        many {
            set out {}
            for {set n [expr {1 + [int 4]}]} {$n > 0} {incr n -1} {
                lappend out {*}[expand [lindex $rest 0]]
            }
            return $out
        }
        seq {
            set out {}
            foreach item $rest {lappend out {*}[expand $item]}
            return $out
        }
    }
}

# Keeps the templates of these groups; not those with a command in `missing`.
proc gen::restrict {groups missing} {
    variable templates
    variable total
    set kept {}
    set total 0
    foreach template $templates {
        lassign $template name weight tree
        if {[llength $groups] && $name ni $groups} continue
        set known 1
        foreach command [names_of $tree] {if {$command in $missing} {set known 0}}
        if {!$known} continue
        lappend kept $template
        incr total $weight
    }
    set templates $kept
}

# The commands that a template may begin with, in lower case; none for one that is made up (@name).
proc gen::names_of tree {
    switch -exact -- [lindex $tree 0] {
        word {return [list [string tolower [lindex $tree 1]]]}
        seq {return [names_of [lindex $tree 1]]}
        choice {
            set names {}
            foreach branch [lrange $tree 1 end] {lappend names {*}[names_of $branch]}
            return $names
        }
    }
    return {}
}

# The commands of the grammar, each once.
proc gen::command_names groups {
    variable templates
    set names {}
    foreach template $templates {
        if {[llength $groups] && [lindex $template 0] ni $groups} continue
        lappend names {*}[names_of [lindex $template 2]]
    }
    return [lsort -unique $names]
}

proc gen::command {} {
    variable templates
    variable total
    set at [int $total]
    foreach template $templates {
        incr at -[lindex $template 1]
        if {$at < 0} break
    }
    set command [expand [lindex $template 2]]
    if {rand() < 0.3} {set command [lreplace $command 0 0 [string tolower [lindex $command 0]]]}
    if {rand() >= 0.08} {return $command}
    foreach glob $gen::untouchable {
        if {[string match -nocase $glob [join $command " "]]} {return $command}
    }
    return [damage $command]
}

proc gen::damage command {
    set count [llength $command]
    set at [expr {1 + [int [expr {max(1, $count - 1)}]]}]
    switch -exact -- [int 6] {
        0 {if {$count > 1} {set command [lreplace $command $at $at]}}
        1 {lappend command [odd]}
        2 {if {$count > 1} {set command [linsert $command $at [lindex $command $at]]}}
        3 {set command [list [lindex $command 0]]}
        default {if {$count > 1} {set command [lreplace $command $at $at [odd]]}}
    }
    return $command
}

# ---- values -----------------------------------------------------------------------------------

# A value that is wrong in most places. No integer between 1 MB and 512 MB: as an offset it
# would only make both servers allocate; no 1, which as a time to live would end during the run.
proc gen::odd {} {
    variable oddities
    return [pick $oddities]
}

set gen::oddities [list "" " " 0 -1 -0 +1 00 01 1.5 1e3 0x10 abc nan NaN inf -inf +inf 1e400 \
    2147483648 4294967296 -2147483649 9223372036854775807 -9223372036854775808 \
    9223372036854775808 18446744073709551615 99999999999999999999999 \
    " 1" "1 " "1\0" "a\0b" "\r\n" "\xff\xfe\x80" * ? "\[a-" "k*" "\\" NX XX GET EX KEYS @all \
    [string repeat x 100] [string repeat 9 40] [string repeat "\x00\xff" 3000] \
    [string repeat a 40000]]

proc gen::key {} {
    variable key_count
    if {rand() < 0.01} {
        return [pick [list "" "key with space" "bin\0\xff\r\n" "{tag}k1" nosuchkey]]
    }
    return k[int $key_count]
}

# Keys that mostly hold no more than small integers, so that arithmetic meets integers.
proc gen::counter {} {return [expr {rand() < 0.2 ? [key] : "n[int 6]"}]}

proc gen::value {} {
    switch -exact -- [int 8] {
        0 - 1 {return [smallint]}
        2 {return [bigint]}
        3 {return [pick {3.0 10.5 -0.1 5.0e3 1e17 hello "hello world" foobar ohmytext mynewtext}]}
        4 {return [bytes 20]}
        5 {return [string repeat [pick {a ab xyz}] [int 60]]}
        6 {
            # Around 44 bytes the encoding changes.
            return [pick [list "" a [bytes 44] [string repeat q 44] [string repeat q 45] \
                [bytes 300]]]
        }
        7 {return [expr {rand() < 0.05 ? [string repeat [bytes 10] 700] : [bytes 5]}]}
    }
}

proc gen::bytes max {
    set out ""
    for {set n [int [expr {$max + 1}]]} {$n > 0} {incr n -1} {append out [format %c [int 256]]}
    return $out
}

proc gen::smallint {} {return [expr {[int 40] - 10}]}
proc gen::bigint {} {
    return [pick {9223372036854775807 -9223372036854775808 9223372036854775806 2147483647
        -2147483648 4294967295 10000 9999 1000000000000 -32769 32768 65536 127 128 255 256}]
}
# As times: refused, or far away.
proc gen::hugeint {} {
    return [pick {9223372036854775807 -9223372036854775808 9223372036854775806 9223372036854775
        9223372036854776 100000000000000 4611686018427387904 9223370241618000000}]
}
proc gen::anyint {} {return [expr {rand() < 0.85 ? [smallint] : [bigint]}]}
proc gen::float {} {
    return [pick {0 1 -1 0.1 10.25 -3.5 1e5 1.5e-3 3.0 5e-324 1e308 inf -inf nan 1e17
        0.30000000000000004}]
}
proc gen::count {} {return [pick {0 1 2 3 10 100 -1}]}
# Into strings: small, sometimes past the end, seldom near the limit of 1 MB.
proc gen::offset {} {
    if {rand() < 0.01} {return [pick {1048570 1048575 1048576 4294967295000}]}
    return [expr {[int 60] - 2}]
}
proc gen::index {} {
    if {rand() < 0.9} {return [expr {[int 40] - 20}]}
    return [pick {100 -100 9223372036854775807 -9223372036854775808}]
}
proc gen::bitoffset {} {
    if {rand() < 0.01} {return [pick {8388607 8388608 4294967295 4294967296 -1}]}
    return [int 400]
}
proc gen::bit {} {return [pick {0 1 0 1 0 1 0 1 2 -1}]}
# Times to live are far away or past, so that nothing expires while a run lasts. They hardly ever
# repeat: with GT and LT, the same relative time twice is a matter of milliseconds.
proc gen::ttl {} {
    if {rand() < 0.3} {return [pick {0 -1 -1000}]}
    return [expr {1000 + 10 * [int 100000]}]
}
proc gen::ttlms {} {
    if {rand() < 0.3} {return [pick {0 -1}]}
    return [expr {1000000 + 10000 * [int 100000]}]
}
proc gen::at {} {return [pick {4000000000 4102444800 5000000000 1 1000000000 0 -1}]}
proc gen::atms {} {return [pick {4000000000000 4102444800123 1 1000000000000 0 -1}]}
# For commands that store a key with a past time, to expire it when it is met: only times that are
# ahead or refused, because when an expired key is really gone is each server's own matter.
proc gen::later {} {return [pick {4000000000 4102444800 5000000000 0 -1}]}
proc gen::laterms {} {return [pick {4000000000000 4102444800123 0 -1}]}
proc gen::db {} {return [expr {rand() < 0.9 ? [pick {0 1 9}] : [pick {-1 15 16 99 abc}]}]}
proc gen::pattern {} {return [pick {* k* k1* ?1 k[12] [^k]* n* "" nosuch k\\1 *1* [a- k1}]}
