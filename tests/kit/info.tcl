# info.tcl - asking a server about itself: INFO fields, configuration, and waits built on them.

# The value of one field in the text of INFO, "" when it is not there.
proc getInfoProperty {text name} {
    set pattern "^[string map {. \\. * \\*} $name]:(.*?)\r?\$"
    if {[regexp -line $pattern $text -> value]} {return $value}
    return ""
}

proc status {client field} {
    return [getInfoProperty [$client info] $field]
}

# s ?LEVEL? FIELD
proc s {args} {
    set level 0
    if {[string is integer -strict [lindex $args 0]]} {
        set level [lindex $args 0]
        set args [lrange $args 1 end]
    }
    return [status [srv $level client] [lindex $args 0]]
}

proc cmdrstat {command client} {
    return [getInfoProperty [$client info commandstats] cmdstat_$command]
}

proc errorrstat {code client} {
    return [getInfoProperty [$client info errorstats] errorstat_$code]
}

proc latencyrstat_percentiles {command client} {
    return [getInfoProperty [$client info latencystats] latency_percentiles_usec_$command]
}

proc config_set {name value {options {}}} {
    if {[catch {r config set $name $value} err]} {
        if {"mayfail" ni $options} {error $err}
        return $err
    }
    return OK
}

# Sets a directive and gives back its value before.
proc config_get_set {name value {options {}}} {
    set before [lindex [r config get $name] 1]
    config_set $name $value $options
    return $before
}

proc get_kv {pairs name} {
    return [dict get $pairs $name]
}

proc wait_for_blocked_client {{level 0}} {
    wait_for_condition 50 100 {[s $level blocked_clients] ne 0} else {fail "no client is blocked"}
}

proc wait_for_blocked_clients_count {count {tries 100} {delay 10} {level 0}} {
    wait_for_condition $tries $delay {[s $level blocked_clients] == $count} else {
        fail "[s $level blocked_clients] clients are blocked, not $count"
    }
}

proc wait_done_loading client {
    wait_for_condition 50 100 {[catch {$client ping} answer] == 0} else {
        fail "loading takes too long"
    }
}

proc waitForBgsave client {
    wait_for_condition 600 50 {[status $client rdb_bgsave_in_progress] eq 0} else {
        fail "the background save does not end"
    }
}

# What is scheduled is asked first: it may begin between the two questions.
proc waitForBgrewriteaof client {
    wait_for_condition 600 50 {
        [status $client aof_rewrite_scheduled] eq 0 && [status $client aof_rewrite_in_progress] eq 0
    } else {
        fail "the append-only file's rewrite does not end"
    }
}

proc wait_lazyfree_done client {
    wait_for_condition 50 100 {[status $client lazyfree_pending_objects] == 0} else {
        fail "lazy freeing does not end"
    }
}

proc debug_digest {{level 0}} {
    r $level debug digest
}

proc debug_digest_value {key {level 0}} {
    r $level debug digest-value $key
}

proc debug_sleep seconds {
    r debug sleep $seconds
}

proc get_client_id_by_last_cmd {client command} {
    foreach line [split [$client client list] \n] {
        if {[string match "* cmd=$command *" $line] && [regexp {id=(\d+)} $line -> id]} {return $id}
    }
    return ""
}
