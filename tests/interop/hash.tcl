# hash.tcl - hashes beside the real server: every form carried over in both directions, and mistakes
# word by word. Random commands over hashes are in random.tcl.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]
source [file join $kit::home kit payload.tcl]

except "hgetall *" unordered "the order of fields is the hash table's"
except "hkeys *" unordered "the order of fields is the hash table's"
except "hvals *" unordered "the order of fields is the hash table's"
except "hscan * 0 count 1000*" unordered "the order of fields is the hash table's"

# Hashes of every shape: integers of all widths, empty and long words, all bytes, packed and not.
set words [list a "" 0 1 -1 12 13 127 128 -128 -129 4095 4096 -4096 -4097 32767 32768 -32768 8388607 8388608 \
    -8388609 2147483647 2147483648 -2147483649 9223372036854775807 -9223372036854775808 \
    9223372036854775808 01 "+1" 1.5 "a\0b\r\n\xff" [string repeat x 63] [string repeat y 64]]
set shapes {}
lappend shapes {one {f v}}
set pairs {}
foreach word $words {lappend pairs $word [lindex $words end-[llength $pairs]] x$word $word}
lappend shapes [list words $pairs]
lappend shapes [list longer [concat $pairs [list long [string repeat z 65]]]]
lappend shapes [list wide [list [string repeat f 300] [string repeat v 70000] n 1]]
foreach {name count} {many 500 more 600 lots 20000} {
    set pairs {}
    for {set i 0} {$i < $count} {incr i} {lappend pairs field:$i value:$i}
    lappend shapes [list $name $pairs]
}

proc fill {level key pairs} {
    r $level del $key
    foreach {from to} {0 9999 10000 29999 30000 49999} {
        set some [lrange $pairs $from $to]
        if {[llength $some]} {r $level hset $key {*}$some}
    }
}

