# strings.tcl - SET, GET and everything else of the string group.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set NOT_INT "ERR value is not an integer or out of range"
set SYNTAX "ERR syntax error"
set WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
set TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
set MAX 9223372036854775807
set MIN -9223372036854775808

# The expiry of a key is between so many milliseconds from now.
proc assert_pttl {key min max} {assert_range [r pttl $key] $min $max "pttl of $key"}

# A key that holds no string.
proc make_other key {
    r del $key
    if {[llength [witness]]} {r witness.other $key} else {r rpush $key a}
}

# The module that makes such keys, where the server is ours: words for `overrides`.
proc witness {} {
    set path [file join [file dirname $::kit::binary] tests modules witness.so]
    if {$::kit::binary eq "real"} {return {}}
    return [list loadmodule $path]
}

start_server [list tags {string} overrides [witness]] {
    test "SET and GET keep a value" {
        r set x foobar
        r get x
    } foobar

    test "SET and GET keep an empty value" {
        r set x {}
        list [r get x] [r exists x] [r strlen x]
    } {{} 1 0}

    test "GET of a missing key is null" {
        r del x
        r get x
    } {}

    test "keys and values may hold any bytes" {
        set key "k\0\r\n\xff"
        foreach value [list "\0" "a\0b" "\r\n" "\xff\xfe" [string repeat "\0" 300] "\$5\r\nabc"] {
            r set $key $value
            assert_equal [r get $key] $value
            assert_equal [r strlen $key] [string length $value]
        }
        r del $key
    } 1

    test "an empty key is a key" {
        r set {} v
        list [r get {}] [r exists {}] [r del {}]
    } {v 1 1}

    test "values of every size come back as they were" {
        foreach size {1 7 8 11 20 21 44 45 63 64 255 256 1000 1024 1025 4096 16383 32767 32768
                      32769 65536 100000 1000000} {
            set value [string range [string repeat "0123456789abcdefg" [expr {$size/17+1}]] 1 $size]
            r set size:$size $value
            assert_equal [r get size:$size] $value "size $size"
            assert_equal [r strlen size:$size] $size
        }
        foreach size {1000000 32768 1025 1024 45 8 1 64 32769} {
            r set again [string repeat x $size]
            assert_equal [r strlen again] $size "overwritten with size $size"
            assert_equal [r get again] [string repeat x $size]
        }
    }

    test "large keys work as keys" {
        foreach size {254 255 256 257 65535 65536 70000} {
            set key [string repeat k $size]
            r set $key $size
            assert_equal [r get $key] $size
            assert_equal [r del $key] 1
        }
    }

    test "integers keep exactly the digits that were set" {
        foreach v [list 0 -1 1 10 9999 10000 2147483647 2147483648 -2147483649 $MAX $MIN \
                       9223372036854775808 -9223372036854775809 007 +1 -0 "1 " " 1" 1.0 1e3 - {} \
                       00 0x10 12345678901234567890 99999999999999999999] {
            r set n $v
            assert_equal [r get n] $v
            assert_equal [r strlen n] [string length $v]
        }
    }

    test "OBJECT ENCODING knows int, embstr and raw" {
        foreach {value encoding} [list 1 int $MAX int $MIN int 9223372036854775808 embstr 01 embstr \
                {} embstr [string repeat a 44] embstr [string repeat a 45] raw \
                [string repeat a 2000] raw [string repeat 1 19] int [string repeat 1 20] embstr] {
            r set e $value
            assert_encoding $encoding e
        }
        r set e abc
        r append e d
        assert_encoding raw e
        r set e 12
        r incr e
        assert_encoding int e
        r incrbyfloat e 1
        assert_encoding embstr e
        r incr e
        assert_encoding int e
        r set e 12
        r incr e
        r append e 4
        assert_encoding raw e
        r incr e
        assert_encoding int e
        r get e
    } 135

    test "TYPE is string" {
        r set x 1
        assert_type string x
    }

    test "SET replaces a value of another type and its expiry" {
        make_other x
        r set x hello ex 100
        assert_equal [r get x] hello
        r set x bye
        assert_equal [r ttl x] -1
        assert_type string x
    }

    # ---- SET's options

    test "SET with EX, PX, EXAT and PXAT sets the expiry" {
        r set x v ex 100
        assert_pttl x 98000 100000
        r set x v PX 100000
        assert_pttl x 98000 100000
        r set x v exat [expr {[clock seconds] + 100}]
        assert_pttl x 97000 100000
        r set x v pXaT [expr {[clock milliseconds] + 100000}]
        assert_pttl x 97000 100000
    }

    test "SET without options removes the expiry, with KEEPTTL keeps it" {
        r set x v ex 100
        r set x w keepttl
        assert_pttl x 98000 100000
        assert_equal [r get x] w
        r set x u
        assert_equal [r ttl x] -1
        r set x t KEEPTTL
        r ttl x
    } -1

    test "KEEPTTL survives a change of form" {
        r set x 1 ex 100
        foreach v [list abc 12 [string repeat y 5000] 7 [string repeat z 200] {}] {
            r set x $v keepttl
            assert_equal [r get x] $v
            assert_pttl x 97000 100000
        }
    }

    test "SET with a time in the past leaves no key" {
        r set x v
        assert_equal [r set x w pxat 1] OK
        assert_equal [r exists x] 0
        assert_equal [r set x w exat 1] OK
        r get x
    } {}

    test "a key is gone when its time is over" {
        r set x v px 30
        assert_equal [r get x] v
        after 60
        list [r get x] [r exists x] [r ttl x] [r strlen x]
    } {{} 0 -2 0}

    test "NX sets only what is missing, also when it has just expired" {
        r del x
        assert_equal [r set x a nx] OK
        assert_equal [r set x b NX] {}
        assert_equal [r get x] a
        r set x a px 20
        after 50
        assert_equal [r set x c nx] OK
        r get x
    } c

    test "XX sets only what exists, of any type" {
        r del x
        assert_equal [r set x a xx] {}
        assert_equal [r exists x] 0
        r set x a
        assert_equal [r set x b XX] OK
        assert_equal [r get x] b
        make_other x
        assert_equal [r set x c xx] OK
        r get x
    } c

    test "a condition that fails leaves the expiry alone" {
        r set x a ex 100
        assert_equal [r set x b nx ex 5] {}
        assert_pttl x 98000 100000
    }

    test "SET GET replies with the old value" {
        r del x
        assert_equal [r set x a get] {}
        assert_equal [r set x b get] a
        assert_equal [r set x c get get ex 100] b
        assert_equal [r set x 5 GET KEEPTTL] c
        assert_pttl x 98000 100000
        assert_equal [r set x 6 get] 5
        r get x
    } 6

    test "SET GET with NX and XX" {
        r del x
        assert_equal [r set x a get xx] {}
        assert_equal [r exists x] 0
        assert_equal [r set x a nx get] {}
        assert_equal [r get x] a
        assert_equal [r set x b nx get] a
        assert_equal [r get x] a
        assert_equal [r set x b get xx] a
        r get x
    } b

    test "SET GET refuses another type and changes nothing" {
        make_other x
        assert_error $WRONGTYPE {r set x a get}
        assert_error $WRONGTYPE {r set x a nx get}
        assert {[r type x] in {list witness}}
    }

    test "SET refuses options that contradict each other, and unknown ones" {
        foreach options {{nx xx} {xx nx} {ex 1 px 1} {px 1 ex 1} {ex 1 keepttl} {keepttl ex 1}
                {keepttl px 1} {exat 1 pxat 1} {ex 1 exat 1} {pxat 1 keepttl} {foo} {ex} {px} {exat}
                {nx ex} {persist} {ex 1 persist} {{}} {10} {ex 10 20} {nxx} {n} {"nx "} {get foo}} {
            assert_error $SYNTAX {r set x a {*}$options}
        }
        assert_error $SYNTAX {r set x a [string repeat "\0" 100]}
    }

    test "SET takes the same option twice: the last one counts" {
        assert_equal [r set x v ex 5 ex 100] OK
        assert_pttl x 98000 100000
        assert_equal [r set x v xx xx] OK
        r set x v keepttl keepttl
    } OK

    test "SET refuses times that are no time" {
        foreach {options message} [list \
            {ex 0} "ERR invalid expire time in 'set' command" \
            {ex -1} "ERR invalid expire time in 'set' command" \
            {px 0} "ERR invalid expire time in 'set' command" \
            {exat 0} "ERR invalid expire time in 'set' command" \
            {pxat -1} "ERR invalid expire time in 'set' command" \
            "ex $MAX" "ERR invalid expire time in 'set' command" \
            "px $MAX" "ERR invalid expire time in 'set' command" \
            "exat $MAX" "ERR invalid expire time in 'set' command" \
            "ex 9223372036854776" "ERR invalid expire time in 'set' command" \
            "ex 9223372036854775" "ERR invalid expire time in 'set' command" \
            {ex a} $NOT_INT {px 1.5} $NOT_INT {ex 9223372036854775808} $NOT_INT {ex {}} $NOT_INT] {
            assert_error $message {r set x a {*}$options} $options
        }
        assert_equal [r set x a pxat $MAX] OK
        r set x a exat 9223372036854775
    } OK

    test "a bad time is refused before the condition and the type are looked at" {
        make_other x
        assert_error "ERR invalid expire time in 'set' command" {r set x a ex 0 get}
        assert_error "ERR invalid expire time in 'set' command" {r set x a nx ex 0}
    }

    test "SETNX sets only what is missing" {
        r del x
        assert_equal [r setnx x a] 1
        assert_equal [r setnx x b] 0
        assert_equal [r get x] a
        make_other x
        assert_equal [r setnx x b] 0
        r set x a px 20
        after 50
        assert_equal [r setnx x b] 1
        list [r get x] [r ttl x]
    } {b -1}

    test "SETEX and PSETEX set value and expiry" {
        r setex x 100 a
        assert_pttl x 98000 100000
        r psetex x 50000 b
        assert_pttl x 48000 50000
        make_other x
        r setex x 100 12
        r get x
    } 12

    test "SETEX and PSETEX refuse times that are no time" {
        foreach {command time message} [list \
            setex 0 "ERR invalid expire time in 'setex' command" \
            setex -10 "ERR invalid expire time in 'setex' command" \
            setex $MAX "ERR invalid expire time in 'setex' command" \
            psetex 0 "ERR invalid expire time in 'psetex' command" \
            psetex $MAX "ERR invalid expire time in 'psetex' command" \
            setex a $NOT_INT psetex 1.0 $NOT_INT] {
            assert_error $message {r $command x $time v}
        }
    }

    # ---- reading with a change

    test "GETSET replies with the old value and drops the expiry" {
        r del x
        assert_equal [r getset x a] {}
        r expire x 100
        assert_equal [r getset x b] a
        assert_equal [r ttl x] -1
        assert_equal [r getset x 3] b
        assert_equal [r getset x 4] 3
        make_other x
        assert_error $WRONGTYPE {r getset x v}
        assert {[r type x] in {list witness}}
    }

    test "GETDEL replies and deletes" {
        r set x v
        assert_equal [r getdel x] v
        assert_equal [r exists x] 0
        assert_equal [r getdel x] {}
        r set x [string repeat v 100000]
        assert_equal [string length [r getdel x]] 100000
        r set x 42
        assert_equal [r getdel x] 42
        make_other x
        assert_error $WRONGTYPE {r getdel x}
        r exists x
    } 1

    test "GETEX reads, and changes the expiry as it is told" {
        r del x
        assert_equal [r getex x] {}
        assert_equal [r getex x ex 0] {} "the time of a missing key is not looked at"
        r set x v
        assert_equal [r getex x] v
        assert_equal [r ttl x] -1
        assert_equal [r getex x ex 100] v
        assert_pttl x 98000 100000
        assert_equal [r getex x] v
        assert_pttl x 98000 100000
        assert_equal [r getex x px 50000] v
        assert_pttl x 48000 50000
        assert_equal [r getex x exat [expr {[clock seconds] + 100}]] v
        assert_pttl x 97000 100000
        assert_equal [r getex x pxat [expr {[clock milliseconds] + 100000}]] v
        assert_pttl x 97000 100000
        assert_equal [r getex x persist] v
        assert_equal [r ttl x] -1
        r getex x PERSIST
    } v

    test "GETEX with a time in the past deletes the key" {
        r set x v
        assert_equal [r getex x pxat 1] v
        assert_equal [r exists x] 0
        r set x v ex 100
        assert_equal [r getex x exat 1] v
        r exists x
    } 0

    test "GETEX refuses wrong options, times and types" {
        r set x v
        foreach options {{keepttl} {get} {nx} {ex} {ex 1 px 1} {persist ex 1} {ex 1 persist} {foo}
                {exat} {persist 1}} {
            assert_error $SYNTAX {r getex x {*}$options}
        }
        assert_error "ERR invalid expire time in 'getex' command" {r getex x ex 0}
        assert_error "ERR invalid expire time in 'getex' command" {r getex x px $MAX}
        assert_error $NOT_INT {r getex x ex abc}
        make_other x
        assert_error $WRONGTYPE {r getex x}
        assert_error $WRONGTYPE {r getex x ex 0}
    }

    test "MGET reads keys of other types, and missing ones, as null" {
        r set a 1
        r set b two
        make_other l
        r del none
        assert_equal [r mget a b none l a] {1 two {} {} 1}
        r mget none
    } {{}}

    test "MSET sets all of its keys and drops their expiries" {
        r set a old ex 100
        make_other b
        assert_equal [r mset a 1 b two c {} a 3] OK
        list [r mget a b c] [r ttl a]
    } {{3 two {}} -1}

    test "MSET of many keys" {
        set words {}
        for {set i 0} {$i < 5000} {incr i} {lappend words many:$i [expr {$i % 3 ? "v$i" : $i}]}
        r mset {*}$words
        set keys {}
        set values {}
        foreach {key value} $words {lappend keys $key; lappend values $value}
        assert_equal [r mget {*}$keys] $values
    }

    test "MSETNX sets all or none" {
        r del a b c
        assert_equal [r msetnx a 1 b 2] 1
        assert_equal [r msetnx b 3 c 4] 0
        assert_equal [r mget a b c] {1 2 {}}
        r del a b
        assert_equal [r msetnx a 1 a 2] 1
        assert_equal [r get a] 2
        make_other l
        r del c
        assert_equal [r msetnx c 1 l 2] 0
        r exists c
    } 0

    test "MSET and MSETNX refuse keys without values" {
        foreach command {mset msetnx} {
            foreach words {{a} {a 1 b} {}} {
                assert_error "ERR wrong number of arguments for '$command' command" \
                    {r $command {*}$words}
            }
        }
    }

    # ---- counters

    test "INCR, DECR, INCRBY and DECRBY count" {
        r del n
        assert_equal [r incr n] 1
        assert_equal [r incrby n 20] 21
        assert_equal [r decr n] 20
        assert_equal [r decrby n 30] -10
        assert_equal [r decrby n -5] -5
        assert_equal [r incrby n 0] -5
        r set n 17179869184
        assert_equal [r incr n] 17179869185
        r get n
    } 17179869185

    test "counters start from nothing" {
        r del a b c d
        list [r incr a] [r decr b] [r incrby c 7] [r decrby d 7]
    } {1 -1 7 -7}

    test "counters keep the expiry" {
        r set n 5 ex 100
        r incr n
        r incrbyfloat n 1.5
        assert_pttl n 98000 100000
        r get n
    } 7.5

    test "counters work on edited strings" {
        r set n 1
        r append n 2
        assert_equal [r incr n] 13
        r setrange n 0 9
        r incr n
    } 94

    test "counters refuse what is not an integer" {
        foreach value [list {} " 1" "1 " abc 1.5 01 +1 -0 9223372036854775808 "1\0" 0x1 \
                           -9223372036854775809 [string repeat 1 100]] {
            r set n $value
            assert_error $NOT_INT {r incr n} $value
            assert_error $NOT_INT {r decrby n 5} $value
            assert_error $NOT_INT {r incrby x $value} $value
            assert_error $NOT_INT {r decrby x $value} $value
            assert_equal [r get n] $value
        }
        make_other l
        foreach command {{incr l} {decr l} {incrby l 1} {decrby l 1} {incrbyfloat l 1}} {
            assert_error $WRONGTYPE {r {*}$command}
        }
    }

    test "counters do not overflow" {
        r set n $MAX
        assert_error "ERR increment or decrement would overflow" {r incr n}
        assert_error "ERR increment or decrement would overflow" {r incrby n $MAX}
        assert_equal [r get n] $MAX
        r set n $MIN
        assert_error "ERR increment or decrement would overflow" {r decr n}
        assert_error "ERR increment or decrement would overflow" {r incrby n $MIN}
        assert_error "ERR decrement would overflow" {r decrby n $MIN}
        r get n
    } $MIN

    test "counters reach both ends" {
        r set n -1
        assert_equal [r decrby n $MAX] $MIN
        assert_equal [r incrby n $MAX] -1
        assert_equal [r incrby n 1] 0
        r incrby n $MAX
    } $MAX

    test "INCRBYFLOAT adds without noise" {
        r del f
        assert_equal [r incrbyfloat f 1] 1
        assert_equal [r incrbyfloat f 0.25] 1.25
        assert_equal [r incrbyfloat f -1.25] 0
        r set f 10.50
        assert_equal [r incrbyfloat f 0.1] 10.6
        r set f 5.0e3
        assert_equal [r incrbyfloat f 2.0e2] 5200
        r set f 17179869184
        assert_equal [r incrbyfloat f 1.5] 17179869185.5
        r set f 3.0
        assert_equal [r incrbyfloat f 1] 4
        r set f 1
        assert_equal [r incrbyfloat f 1.797e308] [r get f]
        r set f 0.1
        assert_equal [r incrbyfloat f 0.2] 0.3
        r get f
    } 0.3

    test "INCRBYFLOAT takes huge and tiny numbers" {
        foreach {from by sum} {
            0 1e18 1000000000000000000
            0 1e-17 0.00000000000000001
            0 1e-18 0
            1e17 0.5 100000000000000000.5
            -0.5 0.5 0
            0 -0 0
            1 -1.0000000001 -0.0000000001
        } {
            r set f $from
            assert_equal [r incrbyfloat f $by] $sum "$from + $by"
        }
    }

    test "INCRBYFLOAT refuses what is not a number" {
        foreach value {{} abc 1.5x " 1" "1 " nan NaN 1e9999999 1..2} {
            r set f 1
            assert_error "ERR value is not a valid float" {r incrbyfloat f $value} $value
            r set f $value
            assert_error "ERR value is not a valid float" {r incrbyfloat f 1} $value
        }
        r set f "1\0"
        assert_error "ERR value is not a valid float" {r incrbyfloat f 1}
        r set f 1
        assert_error "ERR increment would produce NaN or Infinity" {r incrbyfloat f inf}
        assert_error "ERR increment would produce NaN or Infinity" {r incrbyfloat f -inf}
        r get f
    } 1

    # ---- parts of strings

    test "APPEND adds and creates" {
        r del x
        assert_equal [r append x foo] 3
        assert_equal [r append x bar] 6
        assert_equal [r append x {}] 6
        assert_equal [r append x "\0\xff"] 8
        assert_equal [r get x] "foobar\0\xff"
        r set n 12
        assert_equal [r append n 34] 4
        assert_equal [r get n] 1234
        r del e
        assert_equal [r append e {}] 0
        r exists e
    } 1

    test "APPEND keeps the expiry and refuses other types" {
        r set x a ex 100
        r append x b
        assert_pttl x 98000 100000
        make_other l
        assert_error $WRONGTYPE {r append l x}
    }

    test "APPEND many times" {
        r del x
        set all {}
        for {set i 0} {$i < 3000} {incr i} {
            append all "<$i>"
            assert_equal [r append x "<$i>"] [string length $all]
        }
        assert_equal [r get x] $all
    }

    test "an APPENDed value can be SET over, and the other way round" {
        foreach size {10 2000 100} {
            r set x [string repeat a $size]
            r append x b
            assert_equal [r strlen x] [expr {$size + 1}]
            r set x [string repeat c $size]
            assert_equal [r get x] [string repeat c $size]
        }
    }

    test "STRLEN" {
        r set x hello
        r set n -12345
        r del none
        make_other l
        assert_error $WRONGTYPE {r strlen l}
        list [r strlen x] [r strlen n] [r strlen none]
    } {5 6 0}

    test "GETRANGE cuts at both ends" {
        r set x "Hello World"
        foreach {start end part} {
            0 3 Hell   0 -1 {Hello World}   -4 -1 orld   5 3 {}   5 5000 { World}
            -5000 10000 {Hello World}   0 -100 H   -100 -200 {}   11 20 {}   10 10 d   -1 -5 {}
            0 0 H   -11 -11 H   3 -3 {lo Wor}  9223372036854775807 9223372036854775807 {}
            -9223372036854775808 9223372036854775807 {Hello World}
            -9223372036854775808 -9223372036854775808 H
            0 -9223372036854775808 H
        } {
            assert_equal [r getrange x $start $end] $part "$start $end"
            assert_equal [r substr x $start $end] $part
        }
        r set n 12345
        assert_equal [r getrange n 1 -2] 234
        r set e {}
        assert_equal [r getrange e 0 -1] {}
        r del none
        r getrange none 0 -1
    } {}

    test "GETRANGE refuses positions and types" {
        make_other l
        assert_error $NOT_INT {r getrange l a 1}
        assert_error $NOT_INT {r getrange none 0 1.5}
        assert_error $WRONGTYPE {r getrange l 0 -1}
        assert_error "ERR wrong number of arguments for 'substr' command" {r substr x 1}
    }

    test "GETRANGE agrees with Tcl on random ranges" {
        set value [randstring 0 200 binary]
        r set x $value
        set len [string length $value]
        for {set i 0} {$i < 500} {incr i} {
            set start [randomInt 250]
            set end [randomInt 250]
            assert_equal [r getrange x $start $end] [string range $value $start $end]
        }
    }

    test "SETRANGE writes, pads and creates" {
        r del x
        assert_equal [r setrange x 0 foo] 3
        assert_equal [r setrange x 1 bar] 4
        assert_equal [r get x] fbar
        assert_equal [r setrange x 6 x] 7
        assert_equal [r get x] "fbar\0\0x"
        r del y
        assert_equal [r setrange y 3 abc] 6
        assert_equal [r get y] "\0\0\0abc"
        r set n 1234
        assert_equal [r setrange n 1 99] 4
        r get n
    } 1994

    test "SETRANGE of nothing changes nothing" {
        r del x
        assert_equal [r setrange x 10 {}] 0
        assert_equal [r exists x] 0
        r set x abc
        assert_equal [r setrange x 10 {}] 3
        r get x
    } abc

    test "SETRANGE keeps the expiry and refuses offsets, sizes and types" {
        r set x abc ex 100
        r setrange x 1 d
        assert_pttl x 98000 100000
        make_other l
        assert_error "ERR offset is out of range" {r setrange l -1 x}
        assert_error $NOT_INT {r setrange l a x}
        assert_error $WRONGTYPE {r setrange l 0 x}
        assert_error $WRONGTYPE {r setrange l 0 {}}
        assert_error $TOO_LONG {r setrange x 536870912 y}
        assert_error $TOO_LONG {r setrange x $MAX yy}
        r get x
    } adc

    test "a string may not outgrow proto-max-bulk-len" {
        r config set proto-max-bulk-len 1mb
        r set x [string repeat a 1048570]
        assert_equal [r append x 123456] 1048576
        assert_error $TOO_LONG {r append x 7}
        assert_error $TOO_LONG {r setrange x 1048576 7}
        assert_error "ERR bit offset is not an integer or out of range" {r setbit x 8388608 1}
        assert_equal [r strlen x] 1048576
        r config set proto-max-bulk-len 512mb
        assert_equal [r append x 7] 1048577
        r del x
    } 1

    # ---- LCS

    test "LCS finds the subsequence, its length and where it lies" {
        r mset a ohmytext b mynewtext
        assert_equal [r lcs a b] mytext
        assert_equal [r lcs a b len] 6
        assert_equal [r lcs a b IDX] {matches {{{4 7} {5 8}} {{2 3} {0 1}}} len 6}
        assert_equal [r lcs a b idx minmatchlen 4] {matches {{{4 7} {5 8}}} len 6}
        assert_equal [r lcs a b idx minmatchlen 4 withmatchlen] \
            {matches {{{4 7} {5 8} 4}} len 6}
        assert_equal [r lcs a b idx minmatchlen -5] [r lcs a b idx]
        r lcs a b idx minmatchlen 5
    } {matches {} len 6}

    test "LCS of missing, empty, equal and unlike strings" {
        r del none
        r mset a abc e {} z xyz n 123
        list [r lcs a none] [r lcs none a len] [r lcs e e idx] [r lcs a a] [r lcs a z] \
            [r lcs a z len] [r lcs n n idx] [r lcs none none]
    } {{} 0 {matches {} len 0} abc {} 0 {matches {{{0 2} {0 2}}} len 3} {}}

    test "LCS works on strings longer than a machine word" {
        set rna1 [string repeat CACCTTCCCAGGTAACAAACCAACCAACTTTCGATCTCTTGTAGATCTGTT 6]
        set rna2 [string repeat ATTAAAGGTTTATACCTTCCCAGGTAACAAACCAACCAACTTTCGATCTC 6]
        r mset a $rna1 b $rna2
        set lcs [r lcs a b]
        assert_equal [r lcs a b len] [string length $lcs]
        # It is a subsequence of both.
        foreach s [list $rna1 $rna2] {
            set at -1
            foreach ch [split $lcs {}] {
                set at [string first $ch $s $at+1]
                assert {$at >= 0}
            }
        }
        # And the ranges spell it.
        set spelled {}
        foreach match [dict get [r lcs a b idx] matches] {
            lassign $match in_a in_b
            assert_equal [string range $rna1 {*}$in_a] [string range $rna2 {*}$in_b]
            set spelled [string range $rna1 {*}$in_a]$spelled
        }
        assert_equal $spelled $lcs
    }

    test "LCS agrees with the textbook on random strings" {
        for {set round 0} {$round < 30} {incr round} {
            set a [randstring 0 90 [expr {$round % 2 ? "binary" : "compr"}]]
            set b [randstring 0 90 [expr {$round % 2 ? "binary" : "compr"}]]
            r mset a $a b $b
            set above [lrepeat [expr {[string length $b] + 1}] 0]
            foreach x [split $a {}] {
                set row 0
                set j 0
                foreach y [split $b {}] {
                    if {$x eq $y} {
                        lappend row [expr {[lindex $above $j] + 1}]
                    } else {
                        lappend row [expr {max([lindex $above $j+1], [lindex $row $j])}]
                    }
                    incr j
                }
                set above $row
            }
            assert_equal [r lcs a b len] [lindex $above end]
            assert_equal [string length [r lcs a b]] [lindex $above end]
        }
    }

    test "LCS refuses what it cannot do" {
        r mset a abc b abd
        make_other l
        assert_error "ERR The specified keys must contain string values" {r lcs a l}
        assert_error "ERR The specified keys must contain string values" {r lcs l none foo}
        assert_error "ERR If you want both the length and indexes, please just use IDX." \
            {r lcs a b len idx}
        foreach options {{foo} {minmatchlen} {len minmatchlen} {idx 3}} {
            assert_error $SYNTAX {r lcs a b {*}$options}
        }
        assert_error $NOT_INT {r lcs a b minmatchlen x}
        r setrange big 20000 x
        assert_error "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len" \
            {r lcs big big}
    }

    # ---- the rest

    test "commands of this group want the right number of arguments" {
        foreach command {append decr decrby get getdel getex getrange getset incr incrby incrbyfloat
                lcs mget mset msetnx psetex set setex setnx setrange strlen substr} {
            assert_error "ERR wrong number of arguments for '$command' command" {r $command}
        }
        assert_error "ERR wrong number of arguments for 'get' command" {r get a b}
        assert_error "ERR wrong number of arguments for 'incr' command" {r incr a b}
        assert_error "ERR wrong number of arguments for 'setnx' command" {r setnx a b c}
    }

    test "DUMP and RESTORE carry every form of string" {
        foreach value [list {} a 0 -1 127 128 32767 32768 2147483647 2147483648 $MAX $MIN 01 \
                "\0\xff" [string repeat ab 500] [string repeat c 40000] [randstring 3000 3000]] {
            r set from $value
            set dump [r dump from]
            r del to
            r restore to 0 $dump
            assert_equal [r get to] $value
        }
        r set from v
        r append from w
        r restore to 0 [r dump from] replace
        r get to
    } vw

    test "COPY and RENAME carry every form of string" {
        foreach value [list {} 12 abc [string repeat x 3000]] {
            r del a b c
            r set a $value ex 100
            r copy a b
            assert_equal [r get b] $value
            assert_pttl b 98000 100000
            r append b more
            assert_equal [r get a] $value "the copy is one"
            r rename b c
            assert_equal [r get c] ${value}more
        }
    }
}

