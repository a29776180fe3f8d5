# defrag.tcl - active defragmentation beside the real server: its settings, and random commands while
# every block of the data moves all the time.

set here [file dirname [file normalize [info script]]]
source [file join $here .. kit.tcl]
source [file join $kit::home kit interop.tcl]

except "config get active*" unordered "the order of settings is the server's"

start_pair {overrides {save {""}} tags {interop}} {
    test "settings and their errors are alike" {
        same config get active*defrag*
        foreach {name values} {
            active-defrag-cycle-min {0 1 50 99 100 x "" -1}
            active-defrag-cycle-max {0 1 99 100 1.5}
            active-defrag-threshold-lower {-1 0 1000 1001}
            active-defrag-threshold-upper {-1 0 1000 1001 9223372036854775808}
            active-defrag-ignore-bytes {0 1 -1 100mb 1gb 10x 9223372036854775807}
            active-defrag-max-scan-fields {0 1 9223372036854775807 1k}
            activedefrag {no maybe "" NO}
        } {
            foreach value $values {
                same config set $name $value
                same config get $name
            }
        }
        same config set active-defrag-cycle-min 60 active-defrag-cycle-max 20
        same config set active-defrag-cycle-min 20 active-defrag-cycle-max 0
        same config get active-defrag-cycle-*
    }

    test "a server whose allocator cannot tell where blocks lie says so in the same words" {
        set real [lindex [pair::exchange {{config set activedefrag yes}}] 0 2]
        assert_match "-ERR CONFIG SET failed*modified Jemalloc*" $real
        if {![string match jemalloc* [s mem_allocator]]} {same config set activedefrag yes}
        same config set activedefrag no
    }
}

set ::env(KEEL_INTEROP_MOVING) 1
if {![info exists ::env(KEEL_INTEROP_OPS)]} {set ::env(KEEL_INTEROP_OPS) 6000}
source [file join $here random.tcl]