start_pair {tags {interop}} {
    foreach shape $shapes {
        lassign $shape name pairs
        foreach compression {no yes} {
            test "a hash is carried over both ways: $name, rdbcompression $compression" {
                r config set rdbcompression $compression
                r -1 config set rdbcompression $compression
                fill 0 h $pairs
                fill -1 h $pairs
                same object encoding h
                same hlen h
                same debug digest-value h
                if {$compression eq "no"} {same dump h}
                set ours [r dump h]
                set theirs [r -1 dump h]
                assert_equal [r -1 restore g 0 $ours replace] OK
                assert_equal [r restore g 0 $theirs replace] OK
                foreach question {{object encoding g} {hlen g} {debug digest-value g}} {same {*}$question}
                same hgetall g
                assert_equal [r debug digest-value g] [r debug digest-value h]
                assert_equal [r restore back 0 [r -1 dump g] replace] OK
                assert_equal [r debug digest-value back] [r debug digest-value h]
            }
        }
    }

    test "a packed hash has the real server's bytes after any changes" {
        foreach command {{del h} {hset h a 1 b 22 c 333} {hset h b x} {hset h a 70000} {hset h c -5}
            {hdel h a} {hset h a 1} {hincrby h a 127} {hincrby h a 4000} {hincrby h a 30000}
            {hincrbyfloat h b1 1.5} {hincrbyfloat h a 0.5} {hsetnx h b 1} {hset h b ""}} {
            same {*}$command
            same dump h
        }
    }

    test "what old servers wrote is loaded by both alike" {
        set ziplist [binary format iis 45 38 6]
        append ziplist \x00\x01a \x03\xf3 \x02\x01b \x03\xfe\x80 \x03\x01c \x03\xd0 \x01\x02\x03\x04
        set ziplist [string replace $ziplist 0 9 [binary format iis [expr {[string length $ziplist] + 1}] \
            [expr {[string length $ziplist] - 6}] 6]]\xff
        set zipmap "\x02\x01a\x01\x021\0\0\x01b\x03\x00two\xff"
        foreach body [list \x0d[binary format c [string length $ziplist]]$ziplist \
                \x09[binary format c [string length $zipmap]]$zipmap \x04\x01\x01a\x01b] {
            same restore h 0 [payload $body] replace
            foreach question {{hgetall h} {object encoding h} {dump h} {debug digest-value h}} {
                same {*}$question
            }
        }
    }

    # We always look for fields that are there twice; the real server when it is told to.
    test "what is broken is refused by both alike" {
        r -1 config set sanitize-dump-payload yes
        same del h
        foreach body [list \x04\x00 \x04\x02\x01a\x01b\x01a\x01c \x09\x02\x00\xff \x10\x07\x07\0\0\0\0\0\xff \
                \x10\x0a\x0a\0\0\0\x01\0\x81a\x02\xff \x0d\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff] {
            same restore h 0 [payload $body]
            same exists h
        }
    }

    foreach proto {2 3} {
        test "replies and mistakes are the same in RESP$proto" {
            same_all [list [list hello $proto] {del h none s one}]
            same_all {
                {del h none s} {set s text} {hset h a 1 b 2 c text} {hset h a 2 d 3} {hset h} {hset h a}
                {hset h a b c} {hset s a b} {hset s a} {hmset h x 1} {hmset h x} {hmset h x 1 y}
                {hmset s a b} {hsetnx h a 9} {hsetnx h z 9} {hsetnx h a} {hsetnx s a b} {hsetnx h a b c}
                {hget h a} {hget h nosuch} {hget none a} {hget s a} {hget h} {hget h a b}
                {hmget h a nosuch c} {hmget none a b} {hmget s a} {hmget h}
                {hgetall h} {hgetall none} {hgetall s} {hgetall h x} {hkeys h} {hkeys none} {hkeys s}
                {hvals h} {hvals none} {hvals s} {hlen h} {hlen none} {hlen s} {hlen h x}
                {hstrlen h c} {hstrlen h nosuch} {hstrlen none a} {hstrlen s a} {hstrlen h}
                {hexists h a} {hexists h nosuch} {hexists none a} {hexists s a} {hexists h}
                {hincrby h a 5} {hincrby h c 5} {hincrby h a x} {hincrby h a 1.5} {hincrby s a 1}
                {hincrby s a x} {hincrby h new 3} {hincrby h new 9223372036854775807}
                {hincrby h new -9223372036854775808} {hincrby none n -0} {hincrby none n 5}
                {hincrbyfloat h a 0.5} {hincrbyfloat h c 1} {hincrbyfloat h a x} {hincrbyfloat s a 1}
                {hincrbyfloat s a x} {hincrbyfloat h a inf} {hincrbyfloat h a -inf} {hincrbyfloat h a nan}
                {hincrbyfloat h f 1e300} {hincrbyfloat h f 3.0e-10} {hincrbyfloat h g 1e4932}
                {hincrbyfloat h g 1e4932} {hincrbyfloat h big 1e17} {hincrbyfloat h a ""}
                {hincrbyfloat h a " 1"} {hincrbyfloat h third 0.1} {hincrbyfloat h third 0.2}
                {del h} {hset h a 1 b 2 c 3} {hrandfield none} {hrandfield none 5} {hrandfield none -5}
                {hrandfield none 5 withvalues} {hrandfield s} {hrandfield s 1} {hrandfield h 0}
                {hrandfield h 10} {hrandfield h 10 withvalues} {hrandfield h 3 WITHVALUES}
                {hrandfield h x} {hrandfield h 1 x} {hrandfield h 1 withvalues x} {hrandfield}
                {hrandfield h -9223372036854775808} {hrandfield h 9223372036854775807}
                {hrandfield h -9223372036854775807 withvalues} {hrandfield h 1.5}
                {hscan h 0} {hscan h 0 match b} {hscan h 0 match b* count 1} {hscan h 77} {hscan h abc}
                {hscan h -1} {hscan h ""} {hscan h " 1"} {hscan h 1x} {hscan h 18446744073709551616}
                {hscan s 0} {hscan s x} {hscan none 0} {hscan none x} {hscan none 0 count x}
                {hscan h 0 count 0} {hscan h 0 count -1} {hscan h 0 count x} {hscan h 0 count}
                {hscan h 0 match} {hscan h 0 type hash} {hscan h 0 foo bar} {hscan h}
                {hdel h a b} {hdel h a} {hdel none a} {hdel s a} {hdel h} {hdel h c c c} {exists h}
                {config set hash-max-listpack-entries -1} {config set hash-max-listpack-value x}
                {config set hash-max-listpack-value 1kb} {config get hash-max-*}
                {config set hash-max-ziplist-value 64} {config get hash-max-*}
                {hset one f v} {hrandfield one} {hrandfield one -3} {hrandfield one -3 withvalues}
                {object encoding one} {type one} {debug object one} {memory usage none} {del one}
            }
        }
    }
    same hello 2
}
