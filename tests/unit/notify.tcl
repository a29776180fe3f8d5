# notify.tcl - notify-keyspace-events: what is published for which class, and where.

start_server {tags {pubsub} overrides {notify-keyspace-events KEA}} {
    proc events_of {classes commands {pattern __key*}} {
        r config set notify-keyspace-events $classes
        set rd [redis_deferring_client]
        $rd psubscribe $pattern
        $rd read
        foreach command $commands {r {*}$command}
        r publish __key_end x
        set out {}
        while {[lindex [set message [$rd read]] 2] ne "__key_end"} {
            lappend out [lindex $message 2] [lindex $message 3]
        }
        $rd close
        return $out
    }

    test "The setting comes from the file, and is shown in Redis's normal form" {
        assert_equal AKE [lindex [r config get notify-keyspace-events] 1]
        foreach {given shown} {
            "" ""  A A  An A  Anm Am  g\$lshzxetd A  Kg gK  Km Km  n n  nK nK  mK Km  KEmn nKEm
            KEA AKE  AKEnm AKEm  tdxe xetd  KKgg gK
        } {
            r config set notify-keyspace-events $given
            assert_equal $shown [lindex [r config get notify-keyspace-events] 1]
        }
        assert_error "*Invalid event class character. Use 'Ag\$lshzxeKEtmdn'." \
            {r config set notify-keyspace-events KEx!}
        assert_equal gK [lindex [r config get notify-keyspace-events] 1]
    }

    test "K is about the key, E about the event" {
        r flushall
        assert_equal {__keyspace@9__:k set} [events_of KA {{set k v}}]
        assert_equal {__keyevent@9__:set k} [events_of EA {{set k v}}]
        assert_equal {__keyspace@9__:k set __keyevent@9__:set k} [events_of KEA {{set k v}}]
        assert_equal {} [events_of A {{set k v}}]
        assert_equal {} [events_of KE {{set k v}}]
    }

    test "Classes are told apart" {
        assert_equal {__keyevent@9__:set k} [events_of {E$} {{set k v} {expire k 100} {del k}}]
        assert_equal {__keyevent@9__:expire k __keyevent@9__:del k} \
            [events_of Eg {{set k v} {expire k 100} {del k}}]
        assert_equal {__keyevent@9__:new k} [events_of En {{set k v} {set k w}}]
        assert_equal {__keyevent@9__:keymiss nosuch} [events_of Em {{get nosuch} {get k}}]
        assert_equal {__keyevent@9__:expired k} \
            [events_of Ex {{psetex k 1 v} {get k} {debug sleep 0.01} {get k}}]
    }

    test "The database is that of the key" {
        assert_equal {__keyspace@9__:k del __keyspace@9__:k move_from __keyspace@3__:k move_to} \
            [concat [events_of Kg {{set k v} {del k}}] [events_of Kg {{set k v} {move k 3}}]]
        r select 3
        r flushdb
        r select 9
    }

    test "Names may hold anything" {
        set name "a\r\n\0[string repeat z 500]"
        assert_equal [list __keyspace@9__:$name set] [events_of K$ [list [list set $name v]]]
    }

    test "A subscriber hears of its own changes after the reply" {
        r config set notify-keyspace-events KEA
        set rd [redis_deferring_client]
        $rd hello 3
        $rd read
        $rd subscribe __keyevent@9__:set
        $rd read
        $rd set a b
        assert_equal OK [$rd read]
        assert_equal {message __keyevent@9__:set a} [$rd read]
        $rd close
    }

    test "CONFIG REWRITE keeps the setting" {
        r config set notify-keyspace-events {Kg$}
        r config rewrite
        set f [open [lindex [regexp -inline {config_file:([^\r\n]*)} [r info server]] 1]]
        set text [read $f]
        close $f
        assert_match {*notify-keyspace-events "g$K"*} $text
    }
}
