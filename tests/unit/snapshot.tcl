# snapshot.tcl - SAVE, BGSAVE, LASTSAVE, save points, loading at start, DEBUG RELOAD.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit payload.tcl]

proc write_bytes {path bytes} {
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f $bytes
    close $f
}

# A whole file with these parts between head and checksum.
proc snapshot_file {parts {version 0010}} {
    set bytes "REDIS$version$parts\xff"
    return $bytes[binary format w [crc64 $bytes]]
}
proc short_string text {
    return [format %c [string length $text]]$text
}
proc one_key {name value} {
    return "\x00[short_string $name][short_string $value]"
}

# Starts on a file of these bytes; the server's client is r.
proc start_on {bytes code {options {}}} {
    set dir [tmpdir snapshot]
    write_bytes [file join $dir dump.rdb] $bytes
    uplevel 1 [list start_server [list overrides [concat [list dir $dir save {""}] $options]] $code]
}

# Starts on such a file, which must end the server; its log must match.
proc refused_file {bytes args} {
    set dir [tmpdir snapshot]
    write_bytes [file join $dir dump.rdb] $bytes
    set srv [start_server [list overrides [list dir $dir save {""}] wait 0]]
    for {set i 0} {$i < 1500 && [is_alive $srv]} {incr i} {after 10}
    if {[is_alive $srv]} {kill_server $srv; fail "it has started"}
    set log [kit::read_file [dict get $srv stdout]]
    foreach pattern [concat $args {"*Terminating server after rdb file reading failure.*"}] {
        assert_match $pattern $log
    }
}

