# info.tcl - what random commands cannot compare: INFO's fields, clients' lines, access clocks,
# whole iterations, and commands that end the connection or the server.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# Fields that are not there yet, each with the reason.
set later {
    module {one line a module: the real server of the test has none}
}

proc info_fields {level section} {
    set fields {}
    foreach line [split [r $level info $section] \n] {
        if {[regexp {^([^#:\s]+):(.*?)\r?$} $line -> name value]} {dict set fields $name $value}
    }
    return $fields
}

# What a value looks like: digits become 9, and one or many are the same.
proc form value {
    if {[regexp {^-?\d+$} $value]} {return integer}
    if {[regexp {^-?\d+\.(\d+)(%?)$} $value -> digits percent]} {
        return "number with [string length $digits] digits$percent"
    }
    if {[regexp {^\d+(\.\d+)?[BKMG]$} $value]} {return size}
    if {[regexp {^[0-9a-f]{40}$} $value]} {return id}
    return [regsub -all {\d+(\.\d+)?} $value 9]
}

start_pair {overrides {save {""} appendonly no}} {
    foreach level {0 -1} {
        r $level set k v ex 1000
        r $level get k
        r $level get nosuch
        catch {r $level nosuchcommand}
    }

    foreach section {server clients memory persistence stats replication cpu commandstats
        errorstats latencystats cluster keyspace} {
        test "INFO $section has every field of the real server, in its form" {
            set ours [info_fields 0 $section]
            assert {[dict size $ours] > 0} "no fields"
            foreach {name value} [info_fields -1 $section] {
                if {[dict exists $::later $name]} continue
                if {![dict exists $ours $name]} {fail "$name is missing"}
                # Texts about the build and the machine.
                if {$name in {redis_version redis_build_id os gcc_version executable config_file
                    multiplexing_api monotonic_clock mem_allocator redis_git_sha1 atomicvar_api}} {
                    continue
                }
                assert_equal [form [dict get $ours $name]] [form $value] $name
            }
        }
    }

    test "INFO's sections come in the same order" {
        foreach which {default all everything} {
            foreach level {0 -1} name {ours theirs} {
                set $name [regexp -all -inline -line {^# .*$} [r $level info $which]]
            }
            assert_equal $ours $theirs $which
        }
    }

    test "INFO takes several sections, in any case, and unknown ones" {
        foreach names {{CPU server} {nosuch} {cpu nosuch cpu} {keyspace default} {Everything cpu}} {
            foreach level {0 -1} name {ours theirs} {
                set $name [regexp -all -inline -line {^# .*$} [r $level info {*}$names]]
            }
            assert_equal $ours $theirs $names
        }
    }

    test "CLIENT LIST and INFO have the fields of the real server in its order, and 7.2's two more" {
        foreach command {list info} {
            foreach level {0 -1} name {ours theirs} {
                set $name {}
                set line [lindex [split [r $level client $command] \n] 0]
                foreach {all field} [regexp -all -inline {([a-z-]+)=\S*} $line] {
                    lappend $name $field
                }
            }
            assert_equal $ours [concat $theirs {lib-name lib-ver}] $command
        }
    }

    test "The same commands count as an access for OBJECT IDLETIME" {
        set commands {
            {exists K} {type K} {ttl K} {pttl K} {expiretime K} {object encoding K} {object freq K}
            {dump K} {expire K 1000} {pexpireat K 1} {persist K} {touch K} {copy K other replace}
            {get K} {getex K} {getex K ex 100} {strlen K} {append K x} {setrange K 0 x}
            {getrange K 0 1} {set K value} {set K value nx} {set K value xx keepttl} {getset K value}
            {mget K} {mset K value} {msetnx K value} {setnx K value} {bitcount K} {bitpos K 1}
            {getbit K 1} {setbit K 1 1} {bitop not other K} {bitfield K get u8 0}
            {bitfield_ro K get u8 0} {lcs K K} {memory usage K} {debug digest-value K}
            {debug object K} {rename K K} {renamenx K K} {incr K} {keys K} {restore K 0 bad}
            {scan 0 match K count 1000} {scan 0 match K count 1000 type string}
            {copy source K} {exists K K}
        }
        foreach level {0 -1} {
            r $level flushall
            r $level set source value
            set at 0
            foreach command $commands {r $level set key:[incr at] value}
        }
        after 3100
        set at 0
        foreach command $commands {
            set key key:[incr at]
            pair::exchange [list [string map [list K $key] $command]]
            # None, some seconds, or no such key.
            foreach level {0 -1} name {ours theirs} {
                set idle [r $level object idletime $key]
                set $name [expr {$idle eq "" ? "gone" : $idle >= 2 ? "idle" : "accessed"}]
            }
            assert_equal $ours $theirs [string map {K key} $command]
        }
    }

    test "SCAN's whole iterations see the same keys" {
        same flushall
        for {set i 0} {$i < 3000} {incr i} {lappend pairs key:$i $i}
        same mset {*}$pairs
        same set expired x px 1
        after 5
        foreach options {{} {count 1} {count 7} {match *7*} {match *7* count 100} {type string}
            {type list} {type nosuch}} {
            foreach level {0 -1} name {ours theirs} {
                set $name {}
                set cursor 0
                while 1 {
                    lassign [r $level scan $cursor {*}$options] cursor keys
                    lappend $name {*}$keys
                    if {$cursor == 0} break
                }
                set $name [lsort -unique [set $name]]
            }
            assert_equal $ours $theirs $options
        }
    }

    test "SHUTDOWN with bad words refuses" {
        foreach words {foo {save nosave} {now abort} {abort nosave} abort {force foo}} {
            same shutdown {*}$words
        }
    }

    test "QUIT answers and closes" {
        foreach words {quit {quit x y}} {
            foreach level {0 -1} name {ours theirs} {
                set fd [redis::open_channel [srv $level host] [srv $level port]]
                puts -nonewline $fd [redis::encode $words][redis::encode ping]
                flush $fd
                set $name [read $fd]
                close $fd
            }
            assert_equal $ours $theirs $words
        }
    }

    test "redis-benchmark finds the settings it asks for" {
        foreach name {save appendonly} {same config get $name}
        if {[auto_execok redis-benchmark] ne ""} {
            set out [exec timeout 20 redis-benchmark -p [srv port] -q -n 10 -t ping 2>@1]
            assert_no_match "*WARNING*" $out
        }
    }
}
