# api_stage.tcl - databases that are put together where nobody sees them, and datasets that load
# aside while the one in use is served.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

# The module that is tested with provides what a module for functions would: those are left out.
set stage_dir [tmpdir stage]
set stage_modules [file join $stage_dir modules.conf]
set f [open $stage_modules w]
foreach name {lzf strings lists zsets keys sets hashes connection transactions streams server
              stats pubsub eviction snapshot aof admin redismodule} {puts $f "loadmodule $name"}
close $f
set ::env(KEEL_MODULES) $stage_modules

proc heard {script} {
    r event.log take
    r event.log on
    uplevel 1 $script
    set got [r event.log take]
    r event.log off
    return $got
}

# Keys of every type in two databases, some of them with an expiry; gives back their digest.
proc fill {ops seed} {
    expr {srand($seed)}
    r config set rdbcompression no
    r flushall
    foreach db {9 3} {
        r select $db
        createComplexDataset r $ops useexpire
        r set only-$seed here
        r set same $seed
        for {set i 0} {$i < 150} {incr i} {r set long:$i [string repeat $seed 1100]}
    }
    r select 9
    # Debug digests see expiries as they are: none may come due while a test runs.
    foreach key [r keys *] {if {[r pttl $key] > 0} {r pexpireat $key 4000000000000}}
    r select 3
    foreach key [r keys *] {if {[r pttl $key] > 0} {r pexpireat $key 4000000000000}}
    r select 9
    return [r debug digest]
}

# The dataset as a file under another name.
proc keep_file name {
    r save
    set path [file join $::stage_dir $name]
    file copy -force [file join [lindex [r config get dir] 1] dump.rdb] $path
    return $path
}

# The first part of a file.
proc cut {path bytes} {
    set f [open $path]
    fconfigure $f -translation binary
    set text [read $f $bytes]
    close $f
    set f [open $path.cut w]
    fconfigure $f -translation binary
    puts -nonewline $f $text
    close $f
    return $path.cut
}

proc wait_loaded {} {
    wait_for_condition 1000 10 {[r stage.result] ne "running"} else {fail "it still loads"}
    return [r stage.result]
}
proc load_file args {
    r stage.load {*}$args
    return [wait_loaded]
}

# Loads take about `ms` from now on, for files of `keys` keys.
proc slow {keys ms} {
    r config set loading-process-events-interval-bytes 1024
    r config set key-load-delay [expr {$ms * 1000 / $keys}]
}
proc fast {} {r config set key-load-delay 0}

proc keys_all {} {
    set n 0
    foreach {- db} [regexp -all -inline {keys=(\d+)} [r info keyspace]] {incr n $db}
    return $n
}