start_server [dict merge {overrides {save {""}}} [with_module bag]] {
    test "SAVE and a restart bring everything back" {
        r debug populate 1000 key 30
        r set number 12345
        r set long [string repeat "compressible " 1000]
        r set binary [randstring 5000 5000 binary]
        r set expires x px 1000000
        r set empty ""
        r bag.add b one two three
        r select 3
        r set here too
        r select 9
        set digest [debug_digest]
        assert_equal [r save] OK
        restart_server 0 true false
        assert_equal [debug_digest] $digest
        assert_range [r pttl expires] 800000 1000000
        assert_equal [r bag.get b] {one two three}
        assert_equal [s rdb_last_load_keys_loaded] [expr {1000 + 7}]
        assert_equal [s rdb_changes_since_last_save] 0
    }

    test "DEBUG RELOAD keeps everything, and its options are Redis's" {
        set digest [debug_digest]
        assert_equal [r debug reload] OK
        assert_equal [debug_digest] $digest
        r set later 1
        assert_equal [r debug reload nosave] OK
        assert_equal [debug_digest] $digest
        r set later 1
        r set number 5
        assert_equal [r debug reload nosave noflush merge] OK
        assert_equal [list [r get later] [r get number]] {1 12345}
        assert_error "ERR Error trying to load the RDB dump*" {r debug reload nosave noflush}
        assert_error "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options." {
            r debug reload foo
        }
        r debug reload nosave
        r multi
        r set inside 1
        r debug reload
        r get inside
        assert_equal [r exec] {OK OK 1}
    }

    test "BGSAVE replies, figures and LASTSAVE" {
        set before [s rdb_saves]
        r set k v
        assert_morethan [s rdb_changes_since_last_save] 0
        assert_equal [r bgsave] "Background saving started"
        waitForBgsave r
        assert_equal [s rdb_last_bgsave_status] ok
        assert_equal [s rdb_changes_since_last_save] 0
        assert_equal [s rdb_saves] [expr {$before + 1}]
        assert_range [expr {[clock seconds] - [r lastsave]}] 0 3
        assert_equal [r lastsave] [s rdb_last_save_time]
        assert_morethan [s rdb_last_cow_size] 0
        assert_error "ERR syntax error" {r bgsave foo}
        assert_error "ERR syntax error" {r bgsave schedule x}
    }

    test "a background save shows its progress, and one is enough" {
        r config set rdb-key-save-delay 500
        r debug populate 20000
        r bgsave
        assert_equal [s rdb_bgsave_in_progress] 1
        assert_error "ERR Background save already in progress" {r bgsave}
        assert_error "ERR Background save already in progress" {r save}
        assert_match "*rewriting scheduled" [r bgrewriteaof]
        assert_equal [s current_save_keys_total] [expr {[r dbsize] + 1}]
        wait_for_condition 50 100 {[s current_save_keys_processed] > 0} else {fail "no progress"}
        assert_morethan [s current_cow_size] 0
        assert_morethan [s current_fork_perc] 0
        r config set rdb-key-save-delay 0
    }

    test "FLUSHALL ends a background save, and saves where save points are set" {
        r flushall
        assert_equal [s rdb_bgsave_in_progress] 0
        waitForBgrewriteaof r
        r config set save "900 1"
        r set k v
        r save
        r flushall
        r config set save ""
        restart_server 0 true false
        r dbsize
    } 0

    test "BGSAVE in a transaction is put off, SAVE refused" {
        r multi
        r set k v
        r bgsave
        assert_error "ERR Command not allowed inside a transaction" {r save}
        assert_error "EXECABORT*" {r exec}
        r multi
        r set k v
        r bgsave
        assert_equal [r exec] {OK {Background saving scheduled}}
        wait_for_condition 50 100 {[s rdb_changes_since_last_save] == 0} else {fail "not saved"}
        waitForBgsave r
    }

    test "a save point saves by itself" {
        r config set save "1 1"
        r set k v2
        wait_for_condition 60 100 {[s rdb_changes_since_last_save] == 0} else {fail "not saved"}
        verify_log_message 0 "*1 changes in 1 seconds. Saving...*" 0
        r config set save ""
    }

    test "SIGTERM saves where save points are set, and SHUTDOWN does as it is told" {
        r set k "by SIGTERM"
        r config set save "900 1"
        restart_server 0 true false
        assert_equal [r get k] "by SIGTERM"
        r config set save ""
        r set k lost
        catch {r shutdown nosave}
        restart_server 0 true false
        assert_equal [r get k] "by SIGTERM"
        r set k kept
        catch {r shutdown save}
        restart_server 0 true false
        r get k
    } kept

    test "a killed child is no failure" {
        r config set rdb-key-save-delay 1000
        r debug populate 10000
        r bgsave
        set child [lindex [exec pgrep -P [srv pid]] 0]
        exec kill -USR1 $child
        waitForBgsave r
        assert_equal [s rdb_last_bgsave_status] ok
        assert_equal [glob -nocomplain [srv dir]/temp-*] {}
        r bgsave
        set child [lindex [exec pgrep -P [srv pid]] 0]
        exec kill -9 $child
        waitForBgsave r
        assert_equal [s rdb_last_bgsave_status] err
        assert_equal [glob -nocomplain [srv dir]/temp-*] {}
        r config set rdb-key-save-delay 0
    }

    test "a value that has no form on disk is not left out in silence" {
        r statue.set s
        set line [count_log_lines 0]
        assert_error "ERR*" {r save}
        verify_log_message 0 "*The key 's' of type statue cannot be saved*" $line
        r del s
        r save
    } OK

    if {[auto_execok redis-check-rdb] ne ""} {
        test "redis-check-rdb accepts the file" {
            r flushall
            r debug populate 100
            r set expires x ex 100
            r save
            assert_match "*RDB looks OK*" [exec redis-check-rdb [srv dir]/dump.rdb]
        }
    }
}

# ---- loading ------------------------------------------------------------------------------------

start_server {overrides {
    key-load-delay 50 loading-process-events-interval-bytes 1024 rdbcompression no save "900 1"
}} {
    test "while a file loads commands are refused that need data, and progress shows" {
        r debug populate 30000 key 1000
        restart_server 0 false false 1
        wait_for_condition 50 20 {[catch {r ping} answer] && [string match LOADING* $answer]} else {
            fail "it has loaded already"
        }
        assert_equal [s loading] 1
        assert_error "LOADING Redis is loading the dataset in memory" {r get key:0}
        assert_error "LOADING *" {r config set sanitize-dump-payload yes} 
        assert_morethan [s loading_total_bytes] 30000000
        set loaded [s loading_loaded_bytes]
        wait_for_condition 50 50 {[s loading_loaded_bytes] > $loaded} else {fail "no progress"}
        foreach field {loading_start_time loading_loaded_perc loading_eta_seconds} {
            assert_not_equal [s $field] ""
        }
        # One that comes and goes meanwhile does no harm.
        set rd [redis_deferring_client_by_addr [srv host] [srv port]]
        $rd close
        r config set key-load-delay 0
        kit::wait_ready [lindex $::servers end]
        assert_equal [s loading] 0
        assert_equal [s rdb_last_load_keys_loaded] 30000
    }

    test "SIGTERM ends a server that loads" {
        r config set key-load-delay 50
        restart_server 0 false false
        wait_for_condition 50 20 {[catch {r ping} answer] && [string match LOADING* $answer]} else {
            fail "it has loaded already"
        }
        set file [file size [srv dir]/dump.rdb]
        exec kill -TERM [srv pid]
        wait_for_condition 50 50 {![is_alive [lindex $::servers end]]} else {fail "it goes on"}
        assert_equal [file size [srv dir]/dump.rdb] $file
    }
}

