# hash.tcl - HSET, HGET and everything else of the hash group, in both forms of a hash.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

set WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
set NOT_INT "ERR value is not an integer or out of range"
set MAX 9223372036854775807
set MIN -9223372036854775808

# A hash of fields f0, f1 ... with values v0, v1 ..., in this form.
proc make_hash {key fields form} {
    r del $key
    set pairs {}
    for {set i 0} {$i < $fields} {incr i} {
        lappend pairs f$i v$i
        if {[llength $pairs] >= 200} {r hset $key {*}$pairs; set pairs {}}
    }
    if {[llength $pairs]} {r hset $key {*}$pairs}
    if {$form eq "hashtable" && [r object encoding $key] ne $form} {
        r hset $key long [string repeat x 65]
        r hdel $key long
    }
    assert_encoding $form $key
}

proc expected fields {
    set out {}
    for {set i 0} {$i < $fields} {incr i} {lappend out f$i v$i}
    return $out
}

# All that a walk by HSCAN gives.
proc scan_all {key args} {
    set out {}
    set cursor 0
    while 1 {
        lassign [r hscan $key $cursor {*}$args] cursor some
        lappend out {*}$some
        if {$cursor == 0} {return $out}
    }
}

proc sorted dict {return [lsort -stride 2 $dict]}

# Chi-square of counts against an even distribution, in standard deviations from its mean.
proc unevenness {counts kinds} {
    set total 0
    dict for {name n} $counts {incr total $n}
    set expected [expr {double($total) / $kinds}]
    set sum [expr {($kinds - [dict size $counts]) * $expected}]
    dict for {name n} $counts {set sum [expr {$sum + ($n - $expected) ** 2 / $expected}]}
    return [expr {($sum - ($kinds - 1)) / sqrt(2.0 * ($kinds - 1))}]
}

