# api_set.tcl - the interface "set", as another module uses it.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]

set binaries [file join [file dirname [file normalize $kit::binary]] tests modules]

start_server [list tags {api sets} overrides [list loadmodule [file join $binaries set_user.so]]] {
    test "sets that a module makes are sets" {
        list [r setuser.add s a b 1 a] [r type s] [r object encoding s] [lsort [r smembers s]] \
            [r setuser.add i 3 1 2] [r object encoding i] [r smembers i]
    } {3 set listpack {1 a b} 3 intset {1 2 3}}
    test "sets that commands make are a module's to read and change" {
        r sadd t x y z
        list [r setuser.has t x] [r setuser.has t no] [r setuser.has nosuch x] [lsort [r setuser.walk t]] \
            [r setuser.walk i] [r setuser.walk nosuch] [r setuser.remove t x no y] [r smembers t]
    } {1 0 0 {3 x y z} {3 1 2 3} 0 2 z}
    test "values stay where they are while their form changes" {
        for {set i 0} {$i < 700} {incr i} {r setuser.add grows $i}
        assert_encoding hashtable grows
        for {set i 0} {$i < 200} {incr i} {r setuser.add packed m$i}
        assert_encoding hashtable packed
        list [lindex [r setuser.walk grows] 0] [r scard packed]
    } {700 200}
    test "the last member's going leaves the key to the module" {
        list [r setuser.remove t z] [r exists t]
    } {1 0}
    test "random members come from all of them, in every form" {
        foreach key {i s grows} {
            array unset seen
            for {set n 0} {$n < 4000} {incr n} {set seen([r setuser.random $key]) 1}
            assert_morethan [array size seen] [expr {[r scard $key] * 95 / 100}] $key
        }
        r setuser.random nosuch
    } {}
    test "store replaces what was there, or deletes it" {
        r set k x ex 1000
        set got [list [r setuser.store k 300] [r type k] [r ttl k] [r scard k] [r object encoding k]]
        lappend got [r setuser.store k 5] [r object encoding k] [r setuser.store k 0] [r exists k] \
            [r setuser.store k 0]
    } {300 set -1 300 hashtable 5 listpack 0 0 0}
    test "other types are refused" {
        r set k x
        foreach command {{setuser.add k a} {setuser.walk k} {setuser.random k}} {
            assert_error "WRONGTYPE*" {r {*}$command}
        }
    }
}
