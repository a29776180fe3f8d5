# mixed_load.tcl - random writes of the grammar for a while, with expiries, transactions and changes
# of the database: `mixed_load.tcl SEED SECONDS "PORT ..." [PAUSE_MS]`.
#
# Goes on with the next port when a server is lost or refuses writes. Prints "commands N errors N
# lost N" each second; `lost` counts connections. Ends itself with what started it.

set home [file dirname [file normalize [info script]]]
source [file join $home client.tcl]
source [file join $home random.tcl]
# What the grammar says of replies concerns nobody here.
proc except args {}
namespace eval pair {variable exceptions {}}
foreach path [lsort [glob [file join [file dirname $home] interop grammar *.tcl]]] {source $path}
lassign $argv seed seconds ports pause
if {$pause eq ""} {set pause 0}

# Times that end soon, ids of the clock's, elements taken at random, whole databases.
group brief {
    9  SET @key @value PX (1|20|100|500)
    9  PEXPIRE @key (1|20|100|500)
    3  GETEX @key PX (10|100)
    3  HINCRBYFLOAT @key f 0.1
    9  XADD @gstream MAXLEN ~ 50 * f @value
    6  SPOP @setkey (1|2|100)
    6  SELECT (0|1|9)
    1  SWAPDB (0|1|9) (0|1|9)
    1  FLUSHDB (ASYNC|SYNC)
}
proc gen::setkey {} {return [pick {s1 s2 s3 k1 k2 k3}]}

# What blocks, or is about the connection or the server, is not of the load.
set groups {brief string bitmap generic list set hash zset stream hyperloglog geo sort}
gen::restrict $groups {}
set counts(commands) 0
set counts(errors) 0
set counts(lost) 0

proc batch {} {
    set commands {}
    for {set i [expr {1 + [gen::int 30]}]} {$i > 0} {incr i -1} {
        set command [gen::command]
        set name [string tolower [lindex $command 0]]
        # DEBUG and CONFIG come with the grammar of streams; WAIT and blocked pops stop a batch.
        if {$name in {wait waitaof config debug blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax
            bzmpop client}} continue
        if {$name in {xread xreadgroup} && [lsearch -nocase $command block] >= 0} continue
        # The real server makes room for what then overflows, and tells no replica of it.
        if {$name eq "bitfield" && [lsearch -nocase $command fail] >= 0} continue
        lappend commands $command
        # Where the two servers come to different states by right they are made equal.
        set next [gen::realignment $command]
        if {[llength $next]} {lappend commands $next}
    }
    if {[llength $commands] && rand() < 0.1} {set commands [linsert $commands 0 multi]; lappend commands exec}
    return $commands
}

proc finish {} {
    global counts
    puts "commands $counts(commands) errors $counts(errors) lost $counts(lost)"
    exit
}

proc run_batch fd {
    global counts pause
    set commands [batch]
    set bytes ""
    foreach command $commands {append bytes [redis::encode $command]}
    puts -nonewline $fd $bytes
    flush $fd
    set refused 0
    foreach command $commands {
        set reply [redis::raw_reply_from $fd]
        incr counts(commands)
        if {[string index $reply 0] eq "-"} {
            incr counts(errors)
            if {[regexp {^-(READONLY|LOADING|MASTERDOWN|UNBLOCKED)} $reply]} {set refused 1}
        }
    }
    if {[info exists ::env(KEEL_LOAD_STOP)] && [file exists $::env(KEEL_LOAD_STOP)]} finish
    if {$refused} {error "no primary"}
    if {$pause} {after $pause}
}

expr {srand($seed)}
set deadline [expr {[clock milliseconds] + int($seconds * 1000)}]
set parent [lindex [split [read [set f [open /proc/self/stat]]]] 3]
close $f
set next 0
set told 0
while {[clock milliseconds] < $deadline && [file exists /proc/$parent]} {
    if {![catch {redis::open_channel 127.0.0.1 [lindex $ports [expr {$next % [llength $ports]}]]} fd]} {
        catch {
            while {[clock milliseconds] < $deadline} {
                run_batch $fd
                if {[clock milliseconds] - $told > 500} {
                    set told [clock milliseconds]
                    puts "commands $counts(commands) errors $counts(errors) lost $counts(lost)"
                    flush stdout
                    if {![file exists /proc/$parent]} exit
                }
            }
        }
        catch {close $fd}
        incr counts(lost)
    }
    if {[info exists env(KEEL_LOAD_STOP)] && [file exists $env(KEEL_LOAD_STOP)]} finish
    incr next
    after 50
}
finish
