# peer.tcl - a replica made by hand: a socket that says what a replica says, and nothing by itself.
#
#   set p [peer_open]
#   peer_ask $p "REPLCONF capa eof capa psync2"    the line that comes back
#   peer_sync $p                                   a full copy: {id offset payload}
#   peer_stream $p                                 the next command of the stream
#
# Nothing waits for more than some seconds: what does not come is an error.

namespace eval peer {
    variable patience 8000
    variable kept          ;# by channel: bytes that have come
}

proc peer_open {{level 0}} {
    set fd [socket [srv $level host] [srv $level port]]
    fconfigure $fd -translation binary -buffering none -blocking 0
    set peer::kept($fd) ""
    return $fd
}

proc peer_close fd {
    unset -nocomplain peer::kept($fd)
    catch {close $fd}
}

# Words as an inline request.
proc peer_say {fd line} {puts -nonewline $fd "$line\r\n"}

# Waits for more bytes; false: the server has closed.
proc peer::more {fd} {
    variable patience
    variable kept
    set until [expr {[clock milliseconds] + $patience}]
    while 1 {
        set got [read $fd]
        if {$got ne ""} {
            append kept($fd) $got
            return 1
        }
        if {[eof $fd]} {return 0}
        if {[clock milliseconds] > $until} {error "the server says nothing"}
        after 2
    }
}

# The next line that is no sign of life (an empty one). "" when the server has closed.
proc peer_line fd {
    upvar #0 peer::kept($fd) kept
    while 1 {
        set kept [string trimleft $kept \n]
        set end [string first \r\n $kept]
        if {$end >= 0} break
        if {![peer::more $fd]} {return ""}
    }
    set line [string range $kept 0 $end-1]
    set kept [string range $kept $end+2 end]
    return $line
}

proc peer_ask {fd line} {
    peer_say $fd $line
    return [peer_line $fd]
}

# The next `n` bytes.
proc peer_bytes {fd n} {
    upvar #0 peer::kept($fd) kept
    while {[string length $kept] < $n} {
        if {![peer::more $fd]} {error "the server closed after [string length $kept] bytes of $n"}
    }
    set bytes [string range $kept 0 $n-1]
    set kept [string range $kept $n end]
    return $bytes
}

# Bytes that come within some milliseconds, all of them.
proc peer_pending {fd {ms 100}} {
    upvar #0 peer::kept($fd) kept
    after $ms
    append kept [read $fd]
    return $kept
}

proc peer_closed fd {
    while {[peer::more $fd]} {}
    return 1
}

# A full copy's bytes, of either form.
proc peer_payload fd {
    upvar #0 peer::kept($fd) kept
    set head [peer_line $fd]
    if {[regexp {^\$(\d+)$} $head -> length]} {return [peer_bytes $fd $length]}
    if {![regexp {^\$EOF:(.{40})$} $head -> mark]} {error "no full copy, but '$head'"}
    set from 0
    while {[set at [string first $mark $kept $from]] < 0} {
        set from [expr {max(0, [string length $kept] - 40)}]
        if {![peer::more $fd]} {error "the copy ends early"}
    }
    set payload [string range $kept 0 $at-1]
    set kept [string range $kept [expr {$at + 40}] end]
    return $payload
}

# PSYNC for a full copy: its id, its offset and its bytes.
proc peer_sync {fd {id ?} {offset -1}} {
    set line [peer_ask $fd "PSYNC $id $offset"]
    if {![regexp {^\+FULLRESYNC ([0-9a-f]{40}) (\d+)$} $line -> id offset]} {
        error "no full copy, but '$line'"
    }
    return [list $id $offset [peer_payload $fd]]
}

# The next command of the stream.
proc peer_stream fd {
    set line [peer_line $fd]
    if {![regexp {^\*(\d+)$} $line -> count]} {error "no command, but '$line'"}
    set words {}
    for {set i 0} {$i < $count} {incr i} {
        regexp {^\$(\d+)$} [peer_line $fd] -> length
        lappend words [peer_bytes $fd $length]
        peer_bytes $fd 2
    }
    return $words
}

# The same without what keeps the link alive.
proc peer_command fd {
    while 1 {
        set words [peer_stream $fd]
        if {$words ni {ping {REPLCONF GETACK *}}} {return $words}
    }
}

proc peer::count_online level {
    return [regexp -all {state=online} [{*}[srv $level client] info replication]]
}

# A replica that is online at the stream's end. A server may hear of the end of its child later than
# it hears of us, so it is told until it believes.
proc peer_online {{level 0} {port 0}} {
    set before [peer::count_online $level]
    set fd [peer_open $level]
    peer_ask $fd "REPLCONF capa eof capa psync2"
    if {$port} {peer_ask $fd "REPLCONF listening-port $port"}
    lassign [peer_sync $fd] id offset
    wait_for_condition 100 20 {[peer_say $fd "REPLCONF ACK $offset"] eq "" &&
                               [peer::count_online $level] > $before} else {
        fail "the replica is not online"
    }
    peer_say $fd "REPLCONF ACK $offset"
    return $fd
}
