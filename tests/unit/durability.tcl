# durability.tcl - what is left after a crash: the rows of the README's table, one by one, each with
# a server that is killed, cut off from power, or on a disk that fails.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit faultdisk.tcl]

set always {overrides {appendonly yes appendfsync always save {""}}}

# One writer appends "1,2,3,"... to one key, up to `window` requests ahead of the replies, for
# `ms` milliseconds. {acknowledged sent}: the last number of each. `script` runs now and then.
proc write_numbers {from ms {script {}} {window 20}} {
    set rd [redis_deferring_client]
    set deadline [expr {[clock milliseconds] + $ms}]
    set sent $from
    set acknowledged $from
    catch {
        while {[clock milliseconds] < $deadline} {
            $rd append log "[incr sent],"
            if {$sent - $acknowledged > $window} {
                if {[catch {$rd read} error]} break
                incr acknowledged
            }
            if {$sent % 50 == 0} {uplevel 1 $script}
        }
    }
    catch {$rd close}
    return [list $acknowledged $sent]
}

# The last number in the log, which must be 1,2,3... without a gap.
proc last_number {} {
    set numbers [split [string trimright [r get log] ,] ,]
    set i 0
    foreach n $numbers {
        if {$n != [incr i]} {fail "number $n stands where $i belongs"}
    }
    return $i
}

proc assert_kept {acknowledged sent} {
    set last [last_number]
    if {$last < $acknowledged || $last > $sent} {
        fail "$last of $acknowledged acknowledged and $sent sent writes are there"
    }
    return $last
}

