# fakeprimary.tcl - a primary made by hand: a listening socket in the test, and each word that a
# replica and its primary say to each other.
#
#   fake_primary port {
#       start_server [list overrides [list replicaof "127.0.0.1 $port"]] {
#           set link [accept_replica]
#           greet $link                         -> the words of PSYNC
#           full_copy $link [snapshot_of {k v}] -> the stream may follow
#           say $link [redis::encode {set a 1}]
#       }
#   }

source [file join [file dirname [file normalize [info script]]] payload.tcl]

namespace eval fake {
    variable waiting {}     ;# links that were not accepted yet
    variable links {}       ;# all, to be closed at the end
}

proc fake::arrived {fd host port} {
    variable waiting
    variable links
    fconfigure $fd -translation binary -blocking 1 -buffering none
    lappend waiting $fd
    lappend links $fd
}

# Runs code with a listening socket, whose port the variable gets.
proc fake_primary {name code} {
    upvar 1 $name port
    set listener [socket -server fake::arrived -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $listener -sockname] 2]
    set failed [catch {uplevel 1 $code} result options]
    close $listener
    foreach fd $fake::links {catch {close $fd}}
    set fake::waiting [set fake::links {}]
    return -options $options $result
}

# The next connection that came, waited for up to so many milliseconds.
proc accept_replica {{ms 8000}} {
    set end [expr {[clock milliseconds] + $ms}]
    while {![llength $fake::waiting]} {
        if {[clock milliseconds] > $end} {error "no replica connected within $ms ms"}
        set timer [after 50 {set fake::tick 1}]
        vwait fake::tick
        after cancel $timer
    }
    set fake::waiting [lassign $fake::waiting fd]
    return $fd
}

proc fake::no_replica ms {
    set failed [catch {accept_replica $ms}]
    return $failed
}

proc say {fd bytes} {
    puts -nonewline $fd $bytes
    flush $fd
}

# The words of the next command that the replica sends; "" is an empty line. It waits up to 10 s.
proc hear fd {
    set line [fake::read_line $fd]
    if {$line eq ""} {return ""}
    if {[string index $line 0] ne "*"} {return $line}
    set words {}
    for {set n [string range $line 1 end]} {$n > 0} {incr n -1} {
        set length [string range [fake::read_line $fd] 1 end]
        lappend words [fake::read_bytes $fd $length]
        fake::read_bytes $fd 2
    }
    return $words
}

proc fake::read_bytes {fd count} {
    set bytes ""
    set end [expr {[clock milliseconds] + 10000}]
    fconfigure $fd -blocking 0
    while {[string length $bytes] < $count} {
        append bytes [read $fd [expr {$count - [string length $bytes]}]]
        if {[string length $bytes] == $count} break
        if {[eof $fd]} {fconfigure $fd -blocking 1; error "the replica closed the connection"}
        if {[clock milliseconds] > $end} {fconfigure $fd -blocking 1; error "the replica is silent"}
        after 2
    }
    fconfigure $fd -blocking 1
    return $bytes
}

proc fake::read_line fd {
    set line ""
    while {[set byte [read_bytes $fd 1]] ne "\n"} {append line $byte}
    return [string trimright $line \r]
}

# The next command that is neither an empty line nor an acknowledgement of the second.
proc hear_other fd {
    while 1 {
        set words [hear $fd]
        if {$words eq "" || [lrange $words 0 1] eq "REPLCONF ACK"} continue
        return $words
    }
}

# The next acknowledgement's offset.
proc hear_ack fd {
    while {[lrange [set words [hear $fd]] 0 1] ne "REPLCONF ACK"} {}
    return [lindex $words 2]
}

# Waits until this offset is acknowledged.
proc wait_ack {fd offset} {
    for {set i 0} {$i < 20} {incr i} {
        if {[set last [hear_ack $fd]] == $offset} {return $offset}
    }
    fail "the replica acknowledges $last, and not $offset"
}

# Answers the handshake up to PSYNC, whose words it returns.
proc greet fd {
    while 1 {
        set words [hear $fd]
        switch -- [string tolower [lindex $words 0]] {
            ping {say $fd "+PONG\r\n"}
            psync {return $words}
            default {say $fd "+OK\r\n"}
        }
    }
}

set fake_id [string repeat 0123456789abcdef 3]
set fake_id [string range $fake_id 0 39]

# A snapshot with these strings, and fields of its head.
proc snapshot_of {keys {fields {}}} {
    set bytes "REDIS0010"
    foreach {name value} $fields {
        append bytes "\xfa[fake::text $name][fake::text $value]"
    }
    append bytes "\xfe\x00"
    foreach {name value} $keys {append bytes "\x00[fake::text $name][fake::text $value]"}
    append bytes "\xff"
    return $bytes[binary format w [crc64 $bytes]]
}

proc fake::text s {
    set length [string length $s]
    if {$length < 64} {return [binary format c $length]$s}
    return "\x80[binary format I $length]$s"
}

# Announces a full copy at this offset and sends it, in the form with a length.
proc full_copy {fd bytes {offset 0} {id ""}} {
    if {$id eq ""} {set id $::fake_id}
    say $fd "+FULLRESYNC $id $offset\r\n"
    say $fd "\$[string length $bytes]\r\n$bytes"
}

# The same in the form with a mark.
set fake_mark [string repeat m3 20]
proc full_copy_marked {fd bytes {offset 0} {more ""}} {
    say $fd "+FULLRESYNC $::fake_id $offset\r\n\$EOF:$::fake_mark\r\n$bytes$::fake_mark$more"
}
