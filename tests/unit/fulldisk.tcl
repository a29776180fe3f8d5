# fulldisk.tcl - a disk of 2 MB that fills up: a tmpfs in a mount namespace of its own, which a
# process holds open while servers in it come and go. Skipped where such are not permitted.
#
# While there is no room nothing is acknowledged, reads go on and writes get MISCONF; within a
# second of room being there again they are taken; and what was acknowledged is there after a crash.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set mount [tmpdir fulldisk]
set holder 0

# Leaves the number of the process that holds the namespace in `holder`. False: not permitted.
proc hold_disk {} {
    global mount holder
    if {[auto_execok unshare] eq "" || [auto_execok nsenter] eq ""} {return 0}
    set ready [tmpfile ready]
    file delete $ready
    set script {mount -t tmpfs -o size=2m none "$1" && echo ready > "$2" && exec sleep 600}
    if {[catch {exec unshare -rm sh -c $script sh $mount $ready >& /dev/null &} pid]} {return 0}
    for {set i 0} {$i < 100 && ![file exists $ready]} {incr i} {
        if {![file exists /proc/$pid]} {return 0}
        after 20
    }
    set holder $pid
    kit::adopt $pid
    return [expr {[file exists $ready] && ![catch {disk_do pwd}]}]
}

# What a shell says to a script inside, with the disk as its working directory.
proc disk_do {script args} {
    exec nsenter -t $::holder -U -m --preserve-credentials \
        sh -c "cd '$::mount' && $script" sh {*}$args 2>@1
}
# A file of so many bytes, or as many as fit, that takes the room of others.
proc ballast bytes {
    disk_do {head -c "$1" /dev/zero > ballast || true} $bytes
}
proc make_room {} {disk_do {rm -f ballast}}

# A program that starts the server inside.
proc inside {} {
    set path [tmpfile keel-inside]
    set f [open $path w]
    puts $f "#!/bin/sh\nexec nsenter -t $::holder -U -m --preserve-credentials\
             '[file normalize $::kit::binary]' \"\$@\""
    close $f
    file attributes $path -permissions 0755
    return $path
}

proc reconnect_client {} {
    catch {[srv client] close}
    lset ::servers end [kit::connect [lindex $::servers end]]
}

# Writes values of 1 KB under numbers from `from` on until one is not acknowledged; the first number
# that was not.
proc write_until_full from {
    for {set i $from} {$i < $from + 5000} {incr i} {
        if {[catch {r set key:$i [string repeat . 1000]$i} reply] || $reply ne "OK"} {return $i}
    }
    fail "[expr {$i - $from}] writes fit on a disk of 2 MB"
}

proc assert_all_there n {
    for {set i 0} {$i < $n} {incr i} {
        if {[r get key:$i] ne "[string repeat . 1000]$i"} {fail "key:$i of $n acknowledged is lost"}
    }
}

if {![hold_disk]} {
    test "A disk that is full" {skip_test "no mount namespaces here"}
    return
}
set modules [file join [file dirname [file dirname [file normalize $kit::binary]]] modules.conf]
if {![info exists ::env(KEEL_MODULES)] && [file exists $modules]} {set ::env(KEEL_MODULES) $modules}
set options [list binary [inside] overrides [list dir $mount save {""}]]

proc with_overrides args {
    set options $::options
    dict set options overrides [concat [dict get $options overrides] $args]
    return $options
}

start_server [with_overrides appendonly yes appendfsync always auto-aof-rewrite-percentage 0] {
    test "A full disk: reads go on, writes are refused, room is used within a second" {
        ballast 1000000
        set written 0
        for {set round 0} {$round < 3} {incr round} {
            set written [write_until_full $written]
            assert {$written > 100 || $round > 0}
            reconnect_client
            assert_error "MISCONF Errors writing to the AOF file: No space left on device" {
                r set more 1
            }
            assert_error "MISCONF *" {r del key:0}
            assert_equal [r get key:0] [string repeat . 1000]0
            assert_equal err [s aof_last_write_status]
            # Room for some more, and all of it in the end.
            if {$round < 2} {ballast [expr {1000000 - ($round + 1) * 200000}]} else make_room
            set start [clock milliseconds]
            wait_for_condition 200 10 {![catch {r set more $round} why]} else {fail "refused: $why"}
            assert_lessthan_equal [expr {[clock milliseconds] - $start}] 1100
            assert_equal ok [s aof_last_write_status]
            assert_equal PONG [r ping]
        }
        set written
    } {[1-9]*}

    test "What was acknowledged is there after a crash" {
        restart_server 0 true false 1 sigkill
        assert_all_there $written
        r get more
    } 2

    test "A crash while the disk is full loses nothing that was acknowledged" {
        make_room
        r flushall
        r bgrewriteaof
        waitForBgrewriteaof r
        ballast 1000000
        set written [write_until_full 0]
        restart_server 0 true false 1 sigkill
        assert_all_there $written
        # The file was cut in the middle of a record, or between two: it goes on all the same.
        make_room
        set value [string repeat . 1000]$written
        wait_for_condition 200 10 {![catch {r set key:$written $value}]} else {fail "still refused"}
        restart_server 0 true false 1 sigkill
        assert_all_there [expr {$written + 1}]
    }

    test "A rewrite that finds no room leaves the file as it was" {
        set size [r dbsize]
        ballast 3000000
        catch {r bgrewriteaof}
        wait_for_condition 200 20 {
            ![s aof_rewrite_in_progress] && ![s aof_rewrite_scheduled]
        } else {
            fail "it runs on"
        }
        assert_equal err [s aof_last_bgrewrite_status]
        make_room
        wait_for_condition 200 10 {![catch {r set after rewrite}]} else {fail "still refused"}
        r bgrewriteaof
        waitForBgrewriteaof r
        assert_equal ok [s aof_last_bgrewrite_status]
        restart_server 0 true false 1 sigkill
        assert_equal rewrite [r get after]
        expr {[r dbsize] - $size}
    } 1
}

disk_do {rm -rf ./*}
start_server [with_overrides save {3600 1000000} rdbcompression no] {
    test "A snapshot that finds no room stops writes, until one finds it" {
        for {set i 0} {$i < 500} {incr i} {r set key:$i [string repeat . 1000]$i}
        assert_equal OK [r save]
        for {} {$i < 1000} {incr i} {r set key:$i [string repeat . 1000]$i}
        ballast 800000
        r bgsave
        wait_for_condition 200 20 {[s rdb_bgsave_in_progress] == 0} else {fail "it runs on"}
        assert_equal err [s rdb_last_bgsave_status]
        assert_error "MISCONF Redis is configured to save RDB snapshots*" {r set more 1}
        assert_equal [r get key:999] [string repeat . 1000]999
        # The snapshot before it is whole, and nothing is left of the one that failed.
        assert_equal "" [disk_do {ls | grep temp- || true}]
        restart_server 0 true false 1 sigkill
        assert_all_there 500
        r dbsize
    } 500

    test "Writes are taken again after a snapshot that has room" {
        ballast 1200000
        r bgsave
        wait_for_condition 200 20 {[s rdb_bgsave_in_progress] == 0} else {fail "it runs on"}
        assert_error "MISCONF *" {r set more 1}
        make_room
        r bgsave
        wait_for_condition 200 20 {[s rdb_bgsave_in_progress] == 0} else {fail "it runs on"}
        assert_equal ok [s rdb_last_bgsave_status]
        r set more 1
    } OK
}