start_server $always {
    test "kill -9 loses nothing acknowledged under always" {
        set last 0
        for {set i 0} {$i < 5} {incr i} {
            lassign [write_numbers $last [expr {20 + [randomInt 60]}]] acknowledged sent
            restart_server 0 true false 1 sigkill
            set last [assert_kept $acknowledged $sent]
        }
        assert {$last > 0}
    }

    test "kill -9 while the file is rewritten all the time" {
        set last [last_number]
        for {set i 0} {$i < 6} {incr i} {
            lassign [write_numbers $last [expr {40 + [randomInt 120]}] {
                catch {r bgrewriteaof}
            }] acknowledged sent
            restart_server 0 true false 1 sigkill
            set last [assert_kept $acknowledged $sent]
        }
        r config set save ""
        # One rewrite more, and what the killed ones left is gone.
        wait_for_condition 100 50 {[s aof_rewrite_in_progress] == 0} else {fail "rewriting"}
        r bgrewriteaof
        waitForBgrewriteaof r
        restart_server 0 true false 1 sigkill
        assert_kept $last $last
        wait_for_condition 50 50 {[llength [glob [srv dir]/appendonlydir/*]] == 3} else {
            fail "files that nobody needs: [glob [srv dir]/appendonlydir/*]"
        }
        assert_equal [glob -nocomplain [srv dir]/temp-*] {}
    }
}

start_server {overrides {appendonly no save {""}}} {
    test "kill -9 in the middle of a background save leaves the snapshot before it" {
        r set k old
        r save
        r debug populate 20000
        r config set rdb-key-save-delay 100
        r set k new
        r bgsave
        after 100
        assert_equal [s rdb_bgsave_in_progress] 1
        set child [lindex [exec pgrep -P [srv pid]] 0]
        # The child goes with its server.
        restart_server 0 true false 1 sigkill
        assert_equal [process_is_alive $child] 0
        assert_equal [glob -nocomplain [srv dir]/temp-*] {}
        r get k
    } old
}

if {![have_faulty_disk]} {
    test "Power cuts and failing disks" {skip_test "the shim does not go with this build"}
    return
}

# ---- power cuts ---------------------------------------------------------------------------------

faulty_disk_server $always .aof {
    test "a power cut loses nothing acknowledged under always" {
        set last 0
        for {set i 0} {$i < 4} {incr i} {
            lassign [write_numbers $last 60] acknowledged sent
            power_cut
            start_again
            set last [assert_kept $acknowledged $sent]
        }
        assert {$last > 0}
    }

    test "one sync a turn serves all clients under always" {
        file delete $::kit::disk_control.synced
        set clients {}
        for {set i 0} {$i < 50} {incr i} {lappend clients [redis_deferring_client]}
        # They arrive while the server sleeps, and so in one turn.
        set sleeper [redis_deferring_client]
        $sleeper debug sleep 0.1
        after 20
        foreach rd $clients {$rd set k v}
        foreach rd $clients {assert_equal [$rd read] OK}
        foreach rd $clients {$rd close}
        $sleeper close
        set syncs [llength [split [string trim [kit::read_file $::kit::disk_control.synced]] \n]]
        assert_range $syncs 1 10
    }
}

faulty_disk_server {overrides {appendonly yes appendfsync everysec save {""}}} .aof {
    test "a power cut under everysec loses two seconds at most" {
        lassign [write_numbers 0 100] early sent
        after 2200
        lassign [write_numbers [last_number] 100] acknowledged sent
        power_cut
        start_again
        assert_kept $early [expr {max($early, $sent)}]
    }
}

faulty_disk_server {overrides {appendonly yes appendfsync no save {""}}} .aof {
    test "the control: a power cut under no must lose data" {
        lassign [write_numbers 0 100] acknowledged sent
        assert {$acknowledged > 10}
        assert {[power_cut] > 0}
        start_again
        assert {[last_number] < $acknowledged}
    }
}

# ---- failing calls ------------------------------------------------------------------------------

faulty_disk_server $always .aof {
    foreach {name fault} {
        "a failed write"  {write 1 5 ever}
        "a full disk"     {write 1 28 ever}
        "a failed sync"   {fsync 1 5 ever}
    } {
        test "$name is acknowledged to nobody, reads go on, and service resumes" {
            r set before $name
            set line [count_log_lines 0]
            disk_forget
            disk_faults $fault
            set rd [redis_deferring_client]
            $rd set lost 1
            assert_error "*I/O error*" {$rd read}
            $rd close
            assert {[disk_struck] >= 1}
            assert_error "MISCONF Errors writing to the AOF file: *" {r set more 1}
            assert_error "MISCONF *" {r ping}
            assert_equal [r get before] $name
            assert_equal [s aof_last_write_status] err
            verify_log_message 0 [expr {[lindex $fault 0] eq "fsync" ? "*Fail to fsync the AOF*" :
                "*Error writing to the AOF file*"}] $line
            disk_faults {}
            wait_for_condition 80 100 {![catch {r set after $name}]} else {fail "still refused"}
            assert_equal [s aof_last_write_status] ok
            power_cut
            start_again
            list [r get before] [r get after]
        } [list $name $name]
    }

    test "a full disk takes writes again within a second of space" {
        disk_faults {write 1 28 ever}
        catch {r set k v}
        reconnect
        disk_faults {}
        wait_for_condition 20 50 {![catch {r set k v}]} else {fail "still refused"}
    }

    test "short and interrupted writes are no failures" {
        for {set i 1} {$i < 20} {incr i} {
            disk_faults "short $i 0" "eintr [expr {$i + 1}] 0"
            r set short:$i [string repeat x 1000]
        }
        disk_faults {}
        set digest [debug_digest]
        restart_server 0 true false 1 sigkill
        assert_equal [debug_digest] $digest
        assert_no_match "*Truncating*" [kit::read_file [srv stdout]]
    }

    test "a rewrite whose every call fails in turn loses nothing" {
        populate 1000
        set digest [debug_digest]
        foreach call {write fsync rename} {
            for {set n 1} {$n < 8} {incr n} {
                disk_forget
                disk_faults "$call $n 5"
                catch {r bgrewriteaof}
                catch {waitForBgrewriteaof r}
                set struck [disk_struck]
                disk_faults {}
                wait_for_condition 100 100 {![catch {r set n $n}]} else {fail "refused ($call $n)"}
                r del n
                wait_for_condition 100 50 {[s aof_rewrite_in_progress] == 0} else {fail "rewriting"}
                start_again
                assert_equal [debug_digest] $digest "$call $n"
                if {!$struck} break
            }
            assert {$n > 1} "$call never failed"
        }
    }
}

faulty_disk_server {overrides {save {900 1}}} .rdb {
    test "a snapshot whose every call fails in turn leaves the one before, and stops writes" {
        r set k old
        r save
        foreach {call match} {write "*Write error saving DB on disk*" fsync "*(fsync)*"
            rename "*Error moving temp DB file*"} {
            set line [count_log_lines 0]
            disk_faults "$call 1 5"
            r set k new
            r bgsave
            waitForBgsave r
            assert_equal [s rdb_last_bgsave_status] err
            verify_log_message 0 $match $line
            assert_error "MISCONF Redis is configured to save RDB snapshots*" {r set k newer}
            assert_error "MISCONF *" {r ping}
            assert_equal [glob -nocomplain [srv dir]/temp-*] {}
            r config set stop-writes-on-bgsave-error no
            r set k newer
            r config set stop-writes-on-bgsave-error yes
            disk_faults {}
            kit::end_process [srv pid] KILL
            start_again .rdb
            assert_equal [r get k] old
        }
        disk_faults "write 1 28"
        assert_error "ERR*" {r save}
        disk_faults {}
        assert_equal [r save] OK
        r set k v
    } OK

    test "a fork that fails is told, and counts as a failed save" {
        set line [count_log_lines 0]
        disk_faults "fork 1 12"
        assert_error "ERR*" {r bgsave}
        verify_log_message 0 "*Can't save in background: fork: Cannot allocate memory*" $line
        assert_equal [s rdb_last_bgsave_status] err
        r bgsave
        waitForBgsave r
        disk_faults "fork 1 12"
        assert_error "ERR Can't execute an AOF background rewriting*" {r bgrewriteaof}
        assert_equal [s aof_last_bgrewrite_status] err
        assert_match "Background append only file rewriting*" [r bgrewriteaof]
        waitForBgrewriteaof r
        list [s rdb_last_bgsave_status] [s aof_last_bgrewrite_status]
    } {ok ok}

    test "SHUTDOWN stays when the snapshot cannot be written, unless forced" {
        disk_faults "write 1 28 ever"
        assert_error "ERR Errors trying to SHUTDOWN*" {r shutdown}
        verify_log_message 0 "*Error trying to save the DB, can't exit*" 0
        assert_error "*I/O error*" {r shutdown force}
    }
}