start_on [snapshot_file "\xfa[short_string redis-ver][short_string 9.9]\xfe\x00\xfb\x02\x01\xfc[
    binary format w 9999999999999][one_key a 1]\xf8\x05[one_key b 2]\xf9\x07[one_key c 3]\xfd[
    binary format i 2000000000][one_key d 4]\xfe\x09\xfc[binary format w 1][one_key gone 5]"] {
    test "every opcode in front of a key is understood" {
        r select 0
        assert_equal [r mget a b c d] {1 2 3 4}
        assert_equal [list [r pexpiretime a] [r expiretime d] [r ttl b]] {9999999999999 2000000000 -1}
        assert_range [r object idletime b] 0 6
        r select 9
        assert_equal [r exists gone] 0
        assert_equal [s rdb_last_load_keys_expired] 1
        verify_log_message 0 "*Loading RDB produced by version 9.9*" 0
    }
}

foreach version {0001 0006 0009 0011} {
    start_on [snapshot_file [one_key k v] $version] {
        test "a file of version $version loads" {
            r select 0
            r get k
        } v
    }
}

# A module's data: id, when (2, 2), an unsigned 7, a string, the end. A library of functions.
set library "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
set aux "\xf7\x81[binary format W 1234567890123456789]\x02\x02\x02\x07\x05[short_string hello]\x00"
start_on [snapshot_file "$aux\xf5\x40[format %c [string length $library]]$library[one_key k v]"] {
    test "what belongs to modules that are not here is kept and written again" {
        r select 0
        assert_equal [r get k] v
        r save
        set bytes [kit::read_file [lindex [r config get dir] 1]/dump.rdb]
        assert {[string first $aux $bytes] > 0}
        assert {[string first $library $bytes] > 0}
    }
}

test "files that are no good stop the start, with a reason" {
    set good [snapshot_file [one_key key value]]
    refused_file [string replace $good 15 15 X] "*Wrong RDB checksum expected*" "*RDB CRC error*"
    refused_file [string range $good 0 end-10] "*Internal error in RDB*"
    refused_file "garbage that is long enough" "*Wrong signature trying to load DB from file*"
    refused_file [snapshot_file [one_key k v] 0099] "*Can't handle RDB format version 99*"
    refused_file [snapshot_file "\xfe\x40\xff[one_key k v]"] "*FATAL: Data file was created with*"
    refused_file [snapshot_file [one_key k v][one_key k w]] "*RDB has duplicated key 'k' in DB 0*"
    refused_file [snapshot_file "\x99\x01k\x01v"] "*no module knows values of opcode 153*"
    refused_file [snapshot_file "\x07\x01k\x81[binary format W 1]\x09"] "*Internal error in RDB*"
    refused_file [snapshot_file "\x00\x01k\x80\x7f\xff\xff\xff"] "*Internal error in RDB*"
    refused_file [snapshot_file "\xf6\x01k"] "*Pre-release function format not supported*"
    # A count that lies costs nothing.
    refused_file [snapshot_file "\xfb\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00"] "*Internal error*"
}

start_on [string range [snapshot_file [one_key k v]] 0 end-8][binary format w 0] {
    test "a file without a checksum loads, and rdbchecksum no writes one" {
        r select 0
        assert_equal [r get k] v
        r save
        binary scan [string range [kit::read_file [lindex [r config get dir] 1]/dump.rdb] end-7 end] w sum
        set sum
    } 0
} {rdbchecksum no}
