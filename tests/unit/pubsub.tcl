# pubsub.tcl - channels, patterns, shard channels: who gets what, in which form, and what ends it.

# A connection that only sends; replies and messages are read one by one.
proc listener {{protocol 2}} {
    set rd [redis_deferring_client]
    if {$protocol == 3} {$rd hello 3; $rd read}
    return $rd
}
proc asked {rd args} {
    $rd {*}$args
    return [$rd read]
}
# The raw bytes that `commands` give on a fresh connection, up to the reply of a last PING.
proc bytes_of commands {
    set rd [redis_client]
    foreach command $commands {$rd write [formatCommand {*}$command]}
    $rd write [formatCommand quit]
    $rd flush
    set out [$rd rawread]
    $rd close
    return [string map {\r\n " "} $out]
}

start_server {tags {pubsub}} {
    test "SUBSCRIBE answers once for each channel, with the number so far" {
        assert_equal [bytes_of {{subscribe a b a} {psubscribe p*} {ssubscribe s t}}] \
            [join {"*3 $9 subscribe $1 a :1" "*3 $9 subscribe $1 b :2" "*3 $9 subscribe $1 a :2"
                   "*3 $10 psubscribe $2 p* :3" "*3 $10 ssubscribe $1 s :1"
                   "*3 $10 ssubscribe $1 t :2" "+OK "}]
    }

    test "In RESP3 these answers are pushes" {
        set out [bytes_of {{hello 3} {subscribe a} {psubscribe p*} {ssubscribe s} {unsubscribe}
            {punsubscribe} {sunsubscribe} {sunsubscribe}}]
        assert_match [join {"*>3 $9 subscribe $1 a :1" ">3 $10 psubscribe $2 p\\* :2"
            ">3 $10 ssubscribe $1 s :1" ">3 $11 unsubscribe $1 a :1" ">3 $12 punsubscribe $2 p\\* :0"
            ">3 $12 sunsubscribe $1 s :0" ">3 $12 sunsubscribe _ :0" "+OK "}] $out
    }

    test "UNSUBSCRIBE without arguments ends all, in order, and answers a null when there is none" {
        assert_equal [bytes_of {{subscribe a b c} {unsubscribe} {unsubscribe} {unsubscribe x y}}] \
            [join {"*3 $9 subscribe $1 a :1" "*3 $9 subscribe $1 b :2" "*3 $9 subscribe $1 c :3"
                   "*3 $11 unsubscribe $1 a :2" "*3 $11 unsubscribe $1 b :1"
                   "*3 $11 unsubscribe $1 c :0" "*3 $11 unsubscribe $-1 :0"
                   "*3 $11 unsubscribe $1 x :0" "*3 $11 unsubscribe $1 y :0" "+OK "}]
    }

    test "PUBLISH reaches channels, patterns and both protocols" {
        set two [listener]
        set three [listener 3]
        foreach rd [list $two $three] {
            asked $rd subscribe news
            asked $rd psubscribe n*
        }
        assert_equal 4 [r publish news "a\r\n\0b"]
        foreach rd [list $two $three] {
            assert_equal [list message news "a\r\n\0b"] [$rd read]
            assert_equal [list pmessage n* news "a\r\n\0b"] [$rd read]
        }
        assert_equal 2 [r publish nothing x]
        assert_equal "*4\r\n\$8\r\npmessage\r\n\$2\r\nn*\r\n\$7\r\nnothing\r\n\$1\r\nx\r\n" \
            [$two rawreply]
        assert_equal ">4\r\n\$8\r\npmessage\r\n\$2\r\nn*\r\n\$7\r\nnothing\r\n\$1\r\nx\r\n" \
            [$three rawreply]
        assert_equal 0 [r publish other x]
        $two close
        $three close
    }

    test "Shard channels are names of their own" {
        set rd [listener]
        asked $rd ssubscribe ch
        assert_equal 0 [r publish ch x]
        assert_equal 1 [r spublish ch y]
        assert_equal {smessage ch y} [$rd read]
        assert_equal ch [r pubsub shardchannels]
        assert_equal {ch 1 other 0} [r pubsub shardnumsub ch other]
        assert_equal {} [r pubsub channels]
        $rd close
        wait_for_condition 50 20 {[r pubsub shardchannels] eq ""} else {fail "still there"}
    }

    test "Large messages and names arrive whole" {
        set rd [listener]
        set name [string repeat n 100000]
        asked $rd subscribe $name
        asked $rd psubscribe "[string repeat n 3000]*"
        foreach size {0 1 100 127 128 1000 4000 5000 70000 3000000} {
            set text [string repeat x $size]
            assert_equal 2 [r publish $name $text]
            assert_equal [list message $name $text] [$rd read]
            assert_equal $text [lindex [$rd read] 3]
        }
        $rd close
    }

    test "Many messages in one turn keep their order" {
        set rd [listener]
        asked $rd subscribe ch
        set pub [redis_client]
        for {set i 0} {$i < 2000} {incr i} {$pub write [formatCommand publish ch $i]}
        $pub flush
        for {set i 0} {$i < 2000} {incr i} {
            assert_equal [list message ch $i] [$rd read]
            assert_equal 1 [$pub read]
        }
        $rd close
        $pub close
    }

    test "PUBSUB tells what is listened to" {
        set one [listener]
        set two [listener]
        foreach channel {a b c} {asked $one subscribe $channel}
        asked $two subscribe a
        asked $two psubscribe x*
        asked $one psubscribe x*
        assert_equal {a b c} [lsort [r pubsub channels]]
        assert_equal {a b} [lsort [r pubsub channels {[ab]}]]
        assert_equal {a 2 b 1 z 0} [r pubsub numsub a b z]
        assert_equal {} [r pubsub numsub]
        assert_equal 1 [r pubsub numpat]
        assert_equal {3 1 0} [list [s pubsub_channels] [s pubsub_patterns] [s pubsubshard_channels]]
        assert_error "ERR unknown subcommand or wrong number of arguments for 'channels'.*" \
            {r pubsub channels a b}
        assert_match "*flags=P* sub=3 psub=1 ssub=0*" [r client list type pubsub]
        assert_equal 2 [llength [split [string trim [r client list type pubsub]] \n]]
        $one close
        $two close
        wait_for_condition 50 20 {[r pubsub channels] eq "" && [r pubsub numpat] == 0} else {
            fail "subscriptions outlive their clients"
        }
    }

    test "A RESP2 client that listens may do little else" {
        set rd [listener]
        asked $rd subscribe a
        foreach command {{get x} {publish a x} {hello 3} {config get x} {pubsub channels} {echo x}} {
            assert_error "ERR Can't execute '*': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT /\
                RESET are allowed in this context" {asked $rd {*}$command}
        }
        assert_error "ERR Can't execute 'config|get'*" {asked $rd config get x}
        assert_error "*wrong number of arguments*" {asked $rd get}
        assert_equal {pong {}} [asked $rd ping]
        assert_equal {pong hi} [asked $rd ping hi]
        assert_equal {unsubscribe a 0} [asked $rd unsubscribe]
        assert_equal PONG [asked $rd ping]
        assert_equal {ssubscribe s 1} [asked $rd ssubscribe s]
        assert_error "ERR Can't execute*" {asked $rd get x}
        $rd close
    }

    test "RESET ends all subscriptions" {
        set rd [listener]
        asked $rd subscribe a
        asked $rd psubscribe b*
        asked $rd ssubscribe c
        assert_equal RESET [asked $rd reset]
        assert_equal {} [asked $rd get nosuch]
        assert_equal 0 [r publish a x]
        assert_equal {0 {} {}} [list [r pubsub numpat] [r pubsub channels] [r pubsub shardchannels]]
        assert_equal "" [r client list type pubsub]
        $rd close
    }

    test "In RESP3 a message to oneself comes after the reply" {
        set rd [listener 3]
        asked $rd subscribe a
        asked $rd psubscribe a*
        assert_equal 2 [asked $rd publish a x]
        assert_equal {message a x} [$rd read]
        assert_equal {pmessage a* a x} [$rd read]
        assert_equal PONG [asked $rd ping]
        $rd close
    }

    test "Messages and answers come although replies are off" {
        set rd [listener 3]
        $rd client reply off
        assert_equal {subscribe a 1} [asked $rd subscribe a]
        $rd ping
        assert_equal {message a x} [asked $rd publish a x]
        assert_equal OK [asked $rd client reply on]
        $rd client reply skip
        assert_equal {psubscribe b 2} [asked $rd psubscribe b]
        assert_equal PONG [asked $rd ping]
        $rd close
    }

    test "In a transaction SUBSCRIBE and PUBLISH run, SSUBSCRIBE does not" {
        assert_equal [bytes_of {{multi} {subscribe a} {publish a x} {ssubscribe s} {get k} {exec}}] \
            [join {"+OK +QUEUED +QUEUED +QUEUED +QUEUED *4" "*3 $9 subscribe $1 a :1" ":1"
                   "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client" "$-1"
                   "*3 $7 message $1 a $1 x" "+OK "}]
    }

    test "A client that is killed gets no more and counts no more" {
        set rd [listener]
        asked $rd subscribe gone
        set id [lindex [regexp -inline {id=(\d+)} [r client list type pubsub]] 1]
        set pub [redis_client]
        $pub write [formatCommand client kill id $id][formatCommand publish gone x]
        $pub flush
        assert_equal {1 0} [list [$pub read] [$pub read]]
        $pub close
        $rd close
    }

    test "client-output-buffer-limit pubsub ends a listener that does not read" {
        r config set client-output-buffer-limit "pubsub 1mb 0 0"
        set rd [listener]
        asked $rd subscribe slow
        set text [string repeat x 100000]
        for {set i 0} {$i < 200 && [r publish slow $text]} {incr i} {}
        assert {$i > 10 && $i < 200}
        assert_equal {} [r pubsub channels]
        verify_log_message 0 "*overcoming of output buffer limits*" 0
        r config set client-output-buffer-limit "pubsub 32mb 8mb 60"
        $rd close
    }

    test "Thousands of listeners come and go in any order" {
        set names {}
        foreach rd [set all [list [listener] [listener] [listener]]] {
            for {set i 0} {$i < 1500} {incr i} {$rd write [formatCommand subscribe c$i]}
            $rd flush
            for {set i 0} {$i < 1500} {incr i} {$rd read}
        }
        assert_equal 1500 [llength [r pubsub channels]]
        foreach i [lshuffle [lrange [split [string repeat "x " 1500]] 0 1499]] {break}
        set order {}
        for {set i 0} {$i < 1500} {incr i} {lappend order $i}
        foreach rd $all {
            set drop [lrange [lshuffle $order] 0 1399]
            foreach i $drop {$rd write [formatCommand unsubscribe c$i]}
            $rd flush
            foreach i $drop {$rd read}
            foreach i $order {dict set listens $rd,$i [expr {$i ni $drop}]}
        }
        foreach i $order {
            set n 0
            foreach rd $all {incr n [dict get $listens $rd,$i]}
            assert_equal $n [r publish c$i $i]
            foreach rd $all {
                if {[dict get $listens $rd,$i]} {assert_equal [list message c$i $i] [$rd read]}
            }
        }
        foreach rd $all {$rd close}
        wait_for_condition 50 20 {[s pubsub_channels] == 0} else {fail "channels are left"}
    }

    test "Slow patterns are bounded" {
        set rd [listener]
        asked $rd psubscribe [string repeat a* 900]b
        set start [clock milliseconds]
        assert_equal 0 [r publish [string repeat a 100000] x]
        assert {[clock milliseconds] - $start < 1000}
        $rd close
    }
}

