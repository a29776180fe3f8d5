# faultlink.tcl - a connection to a server that can be cut, slowed, held: tests/tools/faultlink.c.
#
#   source faultlink.tcl                     (after kit.tcl)
#   set link [fault_link $host $port]        connect to 127.0.0.1:[$link port] instead
#   $link cut down 1000                      after that many more bytes from the server: cut
#   $link count                              {opened 1 live 0 up 90 down 1000 cuts 1}
#   $link close
#
# The commands are those of faultlink.c. The program ends with this process.

namespace eval faultlink {
    variable next 0
    variable channel
    variable port
}

proc faultlink::program {} {
    set build $kit::tree/build
    if {$kit::binary ne "real"} {set build [file dirname [file normalize $kit::binary]]}
    return [file join $build tools faultlink]
}

proc have_fault_link {} {
    return [file executable [faultlink::program]]
}

proc fault_link {host to} {
    set from [find_available_port]
    set fd [open |[list [faultlink::program] $from $host $to] r+]
    fconfigure $fd -buffering line
    kit::adopt [pid $fd]
    if {[gets $fd] ne "ready"} {error "the faulty link does not start"}
    set id [incr faultlink::next]
    set faultlink::channel($id) $fd
    set faultlink::port($id) $from
    interp alias {} ::faultlink::link$id {} ::faultlink::order $id
    return ::faultlink::link$id
}

proc faultlink::order {id verb args} {
    variable channel
    variable port
    switch -exact -- $verb {
        port {return $port($id)}
        pid {return [pid $channel($id)]}
        close {
            interp alias {} ::faultlink::link$id {}
            catch {close $channel($id)}
            return
        }
    }
    puts $channel($id) "$verb $args"
    set answer [gets $channel($id)]
    if {$verb eq "count"} {return $answer}
    if {$answer ne "ok"} {error "faultlink: $verb $args: $answer"}
}
