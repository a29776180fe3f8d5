# config.tcl - settings beside the real server's: the same defaults, the same values taken and
# refused, with the same words.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

# Whose default is another by design, and why.
set other_defaults {
    port            {every test server has its own}
    dir             {every test server has its own}
    save            {nothing is saved without a persistence module}
}

# What is not tried with all sorts of values, and why.
set not_tried {
    port            {the test talks to it}
    bind            {addresses of the machine; compared below}
    dir             {it has effects on later tests}
    appendonly      {it starts to write files}
    save            {only "" is taken without a persistence module}
    replicaof       {it starts to replicate}
    slaveof         {it starts to replicate}
    requirepass     {the test's clients have no password}
    maxclients      {few of them shut the test out; compared below}
    timeout         {one second could end the test's connections}
    maxmemory       {a small one refuses what follows}
    maxmemory-clients {a small one ends the test's connections}
    client-output-buffer-limit {a small one ends the test's connections; compared below}
    activedefrag    {the allocator of Debian's server lacks what "yes" needs; see defrag.tcl}
    proto-max-bulk-len {newer versions allow what the real server's does not}
}

set values {
    "" " " abc yes no YES "yes no" 0 1 -1 5 " 5" "5 " +5 05 0x10 1.5 100 1000 65535 65536 2147483647
    2147483648 4294967295 4294967296 9223372036854775807 9223372036854775808 99999999999999999999
    10% 101% -5% % 1b 1k 1kb 1KB 1mb 1m 1gb 1g 1tb 5x 9999999999gb 64mm default notice "save nosave"
    "nosave force" local always {{title}} {{nosuch}} "\{title" "\xff"
}

start_pair {omit {
    save latency-monitor-threshold notify-keyspace-events repl-diskless-sync-delay
    repl-ping-replica-period enable-debug-command enable-module-command shutdown-on-sigterm loglevel
}} {
    set shared {}
    foreach {name value} [r config get *] {
        if {[llength [r -1 config get $name]]} {lappend shared $name}
    }

    test "Most settings are shared" {
        assert {[llength $shared] >= 40} $shared
    }

    foreach name $shared {
        if {[dict exists $other_defaults $name]} continue
        test "The default of $name" {same config get $name}
    }

    foreach name $shared {
        if {[dict exists $not_tried $name]} continue
        test "CONFIG SET $name takes and refuses the same values" {
            set before [lindex [r config get $name] 1]
            set commands {}
            foreach value $values {
                lappend commands [list config set $name $value] [list config get $name]
            }
            lappend commands [list config set $name $before] [list config get $name]
            same_all $commands
        }
    }

    foreach value {
        "normal 1mb 2mb 60 replica 1gb 1g 10" "slave 256mb 64mb 60 NORMAL 0 0 0" "normal 0 0"
        "normal 0 0 0 " " normal 0 0 0" "foo 0 0 0" "normal a b c" "normal -1 0 0" "normal 1 1 -1"
        "master 1 1 1" "" "pubsub 32mb 8mb 60"
    } {
        test "CONFIG SET client-output-buffer-limit '$value'" {
            same_all [list [list config set client-output-buffer-limit $value] \
                {config get client-output-buffer-limit}]
        }
    }

    foreach value {0 -1 abc "" 4294967296 500 10000} {
        test "CONFIG SET maxclients '$value'" {
            same_all [list [list config set maxclients $value] {config get maxclients}]
        }
    }

    test "CONFIG SET bind" {
        same_all {
            {config set bind "127.0.0.1 -::1"} {config get bind}
            {config set bind "1.2.3.4"} {config get bind}
            {config set bind "a b c d e f g h i j k l m n o p q"} {config get bind}
            {config set bind "127.0.0.1"} {config get bind}
        }
    }

    test "Several pairs, mistakes in any place, all or nothing" {
        same_all {
            {config set hz 20 lazyfree-lazy-expire yes} {config get hz lazyfree-lazy-expire}
            {config set hz 30 lazyfree-lazy-expire maybe} {config get hz}
            {config set hz 30 nosuch 1} {config get hz} {config set nosuch 1 hz 30}
            {config set daemonize no nosuch 1} {config set nosuch 1 daemonize no}
            {config set hz 1 HZ 2} {config set HZ abc} {config set Daemonize yes}
            {config set hz 1 hz} {config set hz} {config set} {config}
            {config get} {config foo} {config foo bar} {config rewrite x} {config resetstat x}
            {config help x}
            {config set hz 10 lazyfree-lazy-expire no}
        }
    }

    test "CONFIG GET of plain names, patterns, and both" {
        same_all {
            {config get hz} {config get Hz} {config get nosuch} {config get hz hz HZ}
            {config get {[h]z}} {config get {h?}} {config get HZ*} {config get ""} {config get {[}}
            {config get "lazyfree-lazy-e*"} {config get {\hz}}
        }
    }

    test "The same in RESP3" {
        same_all {
            {hello 3} {config get hz} {config get nosuch} {config set hz abc} {config set hz 10}
            {config help} {hello 2}
        }
    }

    test "CONFIG HELP" {same config help}
}