start_server [with_module api_stage api_event api_block] {
    test "Nobody sees what is put into a stage" {
        r flushall
        r set a live
        set other [redis_client]
        assert_equal 1 [r stage.begin]
        assert_equal 0 [r stage.begin]
        set told [heard {
            assert_equal OK [r stage.set 9 a staged]
            assert_equal OK [r stage.set 9 b staged 4000000000000]
            assert_equal OK [r stage.set 3 c staged]
            assert_equal 1 [r stage.del 3 c]
            assert_equal 0 [r stage.del 3 c]
        }]
        assert_equal {} $told
        assert_equal {staged staged} [list [r stage.get 9 a] [r stage.get 9 b]]
        assert_equal {} [r stage.get 3 c]
        assert_error "*not selected*" {r stage.set 16 a x}
        assert_equal {live {} 1} [list [$other get a] [$other get b] [$other dbsize]]
        assert_match "*db9:keys=1,expires=0*" [r info keyspace]
        assert_equal live [r get a]
        $other close
    }

    test "The exchange is told as a flush that replaces" {
        set before [r debug digest]
        heard {r stage.swap}
    } {{flush -1 before 1 replaced} {flush -1 after 2 replaced}}

    test "Then clients see it, and the stage has what was there" {
        assert_equal live [r stage.get 9 a]
        assert_equal {staged staged 2} [list [r get a] [r get b] [r dbsize]]
        assert_equal 4000000000000 [r pexpiretime b]
        assert_match "*db9:keys=2,expires=1*" [r info keyspace]
        r stage.swap
        assert_equal {live 1} [list [r get a] [r dbsize]]
        r stage.swap
        r stage.end 1
        list [r get a] [r dbsize]
    } {staged 2}

    test "A stage that ends without an exchange leaves no trace" {
        foreach lazy {0 1} {
            set used [s used_memory]
            set before [r debug digest]
            r stage.begin
            for {set i 0} {$i < 2000} {incr i} {r stage.set 5 key:$i [string repeat x 100]}
            assert {[s used_memory] > $used + 200000}
            r stage.end $lazy
            assert_equal $before [r debug digest]
            wait_for_condition 100 10 {[s used_memory] < $used + 100000} else {
                fail "[s used_memory] bytes are used, $used were"
            }
        }
    }

    test "Keys of a stage past their time are dealt with when they are seen" {
        r stage.begin
        r stage.set 9 short value [expr {[clock milliseconds] - 1000}]
        r stage.set 9 long value 4000000000000
        r stage.swap
        r stage.end 0
        assert_equal {} [r get short]
        wait_for_condition 100 10 {[r dbsize] == 1} else {fail "the old key stays"}
        r keys *
    } long

    foreach {name was comes watched expected} {
        "there and comes"     1 1 alive {}
        "there and goes"      1 0 alive {}
        "missing and comes"   0 1 alive {}
        "missing and stays so" 0 0 alive PONG
        "expired and goes"    1 0 expired PONG
        "expired and comes"   1 1 expired {}
    } {
        test "A watched key that is $name with the exchange" {
            r flushall
            r debug set-active-expire 0
            if {$was} {r set k 1}
            if {$watched eq "expired"} {r pexpire k 1; after 20}
            r watch k
            set other [redis_client]
            $other stage.begin
            if {$comes} {$other stage.set 9 k new}
            $other stage.set 9 another one
            $other stage.swap
            $other stage.end 1
            $other close
            r multi
            r ping
            set got [r exec]
            r debug set-active-expire 1
            set got
        } $expected
    }

    test "Clients that wait are served when their key comes with the exchange" {
        r flushall
        set path [file join $::stage_dir list.rdb]
        r rpush waited a b
        keep_file list.rdb
        r flushall
        set waiting [redis_deferring_client]
        $waiting blpop waited 0
        wait_for_blocked_clients_count 1
        assert_equal {good 1} [load_file $path serving]
        assert_equal {waited a} [$waiting read]
        $waiting close
        r lrange waited 0 -1
    } b

    test "Clients that wait in a group whose stream goes are told" {
        r flushall
        r set plain value
        set path [keep_file plain.rdb]
        r xgroup create st g $ mkstream
        set waiting [redis_deferring_client]
        $waiting xreadgroup group g me block 0 streams st >
        wait_for_blocked_clients_count 1
        assert_equal {good 1} [load_file $path serving]
        catch {$waiting read} error
        $waiting close
        set error
    } {NOGROUP *}

    test "A dataset that loads aside is the one that was saved" {
        set wanted [fill 400 1]
        set path [keep_file one.rdb]
        set count [keys_all]
        set old [fill 200 2]
        assert {$old ne $wanted}
        foreach how {serving closed place} {
            fill 200 2
            if {$how eq "place"} {r flushall}
            assert_equal "good $count" [load_file $path $how]
            assert_equal $wanted [r debug digest]
            assert_equal $count [keys_all]
        }
        r debug reload
        assert_equal $wanted [r debug digest]
    }

    test "Clients read and write the old dataset while another one loads aside" {
        fill 300 3
        r set counter 100
        set wanted [r debug digest]
        set count [keys_all]
        set path [keep_file three.rdb]
        fill 100 4
        slow $count 1500
        set told [heard {
            r set counter 0
            set other [redis_client]
            r stage.load $path serving
            wait_for_condition 100 10 {[s async_loading] == 1} else {fail "it does not begin"}
            assert_equal 0 [s loading]
            assert_equal {4 {} here} [list [r get same] [$other get only-3] [$other get only-4]]
            for {set i 1} {$i <= 50} {incr i} {
                assert_equal $i [$other incr counter]
                $other set passing $i px 20
            }
            $other multi
            $other incr counter
            $other get same
            assert_equal {51 4} [$other exec]
            after 40
            assert_equal {} [$other get passing]
            assert_equal 1 [s async_loading] "the load was over before the clients were"
            assert {[s loading_loaded_bytes] > 0 && [s loading_total_bytes] == [file size $path]}
            assert_equal "good $count" [wait_loaded]
            assert_equal 100 [$other get counter]
            $other close
        }]
        fast
        assert_equal {0 0} [list [s async_loading] [s loading]]
        assert_equal $wanted [r debug digest]
        assert_equal {{loading 0 replica aside serving} {loading 1 replica aside serving}} \
            [lsearch -all -inline $told loading*]
        # Of its keys nobody heard by name: all that was told of keys is of what clients did.
        foreach line [lsearch -all -inline -regexp $told {^(notify|changed|removed) }] {
            if {[lindex $line 2] ni {counter passing only-3 other}} {fail "told: $line"}
        }
        lsearch -all -inline $told flush*
    } {{flush -1 before * replaced} {flush -1 after * replaced}}

    test "Meanwhile what must not be is refused, alone and in a transaction" {
        slow $count 1200
        r stage.load $path serving
        wait_for_condition 100 10 {[s async_loading] == 1} else {fail "it does not begin"}
        foreach command {save bgsave bgrewriteaof {module unload api_block} {debug reload}
                         {debug loadaof}} {
            assert_error "LOADING*" {r {*}$command}
        }
        r multi
        assert_error "LOADING*" {r bgsave}
        assert_error "EXECABORT*" {r exec}
        assert_error "*LOADING*" {r config set sanitize-dump-payload yes}
        assert_equal {0 0} [list [r stage.try] [r stage.begin]]
        assert_equal 1 [s async_loading]
        wait_for_condition 500 10 {[s async_loading] == 0} else {fail "it does not end"}
        fast
        r config set sanitize-dump-payload no
        assert_equal OK [r save]
        r debug digest
    } {*}

    test "A load aside that serves nobody refuses as any load does" {
        slow $count 1200
        r stage.load $path closed
        wait_for_condition 100 10 {[s loading] == 1} else {fail "it does not begin"}
        assert_equal 0 [s async_loading]
        assert_error "LOADING*" {r get same}
        assert_equal "good $count" [wait_loaded]
        fast
        r get same
    } 3

    test "A file that breaks off, or that its loader gives up, leaves the old dataset whole" {
        set old [fill 200 5]
        set used [s used_memory]
        r config rewrite
        foreach {file how verdict} [list [cut $path [expr {[file size $path] / 2}]] serving keep \
                                    [cut $path [expr {[file size $path] - 3}]] closed keep \
                                    [cut $path 20] serving keep \
                                    $path serving drop  $path closed drop] {
            set told [heard {set got [load_file $file $how $verdict]}]
            assert_match [expr {$verdict eq "keep" ? "bad *" : "good *"}] $got
            assert_equal {} [lsearch -all -inline $told flush*]
            assert_match "loading 2 replica aside*" [lindex [lsearch -all -inline $told loading*] 1]
            assert_equal $old [r debug digest]
            assert_equal {0 0} [list [s loading] [s async_loading]]
        }
        wait_for_condition 100 20 {[s used_memory] < $used + 300000} else {
            fail "[s used_memory] bytes are used, $used were"
        }
    }

    test "The old dataset's memory is given back, in the background" {
        r flushall
        r set small 1
        set small [keep_file small.rdb]
        r debug populate 50000 key 100
        set used [s used_memory]
        assert_equal {good 1} [load_file $small serving]
        wait_for_condition 200 20 {[s used_memory] < $used / 3} else {
            fail "[s used_memory] bytes are used, $used were"
        }
        assert_equal 1 [r dbsize]
        wait_for_condition 200 20 {[s lazyfreed_objects] >= 50000} else {
            fail "[s lazyfreed_objects] objects were freed in the background"
        }
    }

    test "What is no key is staged with the keys" {
        r stage.texts one two
        r set k with-texts
        set texts [keep_file texts.rdb]
        r stage.texts three
        assert_match "bad *" [load_file [cut $texts [expr {[file size $texts] - 2}]] serving]
        assert_equal three [r stage.texts]
        assert_equal {good 2} [load_file $texts serving drop]
        assert_equal three [r stage.texts]
        assert_equal {good 2} [load_file $texts serving]
        assert_equal {one two} [r stage.texts]
        assert_equal {good 2} [load_file $texts closed]
        r stage.texts
    } {one two}

    test "Parts that refuse, in place or aside" {
        assert_equal {{it may break off} {there are modules that refuse to}} [r stage.refuses 1]
        assert_equal "not begun" [load_file $texts serving]
        assert_equal 0 [s async_loading]
        assert_equal {{} {}} [r stage.refuses 0]
        load_file $texts serving
    } {good 2}

    test "Writers, readers, expiries and loads one after another" {
        fill 300 6
        set wanted [r debug digest]
        set path [keep_file six.rdb]
        slow [keys_all] 800
        set other [redis_client]
        for {set round 0} {$round < 5} {incr round} {
            r stage.load $path [expr {$round == 3 ? "closed" : "serving"}]
            set until [expr {[clock milliseconds] + 400}]
            while {[clock milliseconds] < $until && $round != 3} {
                createComplexDataset $other 20 useexpire
                if {rand() < 0.2} {$other flushdb async}
                if {rand() < 0.2} {$other swapdb 9 3}
            }
            assert_equal running [r stage.result] "the load was over too early"
            assert_match "good *" [wait_loaded]
            assert_equal $wanted [r debug digest]
        }
        fast
        $other close
    }
}