start_server {tags {hash}} {
    # ---- both forms ----

    foreach {form fields} {listpack 20 hashtable 20 hashtable 2000} {
        test "a $form of $fields: fields are set, found, counted and listed" {
            make_hash h $fields $form
            assert_equal [r hlen h] $fields
            assert_equal [r hget h f7] v7
            assert_equal [r hget h nosuch] {}
            assert_equal [r hmget h f1 nosuch f3] {v1 {} v3}
            assert_equal [list [r hexists h f1] [r hexists h nosuch]] {1 0}
            assert_equal [list [r hstrlen h f10] [r hstrlen h nosuch]] {3 0}
            assert_equal [sorted [r hgetall h]] [sorted [expected $fields]]
            assert_equal [lsort [r hkeys h]] [lsort [dict keys [expected $fields]]]
            assert_equal [lsort [r hvals h]] [lsort [dict values [expected $fields]]]
        }
        test "a $form of $fields: HSET tells how many fields are new" {
            make_hash h $fields $form
            list [r hset h f0 a new1 b] [r hset h f0 c new1 d f1 e] [r hmget h f0 new1 f1] [r hlen h]
        } [list 1 0 {c d e} [expr {$fields + 1}]]
        test "a $form of $fields: of a field given twice the last value stays" {
            make_hash h $fields $form
            list [r hset h twice 1 twice 2] [r hget h twice]
        } {1 2}
        test "a $form of $fields: HSETNX keeps what is there" {
            make_hash h $fields $form
            list [r hsetnx h f1 x] [r hget h f1] [r hsetnx h new x] [r hget h new]
        } {0 v1 1 x}
        test "a $form of $fields: HDEL removes fields, and the key with the last one" {
            make_hash h $fields $form
            assert_equal [r hdel h f1 f3 nosuch f1] 2
            assert_equal [r hlen h] [expr {$fields - 2}]
            assert_equal [r hmget h f0 f1 f2 f3] {v0 {} v2 {}}
            assert_equal [r hdel h {*}[r hkeys h] f0] [expr {$fields - 2}]
            r exists h
        } 0
        test "a $form of $fields: values of all lengths replace each other" {
            make_hash h $fields $form
            foreach len {0 1 5 10 30 60 20 0 3 64 300 70000 5 254 255 256 64} {
                set value [string repeat x $len]
                r hset h f1 $value
                assert_equal [list [r hget h f1] [r hstrlen h f1]] [list $value $len]
                assert_equal [r hmget h f0 f2] {v0 v2}
            }
        }
        test "a $form of $fields: HINCRBY counts" {
            make_hash h $fields $form
            list [r hincrby h n 5] [r hincrby h n -10] [r hget h n] [r hincrby h n 300] \
                 [r hincrby h n 0]
        } {5 -5 -5 295 295}
        test "a $form of $fields: HINCRBY refuses what is no integer or overflows" {
            make_hash h $fields $form
            r hset h n $::MAX spaced " 1" text abc float 1.5
            foreach field {spaced text float} {
                assert_error "ERR hash value is not an integer" {r hincrby h $field 1}
            }
            assert_error "ERR increment or decrement would overflow" {r hincrby h n 1}
            r hset h n $::MIN
            assert_error "ERR increment or decrement would overflow" {r hincrby h n -1}
            assert_error $::NOT_INT {r hincrby h n 1.5}
            assert_error $::NOT_INT {r hincrby h n 9223372036854775808}
            r hmget h n text
        } [list $MIN abc]
        test "a $form of $fields: HINCRBYFLOAT adds decimals" {
            make_hash h $fields $form
            list [r hincrbyfloat h n 2.5] [r hincrbyfloat h n 0.1] [r hincrbyfloat h n -2.6] \
                 [r hincrbyfloat h n 1e3] [r hget h n] [r hincrby h n 1]
        } {2.5 2.6 0 1000 1000 1001}
        test "a $form of $fields: HINCRBYFLOAT refuses what is no number or leaves the range" {
            make_hash h $fields $form
            assert_error "ERR hash value is not a float" {r hincrbyfloat h f1 1}
            assert_error "ERR value is not a valid float" {r hincrbyfloat h n abc}
            assert_error "ERR value is not a valid float" {r hincrbyfloat h n " 1"}
            assert_error "ERR value is NaN or Infinity" {r hincrbyfloat h n inf}
            r hset h big 1e4932
            assert_error "ERR increment would produce NaN or Infinity" {r hincrbyfloat h big 1e4932}
            r hexists h n
        } 0
        test "a $form of $fields: DUMP, RESTORE, COPY and the digest agree" {
            make_hash h $fields $form
            set digest [r debug digest-value h]
            r restore g 0 [r dump h] replace
            r copy h copied replace
            assert_equal [r debug digest-value g copied] [list {*}$digest {*}$digest]
            assert_equal [sorted [r hgetall g]] [sorted [expected $fields]]
            r hset copied f1 changed
            list [r hget h f1] [r hget copied f1]
        } {v1 changed}
        test "a $form of $fields: HSCAN gives all fields and values" {
            make_hash h $fields $form
            foreach options {{} {count 1} {count 1000} {match *}} {
                assert_equal [sorted [lsort -unique -stride 2 [scan_all h {*}$options]]] \
                    [sorted [expected $fields]]
            }
            assert_equal [sorted [scan_all h match f1]] {f1 v1}
            assert_equal [scan_all h match nosuch] {}
            assert_equal [lsort -unique [scan_all h novalues]] [lsort [dict keys [expected $fields]]]
        }
        test "a $form of $fields: HRANDFIELD gives fields that are there" {
            make_hash h $fields $form
            set all [expected $fields]
            for {set i 0} {$i < 50} {incr i} {assert {[dict exists $all [r hrandfield h]]}}
            foreach count [list 1 2 5 10 19 $fields] {
                set some [r hrandfield h $count]
                assert_equal [llength $some] $count
                assert_equal [llength [lsort -unique $some]] $count
                foreach {field value} [r hrandfield h $count withvalues] {
                    assert_equal [dict get $all $field] $value
                }
            }
            assert_equal [llength [r hrandfield h 100000]] $fields
            assert_equal [llength [r hrandfield h -300]] 300
            foreach {field value} [r hrandfield h -300 withvalues] {
                assert_equal [dict get $all $field] $value
            }
            r hrandfield h 0
        } {}
        test "a $form of $fields: each field is equally likely" {
            make_hash h $fields $form
            set n [expr {min($fields, 100)}]
            foreach count [list -1000 1 3 [expr {$fields / 2}] [expr {$fields - 1}]] {
                set counts {}
                for {set i 0} {$i < $fields * 40} {incr i [expr {abs($count)}]} {
                    foreach field [r hrandfield h $count] {dict incr counts $field}
                }
                # Where a draw takes most of the fields, what it leaves out is what varies.
                assert_lessthan [unevenness $counts $fields] 5 "HRANDFIELD h $count"
            }
        }
    }

    # ---- arguments ----

    test "a missing key is an empty hash" {
        r del none
        list [r hget none f] [r hmget none a b] [r hgetall none] [r hkeys none] [r hvals none] \
             [r hlen none] [r hstrlen none f] [r hexists none f] [r hdel none f] [r hscan none 0] \
             [r hrandfield none] [r hrandfield none 3] [r hrandfield none -3 withvalues] \
             [r exists none]
    } {{} {{} {}} {} {} {} 0 0 0 0 {0 {}} {} {} {} 0}

    test "a key of another type is refused, and stays" {
        r set s text
        foreach command {{hset s f v} {hmset s f v} {hsetnx s f v} {hget s f} {hmget s f} {hgetall s}
                {hkeys s} {hvals s} {hlen s} {hstrlen s f} {hexists s f} {hdel s f} {hincrby s f 1}
                {hincrbyfloat s f 1} {hrandfield s} {hrandfield s 1} {hscan s 0}} {
            assert_error $::WRONGTYPE {r {*}$command}
        }
        r get s
    } text

    test "a field without a value is refused" {
        foreach command {hset hmset} {
            foreach words {{f v g} {f}} {
                assert_error "ERR wrong number of arguments for '$command' command" \
                    {r $command none {*}$words}
            }
        }
        r exists none
    } 0

    test "HMSET is an HSET that says OK" {
        r del h
        list [r hmset h a 1 b 2] [r hmset h a 3] [sorted [r hgetall h]]
    } {OK OK {a 3 b 2}}

    test "fields and values may hold any bytes, and none" {
        r del h
        set words [list {} "\0" "a\0b" "\r\n" "\xff\xfe" 0 -1 01 1.5 $MAX $MIN 9223372036854775808 \
            [string repeat "\0" 64]]
        foreach form {listpack hashtable} {
            foreach field $words {
                foreach value $words {
                    r hset h $field $value
                    assert_equal [r hget h $field] $value
                }
            }
            assert_equal [r hlen h] [llength $words]
            assert_encoding $form h
            foreach value [r hmget h {*}$words] {assert_equal $value [lindex $words end]}
            r hset h long [string repeat x 65]
            r hdel h long
        }
    }

    test "long fields are found" {
        r del h
        foreach len {254 255 256 65535 70000} {
            set field [string repeat f $len]
            r hset h $field $len
            assert_equal [r hget h $field] $len
        }
        list [r hlen h] [r hdel h [string repeat f 255]] [r hlen h] [r hexists h [string repeat f 254]]
    } {5 1 4 1}

    test "HRANDFIELD's mistakes" {
        r del h
        r hset h a 1
        assert_error $NOT_INT {r hrandfield h abc}
        assert_error "ERR value is out of range, value must between -$MAX and $MAX" \
            {r hrandfield h $MIN}
        assert_error "ERR value is out of range" {r hrandfield h -$MAX withvalues}
        assert_error "ERR value is out of range" {r hrandfield h $MAX withvalues}
        assert_error "ERR value is out of range" {r hrandfield h -$MAX}
        assert_error "ERR value is out of range" {r hrandfield h -16777217}
        assert_error "ERR syntax error" {r hrandfield h 1 values}
        assert_error "ERR syntax error" {r hrandfield h 1 withvalues withvalues}
        r hrandfield h $MAX
    } a

    test "HRANDFIELD with values has pairs in RESP3, and words in RESP2" {
        r del h
        r hset h a 1
        set flat [r hrandfield h -2 withvalues]
        r hello 3
        set pairs [list [r hrandfield h -2 withvalues] [r hgetall h] [r hrandfield h 1]]
        r hello 2
        list $flat $pairs
    } {{a 1 a 1} {{{a 1} {a 1}} {a 1} a}}

    test "HRANDFIELD's reply ends where the client's limit on output does" {
        r del h
        r hset h a 1
        r config set client-output-buffer-limit "normal 1mb 0 0"
        set rd [redis_client]
        assert_error "*I/O error*" {$rd hrandfield h -16000000}
        catch {$rd close}
        r config set client-output-buffer-limit "normal 0 0 0"
        assert_equal [llength [r hrandfield h -100000]] 100000
        r ping
    } PONG

    test "HSCAN's mistakes, which a missing key hides" {
        r del h none
        r hset h a 1
        assert_error "ERR invalid cursor" {r hscan none abc}
        assert_error "ERR invalid cursor" {r hscan h abc}
        assert_equal [r hscan none 0 count abc] {0 {}}
        assert_error $NOT_INT {r hscan h 0 count abc}
        assert_error "ERR syntax error" {r hscan h 0 count 0}
        assert_error "ERR syntax error" {r hscan h 0 count}
        assert_error "ERR syntax error" {r hscan h 0 type hash}
        r hscan h 123 count 1
    } {0 {a 1}}

    test "HSCAN sees what stays while the hash grows and shrinks" {
        make_hash h 3000 hashtable
        set seen {}
        set cursor 0
        set i 0
        while 1 {
            lassign [r hscan h $cursor count 20] cursor some
            lappend seen {*}[dict keys $some]
            if {$cursor == 0} break
            for {set n 0} {$n < 40} {incr n; incr i} {
                if {$i < 4000} {r hset h new$i v} else {r hdel h new[expr {$i - 4000}]}
            }
            for {set n 0} {$n < 10} {incr n} {r hdel h f[expr {1000 + $i * 10 / 40 + $n}]}
        }
        set seen [lsort -unique $seen]
        set missed 0
        for {set n 0} {$n < 1000} {incr n} {incr missed [expr {"f$n" ni $seen}]}
        set missed
    } 0

    # ---- encodings ----

    test "a hash becomes large by its number of fields" {
        r config set hash-max-listpack-entries 5
        r del h
        r hset h a 1 b 2 c 3 d 4 e 5
        set before [r object encoding h]
        r hset h a 2
        lappend before [r object encoding h]
        r hset h f 6
        r config set hash-max-ziplist-entries 512
        list $before [r object encoding h] [sorted [r hgetall h]] [r config get hash-max-*-entries]
    } {{listpack listpack} hashtable {a 2 b 2 c 3 d 4 e 5 f 6} {hash-max-listpack-entries 512 hash-max-ziplist-entries 512}}

    test "a hash becomes large by a long field or value, and stays so" {
        foreach command [list [list hset h [string repeat f 65] v] \
                [list hset h a [string repeat v 65]] [list hsetnx h b [string repeat v 65]] \
                [list hmset h c 1 d [string repeat v 65]]] {
            r del h
            r hset h a 1
            assert_encoding listpack h
            r {*}$command
            assert_encoding hashtable h
            r hset h a 1 b 2 c 3 d 4
            assert_encoding hashtable h
        }
        r del h
        r hset h [string repeat f 64] [string repeat v 64]
        r object encoding h
    } listpack

    test "many fields in one command make a large hash from the start" {
        r del h
        r config set hash-max-listpack-entries 3
        r hset h a 1 a 2 a 3 a 4
        r config set hash-max-listpack-entries 512
        list [r object encoding h] [r hgetall h]
    } {hashtable {a 4}}

    test "fields keep the order in which they came while the hash is packed" {
        r del h
        r hset h c 1 a 2 b 3
        r hset h a changed
        r hdel h c
        r hset h c again
        r hgetall h
    } {a changed b 3 c again}

    # ---- loading ----

    # A ziplist of short strings.
    proc ziplist words {
        set entries ""
        set before 0
        set tail 10
        foreach word $words {
            set tail [expr {10 + [string length $entries]}]
            set entry [binary format cc $before [string length $word]]$word
            append entries $entry
            set before [string length $entry]
        }
        return [binary format iis [expr {11 + [string length $entries]}] $tail [llength $words]]$entries\xff
    }
    proc zipmap pairs {
        set out [binary format c [expr {[llength $pairs] / 2}]]
        foreach {field value} $pairs {
            append out [binary format c [string length $field]]$field
            append out [binary format cc [string length $value] 2]$value\0\0
        }
        return $out\xff
    }
    proc str bytes {
        if {[string length $bytes] < 64} {return [binary format c [string length $bytes]]$bytes}
        return \x80[binary format I [string length $bytes]]$bytes
    }

    test "old forms are loaded: pairs, zipmap, ziplist" {
        foreach body [list \x04\x02[str a][str 1][str b][str two] \x09[str [zipmap {a 1 b two}]] \
                \x0d[str [ziplist {a 1 b two}]]] {
            r del h
            assert_equal [r restore h 0 [payload $body]] OK
            assert_encoding listpack h
            assert_equal [r hgetall h] {a 1 b two}
            assert_equal [r debug digest-value h] [r debug digest-value h]
        }
    }
    test "what is loaded becomes large as the settings say now" {
        set pairs {}
        for {set i 0} {$i < 10} {incr i} {lappend pairs field$i value$i}
        set body \x04\x0a
        foreach word $pairs {append body [str $word]}
        r del h
        r hset h {*}$pairs
        set dump [r dump h]
        r config set hash-max-listpack-entries 9
        foreach payload [list [payload $body] [payload \x09[str [zipmap $pairs]]] \
                [payload \x0d[str [ziplist $pairs]]] $dump] {
            r restore h 0 $payload replace
            assert_encoding hashtable h
            assert_equal [sorted [r hgetall h]] [sorted $pairs]
        }
        r config set hash-max-listpack-entries 512 hash-max-listpack-value 5
        foreach payload [list [payload $body] [payload \x09[str [zipmap $pairs]]]] {
            r restore h 0 $payload replace
            assert_encoding hashtable h
            assert_equal [sorted [r hgetall h]] [sorted $pairs]
        }
        r config set hash-max-listpack-value 64
    } OK
    test "an empty hash is no value" {
        foreach body [list \x04\x00 \x0d[str [ziplist {}]] \x10[str "\x07\0\0\0\0\0\xff"]] {
            r del h
            assert_error "ERR Bad data format" {r restore h 0 [payload $body]}
            assert_equal [r exists h] 0
        }
    }
    test "malformed hashes are refused" {
        set good "\x11\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x02\x01\xff"
        r restore h 0 [payload \x10[str $good]] replace
        assert_equal [r hgetall h] {a 1 b 2}
        set long [string repeat \xff 9]
        foreach body [list \x04 \x04\x02[str a][str 1] \x04\x02[str a][str 1][str a][str 2] \
                \x04\x81$long \x04\x80\xff\xff\xff\xff[str a][str b] \
                \x09[str "\x00\xff"] \x09[str "\x01\xff"] \x09[str [zipmap {a 1 a 2}]] \
                \x09[str [string range [zipmap {a 1}] 0 end-1]] \x09[str "\x02[string range [zipmap {a 1}] 1 end]"] \
                \x09[str "\x01\xfe\xff\xff\xff\xffa\x01\x00b\xff"] \
                \x0d[str [ziplist {a 1 b}]] \x0d[str [ziplist {a 1 a 2}]] \
                \x0d[str [string range [ziplist {a 1}] 0 end-1]] \
                \x10[str [string replace $good 4 4 \x05]] \x10[str [string replace $good 0 0 \x10]] \
                \x10[str [string replace $good 12 12 a]] \x10[str [string replace $good 11 12 "\x81a"]] \
                \x10[str "\x0a\0\0\0\x01\0\x81a\x02\xff"] \x10[str ""] \x10[str [string range $good 0 end-1]]] {
            r del h
            assert_error "ERR Bad data format" {r restore h 0 [payload $body]} [binary encode hex $body]
            assert_equal [r exists h] 0
        }
    }
    test "a large pack is checked for fields that are there twice, in good time" {
        set n 20000
        r config set hash-max-listpack-entries 1000000
        r del h
        set pairs {}
        for {set i 0} {$i < $n} {incr i} {lappend pairs 1$i $i}
        set entries ""
        foreach word $pairs {
            append entries [binary format c [expr {0x80 | [string length $word]}]]$word
            append entries [binary format c [expr {1 + [string length $word]}]]
        }
        # Digits as strings, which no encoder writes, are valid too.
        proc pack {entries count} {
            return [binary format is [expr {7 + [string length $entries]}] $count]$entries\xff
        }
        # The checksum would take longer than all else here.
        proc unchecked body {return $body[binary format sw 10 0]}
        r debug set-skip-checksum-validation 1
        set took [elapsed_ms {
            r restore h 0 [unchecked \x10[str [pack $entries [expr {2 * $n}]]]]
        }]
        assert_equal [list [r hlen h] [r object encoding h]] [list $n listpack]
        append entries "\x86110000\x07\x81x\x02"
        assert_error "ERR Bad data format" {
            r restore h 0 [unchecked \x10[str [pack $entries [expr {2 * $n + 2}]]]] replace
        }
        r config set hash-max-listpack-entries 512
        assert_error "ERR Bad data format" {
            r restore h 0 [unchecked \x10[str [pack $entries [expr {2 * $n + 2}]]]] replace
        }
        r debug set-skip-checksum-validation 0
        assert_lessthan $took 1000
    }

    # ---- large ones ----

    test "a large hash is freed in the background, and counted" {
        make_hash h 100000 hashtable
        assert_morethan [r memory usage h] 1000000
        set before [s used_memory]
        r unlink h
        wait_for_condition 100 50 {[s used_memory] < $before - 2000000} else {fail "memory stays"}
        r exists h
    } 0
    test "a hash that shrank takes little memory" {
        make_hash h 20000 hashtable
        for {set i 100} {$i < 20000} {incr i 100} {
            set fields {}
            for {set n 0} {$n < 100} {incr n} {lappend fields f[expr {$i + $n}]}
            r hdel h {*}$fields
        }
        assert_equal [sorted [r hgetall h]] [sorted [expected 100]]
        assert_lessthan [r memory usage h samples 0] 20000
    }
    test "random changes leave what they should" {
        foreach limit {0 4 16 512} {
            r config set hash-max-listpack-entries $limit
            r del h
            set model {}
            for {set i 0} {$i < 2000} {incr i} {
                set field f[randomInt 30]
                if {rand() < 0.6} {
                    set value [randomValue]
                    assert_equal [r hset h $field $value] [expr {![dict exists $model $field]}]
                    dict set model $field $value
                } else {
                    assert_equal [r hdel h $field] [dict exists $model $field]
                    dict unset model $field
                }
            }
            assert_equal [sorted [r hgetall h]] [sorted $model]
        }
        r config set hash-max-listpack-entries 512
    } OK
}

