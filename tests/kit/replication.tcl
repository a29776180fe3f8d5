# replication.tcl - waits for replicas, and a fake replica that reads the stream of writes.

proc wait_for_sync {client {tries 100} {delay 50}} {
    wait_for_condition $tries $delay {[status $client master_link_status] eq "up"} else {
        fail "the replica is not in sync"
    }
}

proc wait_replica_online {client {index 0} {tries 100} {delay 50}} {
    wait_for_condition $tries $delay {
        [string match "*state=online*" [status $client slave$index]]
    } else {
        fail "replica $index is not online"
    }
}

# Both servers have processed the stream up to the same offset.
proc wait_for_ofs_sync {first second} {
    wait_for_condition 100 50 {
        [status $first master_repl_offset] eq [status $second master_repl_offset]
    } else {
        fail "the offsets of primary and replica stay different"
    }
}

# Connects as a replica would, reads the full copy away, and leaves the channel where the stream
# of writes begins.
proc attach_to_replication_stream_on_connection connection {
    set fd [$connection channel]
    puts -nonewline $fd "SYNC\r\n"
    flush $fd
    while 1 {
        if {[gets $fd head] < 0} {error "the server closed the connection at SYNC"}
        set head [string trimright $head \r]
        if {$head ne ""} break      ;# empty lines are signs of life while a copy is made
    }
    if {![regexp {^\$(EOF:(.{40})|\d+)$} $head -> length mark]} {
        error "no full copy, but '$head'"
    }
    if {$mark eq ""} {
        read $fd $length
        return
    }
    set seen ""
    while {[string range $seen end-39 end] ne $mark} {
        set byte [read $fd 1]
        if {$byte eq ""} {error "the full copy ends early"}
        append seen $byte
        if {[string length $seen] > 4096} {set seen [string range $seen end-39 end]}
    }
}

proc attach_to_replication_stream {{level 0}} {
    set fd [socket [srv $level host] [srv $level port]]
    fconfigure $fd -translation binary
    set connection [redis::adopt_channel $fd]
    attach_to_replication_stream_on_connection $connection
    return $connection
}

proc redis::adopt_channel fd {
    set id [incr redis::next_id]
    array set redis::state [list $id,fd $fd $id,host "" $id,port 0 $id,defer 1 $id,readraw 0 \
        $id,attributes {} $id,db {}]
    interp alias {} ::redis::handle$id {} ::redis::dispatch $id
    return ::redis::handle$id
}

proc read_from_replication_stream connection {
    while 1 {
        set words [$connection read]
        if {$words ne ""} break
    }
    # Command names in suites are lower case.
    return [lreplace $words 0 0 [string tolower [lindex $words 0]]]
}

# The commands of the stream match the globs, in order; keep-alives do not count.
proc assert_replication_stream {connection patterns} {
    set index 0
    foreach pattern $patterns {
        while 1 {
            set command [read_from_replication_stream $connection]
            if {[lindex $command 0] ne "ping" && ![string match "replconf getack*" $command]} break
        }
        assert_match $pattern $command "command $index of the stream"
        incr index
    }
}

proc close_replication_stream connection {
    $connection close
}