start_server [with_module api_stage rm_control rm_type] {
    test "Modules of the Redis ABI say whether they can load aside" {
        assert_equal {{} {there are modules that are not aware of async replication}} \
            [r stage.refuses 0]
        assert_equal 0 [r record.options 0]
        assert_equal [lrepeat 2 "there are modules that don't handle read errors"] \
            [r stage.refuses 0]
        assert_equal 5 [r record.options 5]
        r stage.refuses 0
    } {{} {}}

    test "They hear of a load aside, not of a flush" {
        r record.aux before after
        r record.set k 5 - -7 0.1 name
        r set plain value
        set path [keep_file record.rdb]
        r record.log
        r flushall
        r ctl.event 14 1
        r ctl.event 4 1
        r ctl.heard
        assert_equal {good 2} [load_file $path serving]
        assert_equal value [r get plain]
        regexp {aux 1 before;.*load 3 k 9;.*aux 2 after;} [r record.log] or
        set got [r ctl.heard]
        assert_match {*\[14.0\]*\[14.2\]*} $got
        assert_no_match {*\[2.*} $got
        assert_match "bad *" [load_file [cut $path [expr {[file size $path] - 1}]] serving]
        set got [r ctl.heard]
        assert_match {*\[14.0\]*\[14.1\]*} $got
        list [r get plain] [lindex [r record.get k] 0]
    } {value *}
}
