# dump.tcl - DUMP and RESTORE: payloads there and back, with the real server too, and every kind of
# broken one refused.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit interop.tcl]
source [file join $here .. kit payload.tcl]

# What strings are made of: lengths in all forms, integers, compressed.
set samples [list "" a hello 0 1 -1 127 -128 128 32767 -32768 32768 2147483647 -2147483648 2147483648 \
    9223372036854775807 01 "+1" " 1" 1.5 "a\0b\r\n\xff" [string repeat x 20] [string repeat x 21] \
    [string repeat y 63] [string repeat abc 22] [string repeat z 20000] [randstring 70000 70000 binary] \
    [randstring 16000 17000 alpha]]

start_server {} {
    # A restored pack grows in the block that it was read into. Builds with ASan see a block that is
    # smaller than what the packs' code counts on.
    test "restored packs of every size grow in place" {
        for {set n 1} {$n < 40} {incr n} {
            set pad [string repeat p $n]
            foreach {type make grow} {
                zset {zadd k 1 a 5 $pad} {zadd k 3 n}
                hash {hset k a 1 $pad 2} {hset k a 123456789}
                list {rpush k a $pad} {linsert k before $pad n}
                set {sadd k a $pad} {sadd k n}
                stream {xadd k 1-1 $pad v} {xadd k 1-2 $pad w}
            } {
                r del k
                r {*}[subst $make]
                r restore k 0 [r dump k] replace
                for {set i 0} {$i < 4} {incr i} {
                    r {*}[string map [list 1-2 1-[expr {$i + 2}] " n" " n$i"] [subst $grow]]
                }
                r copy k k2 replace
                assert_equal [r debug digest-value k] [r debug digest-value k2]
            }
        }
    }
}

