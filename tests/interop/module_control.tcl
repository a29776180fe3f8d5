# module_control.tcl - the same module files under the real server and under Keel: calls and their
# replies, configuration, events, blocking, filters, INFO, users and clients through the module ABI.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

set sanitized [pair::cannot_load_modules]

# Pushes and attributes: 7.0 has no types for the first and falls over the second.
set calls {{get s} {get nosuch} {get} {get a b} {get l} {set t x} {set} {incr n} {incrbyfloat n 0.5}
    {lrange l 0 -1} {lrange nosuch 0 -1} {hgetall h} {smembers i} {zrange z 0 -1 withscores}
    {zscore z one} {zscore z nosuch} {zmscore z one nosuch} {nosuchcommand x y} {config nosuch}
    {config} {ping} {echo "a b"} {blpop nosuch 0} {select 1} {dbsize} {exists s l h} {type l}
    {sinter i i} {keys nosuch*} {debug protocol map} {debug protocol set} {debug protocol bignum}
    {debug protocol true} {debug protocol null} {debug protocol double} {debug protocol verbatim}
    {debug protocol array} {flushall x} {auth x} {hello 9} {subscribe a} {multi} {exec} {discard} {watch s} {unwatch} {reset}
    {client reply off}}
set silent {"subscribe a" "client reply off"} ;# no reply, or none of its own

module_pair rm_call {
    foreach protocol {2 3} {
        test "calls answer alike in RESP$protocol" {
            pair::reconnect
            if {$protocol == 3} {foreach fd $pair::channels {
                puts -nonewline $fd [redis::encode {hello 3}]
                flush $fd
                redis::raw_reply_from $fd
            }}
            same flushall
            same_all {{set s hello} {set n 12} {rpush l a b c} {hset h f v g w} {sadd i 1 2 3}
                      {zadd z 1.5 one 2 two}}
            foreach letters {"" E 3 3E 0 0E CE S SE W WE M ! !A !R !AR 3C} {
                foreach command $calls {
                    # Blocking commands may run in scripts since 7.2.
                    if {[string match S* $letters] && [lindex $command 0] eq "blpop"} continue
                    same call.describe $letters {*}$command
                }
            }
        }
        test "replies are passed on alike in RESP$protocol" {
            # 7.0 gives RESP3 to clients of RESP2 unless the reply was looked at before.
            foreach letters [expr {$protocol == 2 ? "E 0E" : "E 3E 0E"}] {
                foreach command $calls {
                    if {$command ni $silent} {same call.pass $letters {*}$command}
                }
            }
        }
    }
    test "formats are understood alike" {same call.formats one two three}
    test "names of commands are taken as they are at each call" {
        foreach word {encoding refcount ENCODING nosuch encoding help} {
            same call.places n $word
            same call.places nosuch $word
        }
        same call.places h
    }
    test "calls nest" {
        same call.nested 5 a b
        same call.nested 20 a b c d e f g h i j k l m n o p q r s t u v w x y z
    }
    test "calls in a transaction" {
        same_all {{multi} {call.describe E get s} {call.describe E blpop nosuch 0}
                  {call.describe "" select 3} {dbsize} {exec}}
    }
}

# ---- rm_frame: what outlives a callback -----------------------------------------------------------

module_pair rm_frame {
    test "what is kept and what is left behind" {
        same_all {{frame.keep one two {} three} {frame.append a b} {frame.kept} {frame.shuffle a b c}
                  {frame.append a c} {frame.keys "" k1 k2 k3} {frame.keys lmf k1 k2 k3}
                  {frame.keys ccflm k1 k2} {frame.keys cccooommmfffl k1 k2 k3} {mget k1 k2 made2}
                  {frame.deep 8 w} {frame.auto a b c d e f g} {frame.kept} {frame.drop} {frame.kept}
                  {frame.append x {}}}
    }
}

# ---- rm_control: all that is not commands and keys ---------------------------------------------

except "config get rm_control.\**" unordered "the order of settings is the table's"
except "config set rm_control.number 13" error_code "7.0 leaves the module's name out"

module_pair rm_control {
    test "settings answer and refuse alike" {
        pair::exchange {ctl.heard} ;# who connected, in whatever order
        same ctl.errors
        same ctl.config
        foreach command {{flag no} {flag no} {flag maybe} {refuses yes} {mute yes} {number 7}
                         {number 7} {number 5000} {number x} {number 13} {memory 1mb} {memory 1gb}
                         {memory x} {fixed 4} {text "a b  c"} {text ""} {level high} {level HIGH}
                         {level no} {bits "a b"} {bits "a d"} {bits ""}
                         {number 8 rm_control.flag yes} {number 9 rm_control.refuses yes}} {
            same config set rm_control.[lindex $command 0] {*}[lrange $command 1 end]
            same ctl.config
        }
        same config get rm_control.*
        same config get rm_control.bits
        same ctl.heard
    }
    test "INFO of a module reads alike" {
        foreach words {rm_control rm_control_more nosuch RM_CONTROL_LAST
                       {rm_control_last rm_control_more}} {
            same info {*}$words
        }
        foreach command {{clients connected_clients} {server redis_mode} {nosuch x} {server nosuch}
                         {"" tcp_port}} {
            same ctl.info {*}$command
        }
    }
    test "clients and the context's state look alike" {
        same_all {{ctl.client joe} {ctl.client "a b"} {client getname} {ctl.flags} {multi} {ctl.flags}
                  {exec} {config set maxmemory 1gb} {ctl.flags}
                  {config set maxmemory-policy allkeys-lru} {ctl.flags} {config set maxmemory 0}
                  {ctl.publish a b}}
    }
    test "events and notifications are heard alike" {
        same_all {{ctl.heard} {set a 1} {del a} {select 3} {lpush l x} {select 0} {flushdb}
                  {flushall async} {swapdb 0 1} {config set maxmemory 0 hz 10} {ctl.heard}
                  {get nosuch} {expire nosuch 1} {rename nosuch b} {ctl.notify kk} {ctl.heard}
                  {config set notify-keyspace-events KEA} {ctl.notify kk}
                  {config set notify-keyspace-events ""} {ctl.heard} {ctl.event 999 1}
                  {ctl.event 2 0} {flushall} {ctl.heard} {ctl.event 2 1} {flushall}
                  {ctl.heard}}
    }
    test "files, keys' ends, databases: events are heard alike" {
        same_all {{flushall} {set a 1} {ctl.event 1 1} {ctl.event 3 1} {ctl.event 13 1} {ctl.heard} {save} {ctl.heard}
                  {debug reload} {ctl.heard} {select 2} {set x 1} {select 0} {swapdb 0 2} {flushdb} {ctl.heard}
                  {ctl.event 1 0} {ctl.event 3 0} {ctl.event 13 0} {save} {ctl.heard}}
    }
    test "clients wait and are answered alike" {
        foreach how {now thread thread-reply abort} {same ctl.block $how 0}
        same ctl.pop nosuch 20
        same ctl.freed
        same_all {{multi} {ctl.block now 0} {exec}}
        same ctl.pop q 0x
    }
    test "filters exchange words alike" {
        same_all {{ctl.filter on} {@echo hi} {@drop a b} {@set k} {get k} {ctl.filtercall} {multi}
                  {@echo q} {@set k2} {exec} {get k2} {@nosuch} {@drop} {echo plain}
                  {ctl.filter noself} {@echo hi} {ctl.filtercall} {ctl.filter off} {@echo hi}
                  {ctl.filtercall} {echo x}}
    }
}
