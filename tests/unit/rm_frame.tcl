# rm_frame.tcl - frames of the module ABI: what is kept stays, and the next command finds them clean.
# The same commands run beside the real server in tests/interop/module_control.tcl.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

start_server [list tags {rm} args [list --loadmodule [test_module rm_frame]]] {
    test "arguments that are kept stay as they were" {
        assert_equal 3 [r frame.keep one two three]
        for {set i 0} {$i < 20} {incr i} {r frame.keep "word $i" [string repeat x $i]}
        r frame.append other words
        list [llength [r frame.kept]] [lrange [r frame.kept] 0 4] [r frame.drop] [r frame.kept]
    } {43 {one two three {word 0} {}} 43 {}}
    test "an argument that is changed is the next command's own again" {
        list [r frame.append a b] [r frame.append a c] [r frame.shuffle x y z] [r frame.append "" d]
    } {{0 ab} {0 ac} {z y x frame.shuffle} {0 d}}
    test "more arguments than a frame keeps" {
        set words {}
        for {set i 0} {$i < 300} {incr i} {lappend words w$i}
        assert_equal [lreverse [linsert $words 0 frame.shuffle]] [r frame.shuffle {*}$words]
        assert_equal [lrange $words 0 255] [r frame.keep {*}$words; r frame.kept]
        r frame.drop
    } 256
    test "key handles close in any order, or not at all" {
        set seen {}
        foreach order {"" f l m fff lll fml lmf offl mommy ccflm cccooommmfffl} {
            lappend seen [llength [r frame.keys $order k1 k2 k3]]
        }
        list $seen [r frame.keys fc a b] [r mget k1 k2 k3 a b]
    } {{6 4 4 4 0 0 0 0 2 0 4 4} {b b made1 made1} {k1 k2 k3 a b}}
    test "commands call themselves as deep as calls go" {
        set reply [r frame.deep 20 w]
        for {set i 0} {$i < 20} {incr i} {
            assert_equal w[string repeat . $i] [lindex $reply 0]
            set reply [lindex $reply 1]
        }
        assert_equal w[string repeat . 20] [lindex $reply 0]
        r frame.deep 1 again
    } {again again.}
    test "automatic memory ends what a command leaves" {
        r set a 1
        for {set i 0} {$i < 50} {incr i} {
            assert_equal {a b c d e f g} [r frame.auto a b c d e f g]
        }
        r frame.append clean ""
    } {0 clean}
}
