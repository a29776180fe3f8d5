# persistence.tcl - files that go from one server to the other: random datasets over all types that
# both have, written by either, loaded by the other, equal by DEBUG DIGEST.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# Writes the same random commands to both; those of a type that is not here are left out.
proc fill_both {ops} {
    set known [r command list]
    set commands {}
    for {set i 0} {$i < $ops} {incr i} {
        set key key:[randomInt 200]
        foreach command [kit::random_change $key [randomValue] 1] {
            if {[lindex $command 0] ni $known} continue
            # An id of the clock's would differ.
            if {[lindex $command 0] eq "xadd"} {lset command 2 $i-1}
            if {[lindex $command 0] eq "expire"} {
                set command [list pexpireat $key [expr {([clock seconds] + 10000 + $i) * 1000}]]
            }
            lappend commands $command
        }
    }
    pair::exchange $commands
}

# One key of each form that a value can have, as far as the server has the commands.
proc fill_forms level {
    set long [string repeat "a long value " 500]
    set commands [list {set int 12345} {set negative -7} {set wide 123456789012} {set empty ""} \
        [list set long $long] [list set binary [string repeat "\x00\xff\x80" 3000]] \
        {rpush list:small a b 1 2} {sadd set:ints 1 2 300000} {sadd set:words a b c 1} \
        {hset hash:small a 1 b 2} {zadd zset:small 1 a 2.5 b -inf c} {xadd stream 1-1 a 1 b 2} \
        {xadd stream 2-1 c 3} {xgroup create stream group 0} \
        {xreadgroup group group me count 1 streams stream >} {pfadd hll a b c}]
    for {set i 0} {$i < 1000} {incr i} {
        lappend commands [list rpush list:large element:$i] [list sadd set:large member:$i] \
            [list sadd set:intset $i] [list hset hash:large field:$i $i] \
            [list zadd zset:large $i.5 member:$i] [list xadd stream:large $i-1 f $i g x]
    }
    lappend commands [list rpush list:huge $long[string repeat x 10000] b] \
        [list hset hash:long field $long] [list zadd zset:long 1 $long]
    set known [r command list]
    foreach command $commands {
        if {[lindex $command 0] in $known} {r $level {*}$command}
    }
}

set options {overrides {save {""} appendonly yes aof-use-rdb-preamble yes appendfsync no}}

proc move_snapshot {from to} {
    r $from save
    file copy -force [srv $from dir]/dump.rdb [srv $to dir]/dump.rdb
    r $to debug reload nosave
}

start_pair {overrides {save {""}}} {
    foreach round {1 2 3} {
        test "a random dataset goes both ways in a snapshot ($round)" {
            foreach level {0 -1} {r $level flushall}
            fill_both 3000
            set digest [debug_digest 0]
            assert_equal [debug_digest -1] $digest
            move_snapshot 0 -1
            assert_equal [debug_digest -1] $digest
            r -1 set last 1
            set digest [debug_digest -1]
            move_snapshot -1 0
            assert_equal [debug_digest 0] $digest
        }
    }

    foreach {from to} {0 -1 -1 0} {
        test "every form of every type goes from [expr {$from ? "the real server" : "here"}]" {
            foreach level {0 -1} {r $level flushall}
            fill_forms $from
            set digest [debug_digest $from]
            move_snapshot $from $to
            assert_equal [debug_digest $to] $digest
            foreach key [r $from keys *] {
                assert_equal [r $to type $key] [r $from type $key] $key
            }
        }
    }

    test "the files are as long as the real server's" {
        foreach level {0 -1} {
            r $level flushall
            r $level debug populate 20000 key 40
            r $level save
        }
        # Head and tail tell version and memory.
        assert_lessthan_equal [file size [srv 0 dir]/dump.rdb] \
            [expr {[file size [srv -1 dir]/dump.rdb] + 16}]
    }

    test "redis-check-rdb accepts what is written here" {
        r flushall
        fill_forms 0
        r save
        assert_match "*RDB looks OK*" [exec redis-check-rdb [srv dir]/dump.rdb]
    }

    test "replies of SAVE, BGSAVE, LASTSAVE and BGREWRITEAOF, and their mistakes" {
        same_all {
            {save} {save x} {bgsave x} {bgsave schedule x} {lastsave x} {bgrewriteaof x}
            {config set save abc} {config set save "1 2 3"} {config set save "0 1"}
            {config set appendfsync x} {config set appendonly x} {debug reload foo}
            {multi} {save} {discard}
        }
    }
}

# The files of the append-only log of one server, taken over by another, started on them.
proc start_on_copy {from binary code} {
    set dir [tmpdir copy]
    file copy [srv $from dir]/appendonlydir $dir/appendonlydir
    uplevel 1 [list start_server [list binary $binary overrides \
        [list dir $dir save {""} appendonly yes]] $code]
}

start_pair $options {
    test "append-only files go both ways, before and after a rewrite" {
        fill_both 1500
        foreach rewrite {0 1} {
            if {$rewrite} {
                foreach level {0 -1} {
                    r $level bgrewriteaof
                    waitForBgrewriteaof [srv $level client]
                }
                fill_both 200
            }
            set digest [debug_digest 0]
            assert_equal [debug_digest -1] $digest
            start_on_copy 0 real {assert_equal [debug_digest] $digest}
            start_on_copy -1 $::kit::binary {assert_equal [debug_digest] $digest}
        }
    }

    test "a base of commands goes both ways" {
        foreach level {0 -1} {
            r $level flushall
            r $level config set aof-use-rdb-preamble no
            fill_forms $level
            r $level bgrewriteaof
            waitForBgrewriteaof [srv $level client]
        }
        set digest [debug_digest 0]
        start_on_copy 0 real {assert_equal [debug_digest] $digest}
        set digest [debug_digest -1]
        start_on_copy -1 $::kit::binary {assert_equal [debug_digest] $digest}
    }

    test "redis-check-aof accepts what is written here" {
        assert_match "*All AOF files and manifest are valid*" \
            [exec redis-check-aof [srv dir]/appendonlydir/appendonly.aof.manifest]
    }

    test "the same writes are the same records" {
        foreach level {0 -1} {r $level flushall}
        set start {}
        foreach level {0 -1} {
            set path [lindex [lsort -dictionary [glob [srv $level dir]/appendonlydir/*.incr.aof]] end]
            lappend start $path [file size $path]
        }
        pair::exchange {{select 5} {set k v} {set k v ex 1000} {multi} {incr n} {append k x} {exec}
            {del k} {del nosuch} {select 0} {mset a 1 b 2} {expire a 100} {getdel b} {publish c m}}
        foreach {path size} $start {
            set bytes [string range [kit::read_file $path] $size end]
            lappend found [regsub -all {\$13\r\n\d{13}} $bytes {$13 TIME}]
        }
        assert_equal [lindex $found 0] [lindex $found 1]
    }
}
