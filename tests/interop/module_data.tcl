# module_data.tcl - the same module files under the real server and under Keel: streams, dictionaries,
# data types, scans and command descriptions through the module ABI.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

set sanitized [pair::cannot_load_modules]

module_pair rm_stream {
    test "appending to streams" {
        same_all {{flushall} {stream.add s 0 5-1 f v} {stream.add s 0 5-1 f v} {stream.add s 0 4-0 f v}
            {stream.add s 0 5 f v} {stream.add s 0 6 f v g w} {stream.add s 0 0-0 f v} {stream.add n 0 0-0 f v}
            {exists n} {stream.add s 4 7-0 f v} {stream.add s 0 - f v} {stream.add s 0 8-8} {xrange s - +} {xlen s}
            {set str x} {stream.add str 0 9-9 f v} {stream.add s 0 18446744073709551615-18446744073709551615 z z}
            {stream.add s 1 - a b} {stream.add s 0 9-9 a b} {stream.add n 1 0-0 f v} {xlen n} {type n}}
    }
    test "removing and trimming" {
        set build {{del s}}
        for {set i 1} {$i <= 300} {incr i} {lappend build [list xadd s $i-1 f $i]}
        same_all $build
        same_all {{stream.del s 5-1} {stream.del s 5-1} {stream.del nosuch 5-1} {stream.del str 5-1} {xlen s}
            {stream.trim s LEN 0 250} {stream.trim s LEN 1 100} {xlen s} {stream.trim s LEN 2 1}
            {stream.trim s LEN 0 -1} {stream.trim s ID 0 200-0} {stream.trim s ID 1 290-0} {xlen s}
            {stream.trim str LEN 0 1} {stream.trim nosuch LEN 0 1} {stream.trim s LEN 0 0} {xlen s} {exists s}}
    }
    test "walking" {
        same_all {{del s} {xadd s 1-0 a 1} {xadd s 1-1 a 2 b 3} {xadd s 2-0 a 4} {xadd s 3-7 c 5 d 6 e 7}}
        foreach flags {0 1 2 3 4} {
            foreach range {{none none} {1-1 none} {none 2-0} {1-1 3-7} {3-7 1-1} {9-0 none} {0-0 0-1}
                {0-0 0-0} {- +} {- none} {+ none} {none -} {none +}} {
                same stream.range s $flags {*}$range
            }
        }
        same stream.range s 0 none none 1-1 3-7
        same stream.range s 2 none none 2-0
        same_all {{xrange s - +} {stream.range nosuch 0 none none} {stream.range str 0 none none}}
    }
    test "misuse has the real server's errno" {
        same_all {{xadd s 9-9 a 1} {stream.misuse s} {stream.misuse str} {stream.misuse nosuch}}
    }
    test "dictionaries" {
        set build {set b 2 set a 1 set c 3 set ab 12 set "" 9 set b 5 replace b 22 replace d 4 size
            get a get nosuch get "" del c del c}
        same dict.run {*}$build
        foreach op {^ $ = == > >= < <=} {
            foreach key {a b "" zz aa} {
                same dict.run {*}$build next $op $key prev $op $key
            }
        }
        foreach op {= == > >= < <= x !=} {
            foreach key {a b ab "" zz aa} {same dict.run {*}$build compare >= b $op $key compare == nosuch $op $key}
        }
        # An operator that is none sends the real server into a null pointer.
        foreach op {^ $ = > >= < <=} {same dict.run {*}$build reseek ^ "" $op ab reseek > zz $op b}
        same dict.run next ^ "" prev \$ "" get "" size compare ^ "" = ""
        same dict.churn 5000
    }
}

# A DUMP payload without its footer, whose version and checksum are the server's.
proc body payload {string range $payload 0 end-10}

