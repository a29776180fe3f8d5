# module_control.tcl - the same module files under the real server and under Keel: calls and their
# replies, configuration, events, blocking, filters, INFO, users and clients through the module ABI.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

proc module_pair {name code} {
    uplevel 1 [list start_pair [list tags {interop rm} args [list \
        --loadmodule [test_module $name] --enable-debug-command yes]] $code]
}

# Pushes and attributes: 7.0 has no types for the first and falls over the second.
set calls {{get s} {get nosuch} {get} {get a b} {get l} {set t x} {set} {incr n} {incrbyfloat n 0.5}
    {lrange l 0 -1} {lrange nosuch 0 -1} {hgetall h} {smembers i} {zrange z 0 -1 withscores}
    {zscore z one} {zscore z nosuch} {zmscore z one nosuch} {nosuchcommand x y} {config nosuch}
    {config} {ping} {echo "a b"} {blpop nosuch 0} {select 1} {dbsize} {exists s l h} {type l}
    {sinter i i} {keys nosuch*} {debug protocol map} {debug protocol set} {debug protocol bignum}
    {debug protocol true} {debug protocol null} {debug protocol double} {debug protocol verbatim}
    {debug protocol array} {flushall x} {auth x} {hello 9} {subscribe a}}

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
                    if {$command ne "subscribe a"} {same call.pass $letters {*}$command}
                }
            }
        }
    }
    test "formats are understood alike" {same call.formats one two three}
    test "calls nest" {
        same call.nested 5 a b
        same call.nested 20 a b c d e f g h i j k l m n o p q r s t u v w x y z
    }
    test "calls in a transaction" {
        same_all {{multi} {call.describe E get s} {call.describe E blpop nosuch 0}
                  {call.describe "" select 3} {dbsize} {exec}}
    }
}
