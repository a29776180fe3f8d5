# hyperloglog.tcl - HyperLogLogs beside the real server: after each command the strings must be equal
# byte for byte, in the sparse form, at the moment it becomes the dense one, and after.
#
# Declared difference: a sparse string whose damage lies behind the register that changes is refused
# here, where the real server adds to it.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# `count` elements that no earlier call gave, `step` in a command; after each command both strings.
proc add_and_compare {key count step} {
    variable next_element
    for {set i 0} {$i < $count} {incr i $step} {
        set elements {}
        for {set k 0} {$k < $step} {incr k} {lappend elements element:[incr next_element]}
        same_all [list [list pfadd $key {*}$elements] [list get $key]]
    }
    same_all [list [list pfcount $key] [list get $key] [list pfcount $key] [list strlen $key]]
}

# A sparse string from its opcodes.
proc sparse opcodes {return "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80$opcodes"}
proc repeated {byte count} {return [string repeat [binary format c $byte] $count]}

start_pair {tags {interop hyperloglog}} {
    same select 9
    foreach protocol {2 3} {
        test "errors are the real server's in RESP$protocol" {
            pair::exchange [list [list hello $protocol]]
            same_all {{flushall} {set str x} {set int 12345} {sadd set a} {pfadd h a b} {pfadd h2 c}}
            foreach command {pfadd pfcount pfmerge pfdebug pfselftest} {
                foreach args {{} str {str a} int set {set a} h {h a} {h str} {h set} {set h} {str h} {new set}
                              {new str} nosuch {nosuch h} {encoding h} {encoding nosuch} {encoding str}
                              {encoding set} {ENCODING h x} {foo h} {foo nosuch} {foo set} {decode h}
                              {getreg str} {todense nosuch} {"" h}} {
                    # Its figures come from chance; that it is well is tested elsewhere.
                    if {$command eq "pfselftest" && ![llength $args]} continue
                    same $command {*}$args
                }
            }
            same_all {{type new} {get h} {get new}}
        }
    }
    foreach {elements step} {60 1 400 7 3000 50 6000 500} {
        test "the bytes are the real server's: $elements elements, $step a command" {
            same flushall
            add_and_compare h $elements $step
        }
    }
    foreach limit {0 20 100 500 2999 3000 3001 12000 16000 100000} {
        test "the form changes where the real server's does, at $limit bytes" {
            same_all [list {flushall} [list config set hll-sparse-max-bytes $limit]]
            add_and_compare h 40 1
            add_and_compare h 4000 40
            same pfdebug encoding h
        }
    }
    test "PFMERGE gives the real server's bytes, whatever the forms" {
        same_all {{flushall} {config set hll-sparse-max-bytes 3000}}
        add_and_compare few 30 5
        add_and_compare some 500 50
        add_and_compare other 700 50
        add_and_compare dense 9000 500
        foreach sources {few {few some} {some other} {few dense} {dense some} {nosuch few} nosuch {} {dense dense}} {
            foreach target {new few2 dense2} {
                same_all [list {del new few2 dense2} {copy few few2} {copy dense dense2} \
                    [list pfmerge $target {*}$sources] [list get $target] [list pfcount $target] \
                    [list get $target] [list pfcount $target {*}$sources] [list pfdebug encoding $target]]
            }
        }
    }
    test "PFDEBUG tells what the real server's tells, and changes as much" {
        same_all {{pfdebug decode few} {pfdebug getreg few} {pfdebug encoding few} {get few} {pfdebug decode few}
            {pfdebug todense some} {pfdebug todense some} {get some} {pfdebug decode some} {pfdebug getreg dense}}
    }
    test "payloads are the real server's" {
        foreach key {few some dense} {same dump $key}
        foreach key {few some dense} {
            r 0 restore x 0 [r -1 dump $key] replace
            r -1 restore x 0 [r 0 dump $key] replace
        }
        same pfcount x
    }
    test "elements of any length and any bytes fall into the real server's registers" {
        same flushall
        set element ""
        for {set i 0} {$i < 100} {incr i} {
            same_all [list [list pfadd h $element] [list get h]]
            append element [binary format c [expr {$i * 37 & 255}]]
        }
        same_all [list [list pfadd h [string repeat xyz 5000]] {get h}]
    }
    test "damaged strings are refused as by the real server" {
        same flushall
        add_and_compare good 50 10
        add_and_compare dense 9000 500
        set good [r -1 get good]
        foreach bytes [list "" HYLL "HYLL[repeated 0 11]" "HYLL[repeated 0 12]" "HYLL\x01[repeated 0 11]" \
            "HYLL\x02[repeated 0 11]" "hyll\x01[repeated 0 11]" [repeated 0 12304] "HYLL[repeated 0 12300]" \
            "HYLL[repeated 0 12301]" "HYLL[repeated 255 12300]" "HYLL\x00[repeated 255 12299]" [sparse ""] \
            [sparse "\x7f\xff"] [sparse "\x7f\xff\x00"] [sparse "\x7f\xfe"] [sparse "\x7f\xfe\x00"] [sparse "\x7f"] \
            [sparse "\x00"] [sparse [repeated 63 256]] [sparse [repeated 63 257]] [sparse [repeated 63 255]] \
            [sparse [repeated 131 4096]] [sparse [repeated 131 4097]] [sparse [repeated 255 4096]] \
            [sparse [repeated 128 16384]] [sparse "[repeated 128 16383]\x00"] [sparse "\x40\x00\x7f\xfe"] "${good}x" \
            "${good}\x00" [string range $good 0 end-1]] {
            same_all [list [list set x $bytes] {pfcount x} {get x} {pfcount x} {pfcount x good} {pfcount dense x} \
                {del y} {pfmerge y x} {exists y} {pfmerge y good x} {pfdebug encoding x} {pfdebug todense x} \
                {get x}]
        }
        foreach at {0 3 4 5 8 15 16 17 20 30} {
            for {set bit 0} {$bit < 8} {incr bit} {
                binary scan [string index $good $at] cu byte
                set bytes [string replace $good $at $at [binary format c [expr {$byte ^ 1 << $bit}]]]
                same_all [list [list set x $bytes] {pfcount x} {get x} {pfmerge y x} {pfdebug getreg x}]
            }
        }
    }
}