# ---- what others hear ----

set tests [file join [file dirname [file normalize $kit::binary]] tests modules]
proc heard {question commands} {
    r chronicle.$question
    foreach command $commands {catch {r {*}$command}}
    return [r chronicle.$question]
}

start_server [list tags {hash journal} overrides [list loadmodule [file join $tests chronicle.so]]] {
    test "changes go to the journal as they came, and only changes" {
        heard journal {{HSET h a 1 b 2} {hmset h a 1} {hsetnx h a 2} {hsetnx h c 3} {hincrby h a 5}
            {hdel h nosuch} {hdel h a nosuch} {hget h a} {hset h x} {hincrby h b 1.5} {hgetall h}}
    } {{9 HSET h a 1 b 2} {9 hmset h a 1} {9 hsetnx h c 3} {9 hincrby h a 5} {9 hdel h a nosuch}}
    test "HINCRBYFLOAT goes on as the sum" {
        heard journal {{hincrbyfloat h f 1.5} {hincrbyfloat h f 0.25}}
    } {{9 HSET h f 1.5} {9 HSET h f 1.75}}
    test "events have Redis's names" {
        r flushall
        heard events {{hset h a 1 b 2} {hmset h a 1} {hsetnx h a 2} {hsetnx h c 3} {hincrby h a 5}
            {hincrbyfloat h a 1} {hdel h nosuch} {hdel h a} {hdel h b c}}
    } {{9 new h} {9 hset h} {9 hset h} {9 hset h} {9 hincrby h} {9 hincrbyfloat h} {9 hdel h} {9 hdel h} {9 del h}}
    test "each field counts as a change" {
        set before [s rdb_changes_since_last_save]
        r hset h a 1 b 2 c 3
        r hdel h a b nosuch
        r hincrby h c 1
        expr {[s rdb_changes_since_last_save] - $before}
    } 6
    test "a transaction that watches a hash fails when it changed" {
        r watch h
        set rd [redis_client]
        $rd hset h c 2
        $rd close
        r multi
        r hget h c
        r exec
    } {}
}

start_server [with_module fields] {
    test "the interface: fields are set, read, counted and removed" {
        list [r fields.set h a 1] [r fields.set h a 2] [r fields.set h b x] [r fields.get h a] \
             [r fields.get h nosuch] [r fields.length h] [r fields.length none] [r hgetall h] \
             [r fields.remove h a] [r fields.remove h a] [r fields.remove h b] [r exists h]
    } {1 0 1 2 {} 2 0 {a 2 b x} 1 0 1 0}
    test "the interface: walks and scans see all, in both forms" {
        foreach form {listpack hashtable} {
            make_hash h 300 $form
            foreach question {fields.walk fields.scan} {
                assert_equal [sorted [r $question h]] [sorted [expected 300]]
                assert_equal [r $question none] {}
            }
            lassign [r fields.random h] field value
            assert_equal [dict get [expected 300] $field] $value
        }
    }
    test "the interface: a key of another type is refused" {
        r set s text
        assert_error "WRONGTYPE*" {r fields.get s a}
        r fields.create made
        r hset made a 1
        list [r type made] [r hgetall made]
    } {hash {a 1}}
}