start_server {tags {dump}} {
    test "DUMP of a missing key is null" {r dump nosuch} {}
    test "DUMP has the type, the value, the format's version and the checksum" {
        r set a hello
        assert_equal [crc64 123456789] [expr {0xe9c6d914c4b8d9ca}]
        r dump a
    } [payload "\x00\x05hello"]
    test "integers are dumped in as few bytes as they need" {
        set bodies {}
        foreach value {1 -1 1000 100000 2147483647 2147483648} {
            r set a $value
            lappend bodies [string range [r dump a] 0 end-10]
        }
        set bodies
    } [list "\x00\xc0\x01" "\x00\xc0\xff" "\x00\xc1\xe8\x03" "\x00\xc2\xa0\x86\x01\x00" \
        "\x00\xc2\xff\xff\xff\x7f" "\x00\x0a2147483648"]
    test "long strings are dumped compressed" {
        r set a [string repeat abc 10000]
        assert_lessthan [string length [r dump a]] 2000
    }
    test "RESTORE gives back what DUMP gave" {
        foreach value $samples {
            r set a $value
            r del b
            assert_equal [r restore b 0 [r dump a]] OK
            assert_equal [r get b] $value
            assert_equal [r ttl b] -1
            assert_equal [r dump b] [r dump a]
        }
    }

    # ---- options

    test "RESTORE takes a time to live" {
        r set a hello
        set dump [r dump a]
        r del b
        r restore b 5000 $dump
        assert_range [r pttl b] 4000 5000
        r restore b 4000000000123 $dump absttl replace
        list [r pexpiretime b] [r get b]
    } {4000000000123 hello}
    test "RESTORE refuses a key that is there, without REPLACE" {
        list [catch {r restore b 0 $dump} e] $e [r restore b 0 $dump replace] [r ttl b]
    } {1 {BUSYKEY Target key name already exists.} OK -1}
    test "RESTORE of what has expired stores nothing, and removes what it replaces" {
        r set b old
        assert_equal [r restore b 1000 $dump absttl replace] OK
        assert_equal [r exists b] 0
        assert_equal [r restore b 1 $dump absttl] OK
        assert_equal [r restore b 9223372036854775807 $dump] OK
        r exists b
    } 0
    test "RESTORE IDLETIME sets the access time" {
        r restore b 0 $dump idletime 1000
        assert_range [r object idletime b] 1000 1002
    }
    test "RESTORE FREQ is taken, and kept where frequencies are" {r restore b 0 $dump freq 100 replace} OK
    test "RESTORE refuses bad options" {
        foreach options {{idletime 1 freq 1} {freq 1 idletime 1} nosuch idletime freq} {
            assert_error "ERR syntax error" {r restore c 0 $dump {*}$options}
        }
        assert_error "ERR Invalid IDLETIME value, must be >= 0" {r restore c 0 $dump idletime -1}
        foreach freq {-1 256} {
            assert_error "ERR Invalid FREQ value, must be >= 0 and <= 255" {
                r restore c 0 $dump freq $freq
            }
        }
        assert_error "ERR Invalid TTL value, must be >= 0" {r restore c -1 $dump}
        foreach ttl {x 1.5 ""} {
            assert_error "ERR value is not an integer or out of range" {r restore c $ttl $dump}
        }
        r exists c
    } 0
    test "a refused RESTORE leaves what was there" {
        r set b old
        assert_error "ERR Bad data format" {r restore b 0 [payload "\x00\x05hell"] replace}
        assert_error "ERR DUMP payload*" {r restore b 0 xxxxxxxxxxxxxxx replace}
        r get b
    } old
    test "RESTORE-ASKING does what RESTORE does" {
        r del b
        list [r restore-asking b 0 $dump] [r get b]
    } {OK hello}

    # ---- broken payloads

    set wrong "ERR DUMP payload version or checksum are wrong"
    test "a payload cut anywhere is refused" {
        for {set i 0} {$i < [string length $dump]} {incr i} {
            assert_error $wrong {r restore c 0 [string range $dump 0 $i-1]}
        }
    }
    test "a payload with any bit changed is refused" {
        for {set i 0} {$i < [string length $dump]} {incr i} {
            for {set bit 0} {$bit < 8} {incr bit} {
                binary scan [string index $dump $i] cu value
                set changed [binary format c [expr {$value ^ (1 << $bit)}]]
                assert_error $wrong {r restore c 0 [string replace $dump $i $i $changed]}
            }
        }
    }
    test "payloads of older versions are taken, those of newer ones refused" {
        foreach version {1 6 9 10} {
            r del c
            assert_equal [r restore c 0 [payload "\x00\x05hello" $version]] OK
        }
        r del c
        foreach version {12 13 255 256 65535} {
            assert_error $wrong {r restore c 0 [payload "\x00\x05hello" $version]}
        }
    }
    test "bodies that lie are refused although their checksum is right" {
        foreach body [list \
            "" "\x00" "\x00\x05hell" "\x00\x40" "\x00\x40\x05hell" "\x00\x80" "\x00\x80\x00\x00\x00" \
            "\x00\x80\x00\x00\x00\x05hell" "\x00\x80\xff\xff\xff\xffhello" "\x00\x7f\xffhello" \
            "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffhello" "\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff" \
            "\x00\x81\x00\x00\x00\x01\x00\x00\x00\x00hello" "\x00\x82\x00\x00\x00\x05hello" \
            "\x00\xbfhello" "\x00\xc0" "\x00\xc1\x01" "\x00\xc2\x01\x02\x03" "\x00\xc4\x01" \
            "\x00\xff\x01" "\x00\xc3" "\x00\xc3\x05" "\x00\xc3\x05\x05" "\x00\xc3\x00\x00" \
            "\x00\xc3\x00\x05" "\x00\xc3\x05\x00hello" "\x00\xc3\x05\x05hello" \
            "\x00\xc3\x05\x80\xff\xff\xff\xffhello" "\x00\xc3\x80\xff\xff\xff\xff\x05hello" \
            "\x00\xc3\x81\xff\xff\xff\xff\xff\xff\xff\xff\x05hello" \
            "\x00\xc3\x05\x81\xff\xff\xff\xff\xff\xff\xff\xffhello" \
            "\x00\xc3\x05\x43\xffhello" "\x00\xc3\xc0\x05\x05hello" "\x00\xc3\x04\x21\x20ab\xff" \
            "\x08\x05hello" "\xff" "\xfe\x05hello" "\x7f\x05hello" "\x07\x05hello" \
        ] {
            assert_error "ERR Bad data format" {r restore c 0 [payload $body]} [binary encode hex $body]
        }
        list [r exists c] [r ping]
    } {0 PONG}
    test "random damage with a right checksum is refused or gives a key that works" {
        r set a [string repeat "some text, " 30]
        set body [string range [r dump a] 0 end-10]
        for {set i 0} {$i < 2000} {incr i} {
            set damaged $body
            for {set n [expr {1 + [randomInt 3]}]} {$n} {incr n -1} {
                set at [expr {1 + [randomInt [expr {[string length $body] - 1}]]}]
                set damaged [string replace $damaged $at $at [binary format c [randomInt 256]]]
            }
            r del c
            if {[catch {r restore c 0 [payload $damaged]} e]} {
                assert_equal $e "ERR Bad data format"
            } else {
                r get c
                r append c x
                r dump c
            }
        }
        r ping
    } PONG
}

start_server {tags {dump} overrides {rdbcompression no}} {
    test "without compression strings are dumped as they are" {
        if {[catch {r config get rdbcompression} e] || $e eq ""} {skip_test "no rdbcompression yet"}
        r set a [string repeat x 100]
        r dump a
    } [payload "\x00\x40\x64[string repeat x 100]"]
}

start_pair {tags {dump interop}} {
    test "payloads are those of the real server, and each loads the other's" {
        foreach value $samples {
            r 0 set a $value
            r -1 set a $value
            set ours [r 0 dump a]
            set theirs [r -1 dump a]
            assert_equal [string range $ours 0 end-10] [string range $theirs 0 end-10]
            r 0 restore b 0 $theirs replace
            r -1 restore b 0 $ours replace
            assert_equal [r 0 get b] $value
            assert_equal [r -1 get b] $value
        }
    }
    test "errors and their order are the real server's" {
        r -1 set a hello
        set good [r -1 dump a]
        set lying [payload "\x08\x05hell"]
        foreach key {a new} {
            foreach ttl {0 -1 x 100000} {
                foreach payload [list $good "" 0123456789abc $lying [payload ""] [payload "\x00\x01a" 99]] {
                    foreach options {{} replace nosuch {idletime x} {idletime -1 replace}
                                     {freq 256} {freq 1 idletime 1} {replace absttl}} {
                        same_all [list {set a hello} {del new} [list restore $key $ttl $payload {*}$options] \
                            [list exists $key]]
                    }
                }
            }
        }
    }
}
