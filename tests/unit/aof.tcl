# aof.tcl - the append-only file: what is written, how it is loaded, rewritten, switched on and off.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc write_bytes {path bytes} {
    file mkdir [file dirname $path]
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f $bytes
    close $f
}

proc command {args} {
    return [redis::encode $args]
}

proc aof_files {{dir ""}} {
    if {$dir eq ""} {set dir [srv dir]}
    return [lsort [glob -nocomplain -tails -directory $dir/appendonlydir *]]
}
proc manifest {} {
    return [kit::read_file [srv dir]/appendonlydir/appendonly.aof.manifest]
}
# The newest increment, all of it: writes may wait behind a sync for a moment.
proc last_increment {} {
    wait_for_condition 50 50 {[s aof_buffer_length] in {0 ""}} else {fail "bytes wait"}
    return [lindex [lsort -dictionary [glob [srv dir]/appendonlydir/*.incr.aof]] end]
}

set manifest "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"

# Runs code with a server on these files: {name bytes ...} below appendonlydir.
proc start_on_files {files options code} {
    set dir [tmpdir aof]
    foreach {name bytes} $files {write_bytes $dir/appendonlydir/$name $bytes}
    set overrides [concat [list dir $dir appendonly yes save {""}] $options]
    uplevel 1 [list start_server [list overrides $overrides] "set dir $dir; r select 0; $code"]
}

# The server must end, and its log match.
proc refused_files {files options args} {
    set dir [tmpdir aof]
    foreach {name bytes} $files {write_bytes $dir/appendonlydir/$name $bytes}
    set overrides [concat [list dir $dir appendonly yes save {""}] $options]
    set srv [start_server [list overrides $overrides wait 0]]
    for {set i 0} {$i < 200 && [is_alive $srv]} {incr i} {after 10}
    if {[is_alive $srv]} {kill_server $srv; fail "it has started"}
    set log [kit::read_file [dict get $srv stdout]]
    foreach pattern $args {assert_match $pattern $log}
}

start_server [dict merge {overrides {appendonly yes save {""}}} [with_module bag]] {
    test "at the first start there are a base, an increment and their manifest" {
        assert_equal [manifest] "file appendonly.aof.1.base.rdb seq 1 type b\nfile\
            appendonly.aof.1.incr.aof seq 1 type i\n"
        aof_files
    } {appendonly.aof.1.base.rdb appendonly.aof.1.incr.aof appendonly.aof.manifest}

    test "writes are kept as they were sent, with their database, transactions in one piece" {
        r select 0
        r set k v
        r get k
        r select 3
        r incr n
        r multi
        r set a 1
        r set b 2
        r exec
        r multi
        r set alone 1
        r exec
        r publish channel message
        r del nosuch
        assert_equal [kit::read_file [last_increment]] [join [list \
            [command SELECT 0] [command set k v] [command SELECT 3] [command incr n] \
            [command MULTI] [command set a 1] [command set b 2] [command EXEC] \
            [command set alone 1]] ""]
        r select 9
    } OK

    test "an expired key goes as DEL" {
        r set short 1 px 5
        after 20
        r get short
        assert_match "*DEL\r\n\$5\r\nshort*" [kit::read_file [last_increment]]
    }

    test "a restart, and DEBUG LOADAOF, bring everything back" {
        r bag.add b one two
        r set expires x px 100000
        r set binary [randstring 1000 1000 binary]
        set digest [debug_digest]
        assert_equal [r debug loadaof] OK
        assert_equal [debug_digest] $digest
        restart_server 0 true false
        assert_equal [debug_digest] $digest
        assert_equal [s rdb_changes_since_last_save] 0
        restart_server 0 true false 1 sigkill
        assert_equal [debug_digest] $digest
        assert_match "*DB loaded from append only file*" [kit::read_file [srv stdout]]
    }

    test "a rewrite makes a new base, and what was before goes" {
        set digest [debug_digest]
        assert_equal [r bgrewriteaof] "Background append only file rewriting started"
        r set during 1
        waitForBgrewriteaof r
        assert_equal [s aof_rewrites] 1
        r set after 1
        wait_for_condition 50 20 {[llength [aof_files]] == 3} else {fail [aof_files]}
        assert_equal [manifest] "file appendonly.aof.2.base.rdb seq 2 type b\nfile\
            appendonly.aof.2.incr.aof seq 2 type i\n"
        set digest [debug_digest]
        # A write waits for a sync that runs, two seconds at most.
        wait_for_condition 50 50 {[s aof_buffer_length] == 0} else {fail "bytes wait"}
        restart_server 0 true false 1 sigkill
        assert_equal [debug_digest] $digest
        assert_match "REDIS*" [kit::read_file [srv dir]/appendonlydir/appendonly.aof.2.base.rdb]
    }

    test "a rewrite without preamble writes commands, with a timestamp where asked for" {
        r bag.add only-dumps x
        r config set aof-use-rdb-preamble no aof-timestamp-enabled yes
        r bgrewriteaof
        waitForBgrewriteaof r
        # The type of the test has no such form: the rewrite failed, nothing is lost.
        assert_equal [s aof_last_bgrewrite_status] err
        r del only-dumps b
        set digest [debug_digest]
        r bgrewriteaof
        waitForBgrewriteaof r
        assert_equal [s aof_last_bgrewrite_status] ok
        r set stamped 1
        set base [kit::read_file [lindex [glob [srv dir]/appendonlydir/*.base.aof] 0]]
        assert_match "#TS:*SELECT*SET*PEXPIREAT*" $base
        assert_match "#TS:*SELECT*stamped*" [kit::read_file [last_increment]]
        set digest [debug_digest]
        restart_server 0 true false
        assert_equal [debug_digest] $digest
    }

    test "redis-check-aof accepts the files" {
        if {[auto_execok redis-check-aof] eq ""} {skip_test "redis-check-aof is not there"}
        assert_match "*All AOF files and manifest are valid*" \
            [exec redis-check-aof [srv dir]/appendonlydir/appendonly.aof.manifest]
    }

    test "BGREWRITEAOF in a transaction is put off, and one at a time is enough" {
        r multi
        r set x 1
        r incr x
        r bgrewriteaof
        r incr x
        assert_equal [lindex [r exec] 2] "Background append only file rewriting scheduled"
        wait_for_condition 50 100 {[s aof_rewrite_scheduled] == 0} else {fail "not started"}
        waitForBgrewriteaof r
        restart_server 0 true false 1 sigkill
        assert_equal [r get x] 3
        r config set rdb-key-save-delay 300 aof-use-rdb-preamble yes
        r debug populate 3000
        r bgrewriteaof
        assert_error "ERR Background append only file rewriting already in progress" {r bgrewriteaof}
        assert_error "ERR Another child process is active (AOF?)*" {r bgsave}
        assert_equal [r bgsave schedule] "Background saving scheduled"
        r config set rdb-key-save-delay 0
        waitForBgrewriteaof r
        waitForBgsave r
        r flushall
    } OK

    test "CONFIG SET appendonly no and yes, with writes all the while" {
        r set k 1
        r config set appendonly no
        assert_equal [s aof_enabled] 0
        r set k 2
        set load [start_write_load [srv host] [srv port] 1]
        r config set appendonly yes
        r set k 3
        waitForBgrewriteaof r
        assert_equal [s aof_enabled] 1
        after 100
        stop_write_load $load
        wait_load_handlers_disconnected
        after 100
        set digest [debug_digest]
        restart_server 0 true false 1 sigkill
        assert_equal [debug_digest] $digest
        r get k
    } 3

    test "switched off and on while a first base is being written" {
        r config set appendonly no
        r debug populate 2000
        r config set rdb-key-save-delay 1000
        r config set appendonly yes
        assert_equal [s aof_rewrite_in_progress] 1
        assert_error "ERR Errors trying to SHUTDOWN*" {r shutdown}
        verify_log_message 0 "*Writing initial AOF, can't exit*" 0
        r config set appendonly no
        assert_equal [s aof_rewrite_in_progress] 0
        r config set rdb-key-save-delay 0
        r bgsave
        r config set appendonly yes
        r set k 4
        wait_for_condition 50 100 {[s aof_rewrite_scheduled] == 0} else {fail "not started"}
        waitForBgrewriteaof r
        r set k 5
        set digest [debug_digest]
        restart_server 0 true false 1 sigkill
        assert_equal [debug_digest] $digest
        r get k
    } 5

    test "a file that has grown is rewritten by itself" {
        r flushall
        # Growth is measured by the base, which is large from before.
        r bgrewriteaof
        waitForBgrewriteaof r
        set before [s aof_rewrites]
        r config set auto-aof-rewrite-min-size 10kb auto-aof-rewrite-percentage 100
        for {set i 0} {$i < 300} {incr i} {r set k [string repeat $i 100]}
        wait_for_condition 50 100 {[s aof_rewrites] > $before} else {fail "not rewritten"}
        verify_log_message 0 "*Starting automatic rewriting of AOF on *% growth*" 0
        assert_lessthan [s aof_base_size] 10000
        r config set auto-aof-rewrite-percentage 0
    }

    test "every policy syncs as it says, and can be changed" {
        foreach policy {always no everysec} {
            assert_equal [r config set appendfsync $policy] OK
            r set k $policy
        }
        assert_error "*argument(s) must be one of*" {r config set appendfsync sometimes}
        wait_for_condition 50 100 {[s aof_pending_bio_fsync] == 0} else {fail "still syncing"}
        assert_equal [s aof_buffer_length] 0
        assert_equal [s aof_last_write_status] ok
        assert_equal [s aof_current_size] [expr {[file size [last_increment]] + \
            [file size [lindex [glob [srv dir]/appendonlydir/*.base.rdb] 0]]}]
    }

    test "WAITAOF waits until the writes are safe" {
        r config set appendfsync always
        r set k v
        assert_equal [r waitaof 1 0 0] {1 0}
        r config set appendfsync everysec
        r set k v
        set start [clock milliseconds]
        assert_equal [r waitaof 1 0 5000] {1 0}
        assert_lessthan [expr {[clock milliseconds] - $start}] 3000
        assert_equal [r waitaof 0 0 0] {1 0}
        r config set appendfsync no
        r set k v
        assert_equal [r waitaof 1 0 50] {0 0}
        assert_equal [r waitaof 0 1 50] {0 0}
        set rd [redis_deferring_client]
        $rd waitaof 1 0 0
        wait_for_blocked_client
        r config set appendonly no
        assert_error "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled." {
            $rd read
        }
        $rd close
        r config set appendfsync everysec appendonly yes
        waitForBgrewriteaof r
        r set k v
        r waitaof 1 0 5000
    } {1 0}

    test "DEBUG AOF-FLUSH-SLEEP delays writes and loses none" {
        r debug aof-flush-sleep 1000
        r set k slow
        r debug aof-flush-sleep 0
        restart_server 0 true false 1 sigkill
        r get k
    } slow

    test "after failures in a row rewrites wait" {
        r config set aof-use-rdb-preamble no auto-aof-rewrite-min-size 1 \
            auto-aof-rewrite-percentage 0
        r bag.add b x
        for {set i 0} {$i < 3} {incr i} {
            catch {r bgrewriteaof}
            waitForBgrewriteaof r
        }
        assert_equal [s aof_rewrites_consecutive_failures] 3
        set line [count_log_lines 0]
        r config set auto-aof-rewrite-percentage 1
        for {set i 0} {$i < 100} {incr i} {r set k $i}
        wait_for_log_messages 0 {"*triggered the limit, will retry in 1 minutes*"} $line 50 100
        r del b
        r config set auto-aof-rewrite-percentage 0
        # By hand it goes at once.
        r bgrewriteaof
        waitForBgrewriteaof r
        s aof_rewrites_consecutive_failures
    } 0
}

# ---- files of others ----------------------------------------------------------------------------

set base [command SELECT 0][command SET a 1]
start_on_files [list appendonly.aof.manifest $manifest appendonly.aof.1.base.aof $base \
    appendonly.aof.1.incr.aof "#TS:1700000000\r\n[command SELECT 0][command INCR a][
    command MULTI][command INCR a][command SET b x][command EXEC]"] {} {
    test "base and increment load in order, with notes and transactions" {
        list [r get a] [r get b]
    } {3 x}
}

start_on_files [list appendonly.aof.manifest $manifest appendonly.aof.1.base.aof $base \
    appendonly.aof.1.incr.aof "[command SELECT 0][command SET k v PXAT 1][command PERSIST k]"] {} {
    test "what has expired since is there while commands are replayed" {
        r get k
    } v
}

test "a single file of an old server is taken over" {
    set dir [tmpdir aof]
    write_bytes $dir/appendonly.aof [command SELECT 0][command SET old file]
    start_server [list overrides [list dir $dir appendonly yes save {""}]] {
        r select 0
        assert_equal [r get old] file
        r set new 1
        assert_equal [aof_files $dir] {appendonly.aof appendonly.aof.1.incr.aof\
            appendonly.aof.manifest}
        assert_equal [file exists $dir/appendonly.aof] 0
    }
    start_server [list overrides [list dir $dir appendonly yes save {""}]] {
        r select 0
        assert_equal [list [r get old] [r get new]] {file 1}
        r bgrewriteaof
        waitForBgrewriteaof r
        wait_for_condition 50 20 {[llength [aof_files $dir]] == 3} else {fail [aof_files $dir]}
    }
}

start_on_files [list appendonly.aof.manifest \
    "# a comment\nfile \"appendonly.aof.1.base.aof\" seq 1 type b future 1\nfile gone.aof seq 1\
     type h\nfile appendonly.aof.1.incr.aof seq 3 type i\n" \
    appendonly.aof.1.base.aof $base appendonly.aof.1.incr.aof ""] {} {
    test "comments, quotes and history in a manifest, and an empty increment" {
        assert_equal [r get a] 1
        kit::read_file $dir/appendonlydir/appendonly.aof.manifest
    } "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 3 type i\n"
}

test "a manifest that is no good stops the start" {
    set head "file appendonly.aof.1.base.aof seq 1 type b\n"
    foreach {text why} [list \
        "" "Found an empty AOF manifest" \
        "file x seq 1\n" "Invalid AOF manifest file format" \
        "\n" "Invalid AOF manifest file format" \
        "file \"x seq 1 type b\n" "Invalid AOF manifest file format" \
        "file x seq 1 type z\n" "Unknown AOF file type" \
        "file a/b seq 1 type b\n" "File can't be a path, just a filename" \
        "$head$head" "Found duplicate base file information" \
        "${head}file x seq 2 type i\nfile y seq 1 type i\n" "Found a non-monotonic sequence number" \
        "file [string repeat x 2000] seq 1 type b\n" "The AOF manifest file contains too long line" \
    ] {
        refused_files [list appendonly.aof.manifest $text appendonly.aof.1.base.aof $base] {} \
            "*FATAL AOF MANIFEST FILE ERROR*" "*$why*"
    }
    refused_files [list appendonly.aof.manifest $manifest appendonly.aof.1.base.aof $base] {} \
        "*appendonly.aof.1.incr.aof *No such file or directory*"
}

# The vocabulary of suites written for Redis.
set dir [tmpdir aof-suite]
set defaults [list appendonly yes appendfilename a.aof appenddirname files save {} dir $dir]
create_aof_manifest $dir/files $dir/files/a.aof$::manifest_suffix {
    append_to_manifest "file a.aof.1.base.aof seq 1 type b\n"
    append_to_manifest "file a.aof.2.incr.aof seq 2 type i\n"
}
create_aof $dir/files $dir/files/a.aof.1.base.aof {append_to_aof [formatCommand set k base]}
create_aof $dir/files $dir/files/a.aof.2.incr.aof {append_to_aof [formatCommand append k incr]}
start_server_aof {appendfsync always} {
    test "files made by hand are loaded, and can be looked at" {
        r select 0
        assert_equal [r get k] baseincr
        assert_aof_manifest_content $dir/files/a.aof.manifest {a.aof.1.base.aof {seq 2 type i}}
        r set k 2
        assert_aof_content [get_last_incr_aof_path r] {{append k incr} {select 0} {set k 2}}
        assert_equal [get_base_aof_path r] $dir/files/a.aof.1.base.aof
        assert_equal [get_redis_dir] $dir
        r bgrewriteaof
        waitForBgrewriteaof r
        wait_for_condition 50 20 {![check_file_exist $dir/files a.aof.1.base.aof]} else {
            fail "the old base is still there"
        }
        assert_equal [get_cur_base_aof_name $dir/files/a.aof.manifest] a.aof.2.base.rdb
    }
}
clean_aof_persistence $dir/files

# ---- torn and damaged files ---------------------------------------------------------------------

set whole "[command SELECT 0][command SET a 1][command APPEND a 2]"
set tail "[command MULTI][command APPEND a 3][command APPEND a 4][command EXEC][command APPEND a 5]"
set files [list appendonly.aof.manifest $manifest appendonly.aof.1.base.aof $base]

test "a tail torn at any byte is cut where the last whole command ends" {
    set dir [tmpdir aof]
    foreach {name bytes} $files {write_bytes $dir/appendonlydir/$name $bytes}
    set path $dir/appendonlydir/appendonly.aof.1.incr.aof
    set ends [list 0]
    foreach part {{SELECT 0} {SET a 1} {APPEND a 2}} {
        lappend ends [expr {[lindex $ends end] + [string length [command {*}$part]]}]
    }
    set all $whole$tail
    lappend ends [expr {[string length $all] - [string length [command APPEND a 5]]}]
    lappend ends [string length $all]
    set values {1 1 1 12 1234 12345}
    write_bytes $path ""
    start_server [list overrides [list dir $dir appendonly yes save {""}]] {
        r select 0
        for {set cut 1} {$cut <= [string length $all]} {incr cut} {
            write_bytes $path [string range $all 0 [expr {$cut - 1}]]
            set line [count_log_lines 0]
            # Not before every byte a start of the process: what loads is the same.
            r config set appendonly no
            assert_equal [r debug loadaof] OK
            set good 0
            foreach end $ends value $values {if {$end <= $cut} {set good $end; set expected $value}}
            assert_equal [r get a] $expected "cut at $cut"
            assert_equal [file size $path] $good "cut at $cut"
            if {$good < $cut} {
                verify_log_message 0 "*Truncating the AOF*at offset $good, which drops [
                    expr {$cut - $good}] bytes*" $line
            }
        }
    }
}

test "without aof-load-truncated a torn tail stops the start" {
    refused_files [concat $files [list appendonly.aof.1.incr.aof [string range $whole 0 end-3]]] \
        {aof-load-truncated no} "*Unexpected end of file reading the append only file*"
}

test "a file cut short that is not the last stops the start" {
    refused_files [list appendonly.aof.manifest $manifest \
        appendonly.aof.1.base.aof [string range $base 0 end-3] \
        appendonly.aof.1.incr.aof $whole] {} "*the truncated file is not the last file*"
}

test "damage in the middle stops the start and says where" {
    set offset [string length [command SELECT 0]]
    foreach {damage why} [list \
        "X[string range [command SET a 1] 1 end]" "no command begins here" \
        "*0\r\n" "a command without arguments" \
        "*-1\r\n" "out of range" \
        "*99999999\r\n" "out of range" \
        "*1\r\n\$-1\r\n" "out of range" \
        "*1\r\n#4\r\nPING\r\n" "no argument here" \
        "*2\r\n\$3\r\nGETx" "longer than it says" \
        "*1 \r\n" "out of range" \
        [command NOSUCH x] "an unknown command" \
        "[command MULTI][command MULTI]" "MULTI inside MULTI" \
    ] {
        set bytes "[command SELECT 0]$damage[command SET a 1][command SET b 2]"
        refused_files [concat $files [list appendonly.aof.1.incr.aof $bytes]] {} \
            "*Bad file format reading the append only file appendonly.aof.1.incr.aof at\
            offset *$why*"
    }
    refused_files [concat $files [list appendonly.aof.1.incr.aof \
        "[command SELECT 0]*x\r\n"]] {} "*at offset $offset *"
}

start_server {overrides {save {""} appendonly no} tags {aof}} {
    test "a rewrite that runs at SHUTDOWN leaves no temporary file, with the append-only file off too" {
        r debug populate 20000
        r config set rdb-key-save-delay 500
        r bgrewriteaof
        wait_for_condition 50 100 {[glob -nocomplain [srv dir]/temp-*] ne {}} else {fail "no child"}
        catch {r shutdown nosave}
        wait_for_condition 50 100 {![process_is_alive [srv pid]]} else {fail "it lives on"}
        glob -nocomplain [srv dir]/temp-*
    } {}
}
