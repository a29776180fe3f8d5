# rm_type.tcl - data types of the Redis module ABI where the real server ends or cannot follow: values
# whose module is not there, payloads that are wrong, and what only this server does.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $here .. kit payload.tcl]

# Payloads for a server that never saw the module.
start_server {tags {rm}} {
    set payloads {}
    start_server [list tags {rm} args [list --loadmodule [test_module rm_type]]] {
        r record.set a 5 - -7 0.1 name
        r record.set b 70000 - 70000 1e300 [string repeat ab 500]
        r plain.set p hello
        foreach key {a b p} {lappend payloads $key [r dump $key]}
        set digest [r debug digest-value a b]
        r record.log

        test "no cut of a payload is taken, and none ends the server" {
            set body [string range [r dump a] 0 end-10]
            for {set n 1} {$n < [string length $body]} {incr n} {
                assert_error "ERR Bad data format*" {r restore cut 0 [payload [string range $body 0 $n-1]]}
            }
            r restore cut 0 [payload $body]
            assert_equal [r record.get cut] [r record.get a]
        }
        test "no changed byte of a payload ends the server" {
            set body [string range [r dump a] 0 end-10]
            for {set n 10} {$n < [string length $body]} {incr n} {
                foreach byte {00 01 02 03 04 05 06 40 80 81 c3 ff} {
                    set changed [string replace $body $n $n [binary decode hex $byte]]
                    catch {r restore changed 0 [payload $changed] replace}
                    catch {r record.get changed}
                }
            }
            r ping
        } PONG
        test "a part behind those that the module reads is refused" {
            set body [string range [r dump a] 0 end-11]
            assert_error "ERR Bad data format*" {r restore more 0 [payload "$body\x02\x01\x00"]}
        }
        test "a value that the module refuses is an error" {
            r record.picky yes
            assert_error "ERR Bad data format*" {r restore refused 0 [r dump a]}
            r record.picky
        } 0
        test "an older encoding version reaches the module" {
            # The id's lowest ten bits are its version: 3 here.
            set body [string range [r dump a] 0 end-10]
            r record.log
            r restore older 0 [payload [string replace $body 9 9 \x01]]
            regexp {load 1 older 9;} [r record.log]
        } 1
        test "types are made as the module loads, and its own cannot be unloaded" {
            assert_error "*exports one or more module-side data types*" {r module unload rm_type}
            r record.late
        } 0
        test "values live through a flush in the background" {
            for {set i 0} {$i < 100} {incr i} {r record.set many:$i 1 - 1 1 x}
            r flushall async
            r dbsize
        } 0
    }
    test "values without their module are kept as they came" {
        foreach {key payload} $payloads {r restore $key 0 $payload}
        foreach {key payload} $payloads {assert_equal [r dump $key] $payload}
        verify_log_message 0 "*rm-record*no loaded module*" 0
        list [r type a] [r object encoding a] [r exists a b p] [catch {r get a}]
    } {opaque raw 3 1}
    test "they move, are copied, expire and go like others" {
        r copy a copy
        r rename copy other
        assert_equal [r dump other] [dict get $payloads a]
        r move other 3
        r expire p 1000
        assert_range [r memory usage b] 100 10000
        list [r exists other] [r dbsize] [lsort [lindex [r scan 0 type opaque] 1]] [r unlink p]
    } {0 3 {a b p} 1}
    test "malformed values without their module are refused" {
        set body [string range [r dump a] 0 end-10]
        for {set n 1} {$n < [string length $body]} {incr n} {
            assert_error "ERR Bad data format*" {r restore cut 0 [payload [string range $body 0 $n-1]]}
        }
        foreach bad {07 0745454545 0781ffffffffffffffffff 0781000000000000000005ff
                     07810000000000000000058100ffffffffffffff 078100000000000000000506} {
            assert_error "ERR Bad data format*" {r restore bad 0 [payload [binary decode hex $bad]]}
        }
        r exists cut bad
    } 0
    test "they become values when their module comes" {
        r restore p 5000000 [dict get $payloads p]
        r module load [test_module rm_type]
        verify_log_message 0 "*took over 4 values*" 0
        assert_equal [r type a] rm-record
        assert_equal [r dump a] [dict get $payloads a]
        assert_equal [r debug digest-value a b] $digest
        r select 3
        assert_equal [r type other] rm-record
        r select 9
        list [r plain.get p] [expr {[r pttl p] > 4000000}] [lrange [r record.get a] 0 1]
    } {hello 1 {5 -7}}
}

start_server [list tags {rm} args [list --loadmodule [test_module rm_type]]] {
    test "files keep values of modules" {
        r record.set a 5 - -7 0.1 name
        r plain.set p hello
        set before [list [r record.get a] [r plain.get p] [r debug digest]]
        r debug reload
        assert_equal [list [r record.get a] [r plain.get p] [r debug digest]] $before
    }
    test "a module saves and loads the dataset where it wants" {
        set file [file join [lindex [r config get dir] 1] other.rdb]
        assert_equal [r record.file save $file] {0 0}
        r flushall
        assert_equal [r record.file load $file] {0 0}
        assert_equal [list [r record.get a] [r plain.get p] [r debug digest]] $before
        list [r record.file load $file.nosuch] [r record.file flags $file] [r record.get a]
    } [list {1 2} {1 22} {5 -7 0.10000000000000001 0.100000001 0.033333333333333335185 name xxxxx}]
    test "auxiliary fields come before and after the keys" {
        r record.log
        r record.aux one two
        r debug reload
        regexp {aux 1 one;.*load 3 a 9;.*aux 2 two;} [r record.log]
    } 1
}
