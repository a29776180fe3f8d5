# client.tcl - a blocking RESP2/RESP3 client: `redis HOST PORT ?DEFER? ?TLS? ?TLSOPTS? ?READRAW?`.
#
# The handle that it returns is a command. Whatever is not a method below is sent to the server
# as a command, binary safe, and the decoded reply is the result; an error reply is thrown with
# its text ("ERR ...") as the message.
#
#   $rd deferred 0|1     1: commands are only sent, `$rd read` fetches each reply later
#   $rd read             decodes the next reply (with readraw 1: the next line, without CRLF)
#   $rd readraw 0|1      1: replies are returned line by line, undecoded
#   $rd rawread ?N?      N bytes as they come; without N everything up to end of file
#   $rd rawreply         the exact bytes of one whole reply, nested elements included
#   $rd raw CMD ...      sends CMD and returns the exact bytes of its reply
#   $rd write BYTES      appends bytes to the output buffer; $rd flush sends them
#   $rd attributes       the RESP3 attribute that came before the last reply
#   $rd blocking 0|1     the channel's blocking mode
#   $rd channel          the Tcl channel ("" when the connection is lost)
#   $rd close            closes and forgets the handle
#
# How types decode: maps and sets and pushes are flat lists, null and the null array are "",
# booleans are 1 and 0, doubles and big numbers keep their text, a verbatim string loses its
# four-byte format prefix. When the server hangs up, the pending call throws
# "I/O error reading reply" and the next command of the handle connects again.

namespace eval redis {
    variable state
    variable next_id 0
    variable methods {
        deferred read readraw rawread rawreply raw write flush attributes blocking channel close
    }
    array set state {}
}

proc redis {{host 127.0.0.1} {port 6379} {defer 0} {tls 0} {tlsoptions {}} {readraw 0}} {
    if {$tls} {error "the kit speaks no TLS"}
    set fd [redis::open_channel $host $port]
    set id [incr redis::next_id]
    array set redis::state [list \
        $id,fd $fd $id,host $host $id,port $port $id,defer $defer $id,readraw $readraw \
        $id,attributes {} $id,db {}]
    interp alias {} ::redis::handle$id {} ::redis::dispatch $id
    return ::redis::handle$id
}

proc redis::open_channel {host port} {
    set fd [socket $host $port]
    fconfigure $fd -translation binary -buffering full -buffersize 65536
    return $fd
}

# One command in the multibulk form of the protocol.
proc redis::encode {words} {
    set out "*[llength $words]\r\n"
    foreach word $words {
        # An argument is bytes. Text beyond Latin-1 goes out as UTF-8.
        if {[regexp {[^\u0000-\u00ff]} $word]} {set word [encoding convertto utf-8 $word]}
        append out \$ [string length $word] \r\n $word \r\n
    }
    return $out
}

proc formatCommand args {
    return [redis::encode $args]
}

proc redis::dispatch {id args} {
    variable state
    variable methods
    set name [lindex $args 0]
    if {$name in $methods} {
        return [do_$name $id {*}[lrange $args 1 end]]
    }
    send $id $args
    if {$state($id,defer)} return
    set reply [do_read $id]
    if {[string equal -nocase $name select]} {set state($id,db) [lindex $args 1]}
    return $reply
}

# Writes a command, connecting first if the last connection was lost. A deferring client never
# reconnects: the replies it still waits for are gone, and its test must learn that.
proc redis::send {id words} {
    variable state
    if {$state($id,fd) eq ""} {
        if {$state($id,defer)} {error "I/O error: connection is closed"}
        set state($id,fd) [open_channel $state($id,host) $state($id,port)]
        if {$state($id,db) ne ""} {
            puts -nonewline $state($id,fd) [encode [list select $state($id,db)]]
            flush $state($id,fd)
            catch {read_reply $id}
            if {$state($id,fd) eq ""} {error "I/O error: the server closed the new connection"}
        }
    }
    if {[catch {
        puts -nonewline $state($id,fd) [encode $words]
        flush $state($id,fd)
    } err]} {
        lose $id
        error "I/O error writing command: $err"
    }
}

# Closes the channel of a broken connection, keeps the handle.
proc redis::lose id {
    variable state
    catch {close $state($id,fd)}
    set state($id,fd) ""
}

proc redis::line id {
    variable state
    if {$state($id,fd) eq ""} {error "I/O error reading reply"}
    if {[catch {gets $state($id,fd) text} got] || $got < 0} {
        # A non-blocking channel without a whole line is not a lost one.
        if {[string is integer -strict $got] && $state($id,fd) ne "" && ![eof $state($id,fd)]} {
            return ""
        }
        lose $id
        error "I/O error reading reply"
    }
    return $text
}