# The keyspace events and the journal, as a module of ours sees them.
if {[llength [witness]]} {
    start_server [list tags {string keel} overrides [witness]] {
        proc after_command {args} {
            r witness.events
            r witness.journal
            catch {r {*}$args}
        }
        # Runs a command and gives the events that it caused, without "new", and its records.
        proc traces {args} {
            after_command {*}$args
            set events {}
            foreach event [r witness.events] {
                if {[lindex $event 0] ne "new"} {lappend events [join $event :]}
            }
            return [list $events {*}[r witness.journal]]
        }

        test "what changes a string says so, in Redis's words and order" {
            r del x n
            foreach {command events} {
                {set x 1} set:x
                {set x 1 ex 100} {set:x expire:x}
                {set x 1 px 100000 get} {set:x expire:x}
                {set x 1 pxat 9000000000000} {set:x expire:x}
                {set x 1 keepttl} set:x
                {set x 1 nx} {}
                {set none 1 xx} {}
                {setnx x 1} {}
                {setnx n 1} set:n
                {setex x 100 1} {set:x expire:x}
                {psetex x 100000 1} {set:x expire:x}
                {getset x 2} set:x
                {getex x} {}
                {getex x ex 100} expire:x
                {getex x persist} persist:x
                {getex x persist} {}
                {getex x pxat 1} del:x
                {getex x ex 100} keymiss:x
                {set x 1 xx get} keymiss:x
                {mset x 1 n 2} {set:x set:n}
                {msetnx x 1 m 2} {}
                {incr n} incrby:n
                {decrby n 5} incrby:n
                {incrbyfloat n 1.5} incrbyfloat:n
                {incr n} {}
                {append x abc} append:x
                {append x {}} append:x
                {setrange x 0 z} setrange:x
                {setrange x 9 {}} {}
                {setbit x 1 0} setbit:x
                {setbit x 1 0} {}
                {bitfield x get u8 0} {}
                {bitfield x set u8 0 9} setbit:x
                {bitfield x set u8 0 9} {}
                {bitop and d x} set:d
                {bitop and d none} {keymiss:none del:d}
                {bitop and d none} keymiss:none
                {getdel x} del:x
                {getdel x} keymiss:x
                {get x} keymiss:x
            } {
                assert_equal [lindex [traces {*}$command] 0] $events $command
            }
        }

        test "the journal gets what means the same whenever it is read" {
            r del x n none
            foreach {command records} {
                {set x 1} {{set x 1}}
                {set x 1 get} {{set x 1}}
                {set x 1 get xx keepttl} {{set x 1 xx keepttl}}
                {set x 1 nx get} {}
                {get x} {}
                {getset x 2} {{SET x 2}}
                {getex x} {}
                {getex x pxat 9000000000000} {{PEXPIREAT x 9000000000000}}
                {getex x exat 9000000000} {{PEXPIREAT x 9000000000000}}
                {getex x persist} {{PERSIST x}}
                {getex x exat 1} {{DEL x}}
                {set x v pxat 9000000000000} {{set x v pxat 9000000000000}}
                {set x v exat 9000000000} {{SET x v PXAT 9000000000000}}
                {getdel x} {{DEL x}}
                {setnx n 1} {{setnx n 1}}
                {incr n} {{incr n}}
                {incrbyfloat n 0.5} {{SET n 2.5 KEEPTTL}}
                {mset a 1 b 2} {{mset a 1 b 2}}
                {setbit n 0 0} {}
                {bitop not d a} {{bitop not d a}}
            } {
                assert_equal [lrange [traces {*}$command] 1 end] $records $command
            }
        }

        test "the journal states times as points in time" {
            foreach command {{set x v ex 100} {set x v px 100000 get} {setex x 100 v}
                             {psetex x 100000 v} {set x v xx ex 100}} {
                set before [clock milliseconds]
                set records [lrange [traces {*}$command] 1 end]
                assert_equal [llength $records] 1
                assert_equal [lrange [lindex $records 0] 0 3] {SET x v PXAT}
                assert_range [lindex $records 0 4] [expr {$before + 99000}] \
                    [expr {[clock milliseconds] + 100000}]
            }
            set records [lrange [traces getex x px 50000] 1 end]
            assert_match {{PEXPIREAT x *}} $records
        }

        test "long values reach the journal even when the same command overwrites them" {
            set a [string repeat a 40000]
            set b [string repeat b 50000]
            set command [list mset k $a k $b k $a]
            assert_equal [lrange [traces {*}$command] 1 end] [list $command]
            assert_equal [r get k] $a
            set command [list msetnx new $b new $a]
            assert_equal [lrange [traces {*}$command] 1 end] [list $command]
            r append new $b
            r setrange new 40000 $a
            assert_equal [r get new] $a$a[string repeat b 10000]
            r del k new
        } 2

        test "binary values reach the journal as they are" {
            set value "a\0\r\n\xff"
            assert_equal [traces set x $value] [list set:x [list set x $value]]
            traces getset x $value
        } [list set:x [list SET x "a\0\r\n\xff"]]
    }
}