module_pair rm_type {
    test "data types and what their callbacks are told" {
        same_all {{flushall} {record.set a 5 - -7 0.1 name} {record.get a} {record.what a} {record.what nosuch}
            {set str x} {record.what str} {record.get str} {record.get nosuch} {type a} {object encoding a}
            {get a} {record.replace a other} {record.get a} {record.replace str x} {record.replace nosuch x}
            {record.set a 18446744073709551615 - -9223372036854775808 -1e300 ""} {record.get a}
            {record.set b 12345 - 9223372036854775807 inf zz} {record.get b} {record.log}
            {copy a c} {copy a c db 3} {copy a c replace} {record.get c} {record.log}
            {record.set thirteen 13 - 1 1 x} {copy thirteen d} {exists d} {record.log}
            {plain.set p hello} {plain.get p} {copy p q} {type p} {record.what p} {record.get p}
            {memory usage a samples 3} {record.log} {del p} {set c over} {record.log}
            {record.set small 1 - 1 1 x} {unlink small} {record.log} {record.set e 1 - 1 1 x}
            {expire e 100} {record.set e 2 - 2 2 y} {ttl e} {record.log} {rename a b} {record.log}
            {debug digest-value b} {record.log} {move b 2} {record.log} {scan 0 type rm-record}
            {record.picky}}
    }
    except "memory usage *" alike_size "the entry beside the value is another one"
    test "memory usage asks the type" {same memory usage thirteen}
    test "payloads are the real server's to the byte, and read in both directions" {
        foreach row {{0 0 0 ""} {5 -7 0.1 name} {70000 -70000 1e-300 {a longer name}} {18446744073709551615
            9223372036854775807 -inf 12345} {4294967296 -9223372036854775808 nan 1}} {
            lassign $row count balance weight name
            same record.set k $count - $balance $weight $name
            set row [lindex [pair::exchange {{dump k}}] 0]
            lassign $row command ours theirs
            set ours [pair::parse $ours]
            set theirs [pair::parse $theirs]
            assert_equal [binary encode hex [body [lindex $ours 1]]] [binary encode hex [body [lindex $theirs 1]]]
            same record.tostring k
            foreach payload [list [lindex $ours 1] [lindex $theirs 1]] {
                same restore back 0 $payload replace
                same record.get back
                same record.log
            }
        }
    }
    test "values are made of strings" {
        same record.set k 5 - -7 0.1 name
        set row [lindex [pair::exchange {{record.tostring k}}] 0]
        set bytes [lindex [pair::parse [lindex $row 1]] 1]
        same_all [list [list record.fromstring $bytes 0] [list record.fromstring $bytes 7] {record.log}]
        same record.fromstring "" 0
        same record.fromstring [string range $bytes 0 4] 0
        same record.fromstring [string range $bytes 1 end] 2
        same record.log
    }
}

# A parsed reply without display_text, which 7.0 does not have.
proc without_display reply {
    lassign $reply kind value
    if {$kind ne "*"} {return $reply}
    set out {}
    for {set i 0} {$i < [llength $value]} {incr i} {
        if {[lindex $value $i 1] eq "display_text"} {incr i} else {lappend out [without_display [lindex $value $i]]}
    }
    return [list * $out]
}

module_pair rm_command {
    test "COMMAND INFO, GETKEYS and LIST of a module's commands" {
        foreach name {info.all info.plain info.less INFO.Caps info.caps info.picks info.keysof info.group info.bad} {
            same command info $name
        }
        same_all {{command getkeys info.all k STORE a b c d} {command getkeys info.all k x KEYS 2 a b}
            {command getkeysandflags info.all k STORE a b} {command getkeys info.less a b c d e}
            {command getkeys info.group one k} {command getkeys info.group two a b c d} {command getkeys info.plain}
            {command getkeys info.picks 2 a b c} {command getkeysandflags info.picks 2 a b c} {command getkeys info.picks 0 a}
            {command getkeys info.picks} {command getkeys info.picks 1 x}
            {info.all} {info.all k} {info.all k x} {info.less} {info.less a} {info.less a b} {info.group} {info.group one}
            {info.group three} {info.group one k} {info.group ONE k} {INFO.CAPS} {info.caps x}
            {info.keysof mset a 1 b 2} {info.keysof get a} {info.keysof get} {info.keysof ping} {info.keysof nosuch}
            {info.keysof info.picks 2 a b c} {info.keysof zunionstore d 2 a b} {info.keysof xread streams a b 0 0}}
        except "command list *" unordered "the order of commands is the table's"
        same command list filterby module rm_command
    }
    test "COMMAND DOCS of a module's commands" {
        foreach name {info.all info.plain info.less info.group|one info.group|two} {
            lassign [lindex [pair::exchange [list [list command docs $name]]] 0] command ours theirs
            set ours [without_display [pair::parse $ours]]
            set theirs [without_display [pair::parse $theirs]]
            foreach a [lindex $ours 1 1 1] b [lindex $theirs 1 1 1] {assert_equal $a $b}
            assert_equal $ours $theirs
        }
    }
}