start_server [with_module api_journal] {
    test "PUBLISH goes to the journal although it changes nothing" {
        r journal.arm 1
        r journal.take
        r publish a b
        r spublish c d
        set records [r journal.take]
        assert_equal 2 [llength $records]
        assert_equal "*3\r\n\$7\r\npublish\r\n\$1\r\na\r\n\$1\r\nb\r\n" [lindex $records 0 end]
        assert {[lindex $records 0 1] & 4}
        r set k v
        assert {!([lindex [r journal.take] 0 1] & 4)}
    }
}

start_server {overrides {enable-module-command yes}} {
    test "Unloading the module ends all subscriptions, loading it begins anew" {
        set rd [listener]
        asked $rd subscribe a
        asked $rd psubscribe b*
        r config set notify-keyspace-events KEA
        assert_equal OK [r module unload pubsub]
        assert_equal "" [asked $rd get nosuch]
        r set k v
        assert_match "*flags=N *sub=0 psub=0*" [r client list]
        assert_error "ERR unknown command*" {r publish a x}
        assert_equal OK [r module load pubsub]
        assert_equal 0 [r publish a x]
        assert_equal {subscribe a 1} [asked $rd subscribe a]
        assert_equal 1 [r publish a x]
        assert_equal {message a x} [$rd read]
        $rd close
    }
}