proc redis::bytes {id count} {
    variable state
    if {$state($id,fd) eq ""} {error "I/O error reading reply"}
    if {[catch {read $state($id,fd) $count} data] || [string length $data] != $count} {
        lose $id
        error "I/O error reading reply"
    }
    return $data
}

proc redis::trim_cr text {
    if {[string index $text end] eq "\r"} {return [string range $text 0 end-1]}
    return $text
}

# Decodes one reply. Errors inside an aggregate are thrown after the whole aggregate was read,
# so that the stream stays in step.
proc redis::read_reply id {
    variable state
    set head [trim_cr [line $id]]
    set rest [string range $head 1 end]
    switch -exact -- [string index $head 0] {
        + - : - ( - , {return $rest}
        - {return -code error -errorcode {REDIS REPLY} $rest}
        \$ - = {
            if {$rest == -1} {return ""}
            set data [bytes $id $rest]
            bytes $id 2
            if {[string index $head 0] eq "="} {return [string range $data 4 end]}
            return $data
        }
        ! {
            set data [bytes $id $rest]
            bytes $id 2
            return -code error -errorcode {REDIS REPLY} $data
        }
        _ {return ""}
        # {
            switch -exact -- $rest {t {return 1} f {return 0}}
            error "Bad protocol, '$head' as a boolean"
        }
        * - ~ - > {
            if {$rest == -1} {return ""}
            return [read_aggregate $id $rest]
        }
        % {return [read_aggregate $id [expr {$rest * 2}]]}
        | {
            set state($id,attributes) [read_aggregate $id [expr {$rest * 2}]]
            return [read_reply $id]
        }
    }
    if {$head eq ""} {error "Bad protocol, empty line as reply type"}
    error "Bad protocol, '[string index $head 0]' as reply type byte"
}

proc redis::read_aggregate {id count} {
    variable state
    set items {}
    set first_error ""
    for {set i 0} {$i < $count} {incr i} {
        if {[catch {read_reply $id} item options]} {
            if {$state($id,fd) eq ""} {error $item}
            if {[dict get $options -errorcode] ne {REDIS REPLY}} {return -options $options $item}
            if {$first_error eq ""} {set first_error $item}
        }
        lappend items $item
    }
    if {$first_error ne ""} {return -code error -errorcode {REDIS REPLY} $first_error}
    return $items
}

# The exact bytes of one reply from a channel; throws when the channel ends first.
# It keeps a count of elements still to come instead of recursing.
proc redis::raw_reply_from fd {
    set out ""
    set due 1
    while {$due > 0} {
        if {[gets $fd head] < 0} {error "I/O error reading reply"}
        append out $head \n
        incr due -1
        set rest [string range $head 1 end-1]
        switch -exact -- [string index $head 0] {
            \$ - = - ! {
                if {$rest >= 0} {
                    set data [read $fd [expr {$rest + 2}]]
                    if {[string length $data] != $rest + 2} {error "I/O error reading reply"}
                    append out $data
                }
            }
            * - ~ - > {if {$rest > 0} {incr due $rest}}
            % {incr due [expr {$rest * 2}]}
            | {incr due [expr {$rest * 2 + 1}]}
            + - - - : - ( - , - _ - # {}
            default {error "Bad protocol, '$head' where a reply should begin"}
        }
    }
    return $out
}

# The methods.

proc redis::do_deferred {id value} {
    variable state
    set state($id,defer) $value
}

proc redis::do_readraw {id value} {
    variable state
    set state($id,readraw) $value
}

proc redis::do_read id {
    variable state
    if {$state($id,readraw)} {return [trim_cr [line $id]]}
    return [read_reply $id]
}

proc redis::do_rawread {id {count -1}} {
    variable state
    if {$state($id,fd) eq ""} {error "I/O error reading reply"}
    if {$count == -1} {return [read $state($id,fd)]}
    return [read $state($id,fd) $count]
}

proc redis::do_rawreply id {
    variable state
    if {$state($id,fd) eq ""} {error "I/O error reading reply"}
    if {[catch {raw_reply_from $state($id,fd)} out options]} {
        lose $id
        return -options $options $out
    }
    return $out
}

proc redis::do_raw {id args} {
    send $id $args
    return [do_rawreply $id]
}

proc redis::do_write {id data} {
    variable state
    puts -nonewline $state($id,fd) $data
}

proc redis::do_flush id {
    variable state
    flush $state($id,fd)
}

proc redis::do_attributes id {
    variable state
    return $state($id,attributes)
}

proc redis::do_blocking {id value} {
    variable state
    fconfigure $state($id,fd) -blocking $value
}

proc redis::do_channel id {
    variable state
    return $state($id,fd)
}

proc redis::do_close id {
    variable state
    catch {close $state($id,fd)}
    array unset state $id,*
    catch {interp alias {} ::redis::handle$id {}}
}