module_pair rm_scan {
    except "scan.keys*" unordered "the order of keys is the table's"
    except "scan.key *" elements "the order of elements is the table's"
    proc pair::alike_elements {command ours theirs} {
        lassign [lindex [parse $ours] 1] a atail
        lassign [lindex [parse $theirs] 1] b btail
        expr {[lsort [lindex $a 1]] eq [lsort [lindex $b 1]] && $atail eq $btail}
    }
    test "walks over elements of every type and form" {
        same flushall
        set many {}
        for {set i 0} {$i < 700} {incr i} {lappend many member:$i}
        same_all [list {hset h f v g w n 5} [list hset H {*}[concat {*}[lmap m $many {list $m x$m}]]] {sadd i 3 1 2} \
            {sadd s a b c} [list sadd S {*}$many] {zadd z 1.5 one 2 two 0.1 three inf four} \
            [list zadd Z {*}[concat {*}[lmap m $many {list [expr {[incr n] / 7.0}] $m}]]] {set str x} {rpush l a b}]
        foreach key {h H i s S z Z str l nosuch} {same scan.key $key}
    }
    test "walks over keys, also when they go meanwhile" {
        same scan.keys
        same scan.keys delete
        same scan.keys
        same dbsize
    }
    test "databases" {
        same_all {{scan.dbs 0} {set k v} {scan.dbs 0} {scan.dbs 3} {scan.dbs 99} {scan.dbs -1} {scan.dbs 9}
            {dbsize} {select 3} {set only one} {scan.dbs 3} {scan.dbs 4} {scan.reset} {scan.reset async} {dbsize}}
    }
}

# The value that `source` saved, read by `target`: real or keel.
proc carried {source target} {
    set module [test_module rm_type]
    array set start {keel start_server real start_real_server}
    $start($source) [list args [list --loadmodule $module --enable-debug-command yes]] {
        r record.set a 5 - -7 0.1 name
        r record.set b 18446744073709551615 - 1 -inf [string repeat ab 400]
        r plain.set p hello
        r record.aux before after
        r save
        set saved [list [r record.get a] [r record.get b] [r plain.get p] [r debug digest]]
        set file [file join [lindex [r config get dir] 1] [lindex [r config get dbfilename] 1]]
        set copy [file join [file dirname $file] carried.rdb]
        file copy -force $file $copy
        $start($target) [list args [list --loadmodule $module --enable-debug-command yes]] {
            set file [file join [lindex [r config get dir] 1] [lindex [r config get dbfilename] 1]]
            file copy -force $copy $file
            r debug reload nosave
            set loaded [list [r record.get a] [r record.get b] [r plain.get p] [r debug digest]]
            set told [regexp {aux 1 before;.*aux 2 after;} [r record.log]]
        }
    }
    assert_equal $loaded $saved
    return $told
}

if {[kit::have_real_server] && !$sanitized} {
    test "files with values and auxiliary fields of modules go from the real server to Keel" {carried real keel} 1
    test "files with values and auxiliary fields of modules go from Keel to the real server" {carried keel real} 1
}
