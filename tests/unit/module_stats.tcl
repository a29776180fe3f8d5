# module_stats.tcl - MODULE STATS and the same figures in INFO modules: what commands of a module cost, and
# what it holds.

proc stats {name} {return [lindex [r module stats $name] 0]}

# The figures of INFO modules, as MODULE STATS gives them.
proc info_stats {name} {
    regexp -line "^module:name=$name,.*options=\[^\]]*\\],(.*)\r?$" [r info modules] -> fields
    set stats [list name $name]
    foreach field [split [string trim $fields] ,] {lappend stats {*}[split $field =]}
    return $stats
}

start_server [list tags {modules rm} overrides [list loadmodule [test_module rm_reload-one]] \
        args [list --loadmodule [test_module reload-one]]] {
    foreach {name version set get} {reloaded re.version re.set re.get rm_reload rr.version rr.set rr.get} {
        test "$name: commands, calls, errors and time are those of its commands" {
            set before [stats $name]
            assert_morethan [dict get $before commands] 6
            assert_equal [dict get $before calls] 0
            r $version
            r $version
            catch {r $set k x}
            set after [stats $name]
            assert_equal [dict get $after calls] 3
            assert_equal [dict get $after errors] 1
            assert_equal [dict get $after commands] [dict get $before commands]
            for {set i 0} {$i < 2000} {incr i} {r $version}
            assert_morethan [dict get [stats $name] usec] 0
        }

        test "$name: bytes and keys are those of its values" {
            set before [stats $name]
            for {set i 0} {$i < 1000} {incr i} {r $set $name:$i $i}
            set after [stats $name]
            assert_equal [dict get $after keys] 1000
            assert_morethan [expr {[dict get $after bytes] - [dict get $before bytes]}] 15000
            for {set i 0} {$i < 1000} {incr i} {r del $name:$i}
            set last [stats $name]
            assert_equal [dict get $last keys] 0
            assert_equal [dict get $last bytes] [dict get $before bytes]
        }

        test "$name: INFO modules has the same figures" {
            r $set k 1
            set a [stats $name]
            assert_equal [dict keys [info_stats $name]] [dict keys $a]
            assert_equal [info_stats $name] $a
            r del k
        } 1
    }

    test "all modules are told of without a name, in the order of MODULE LIST" {
        set names {}
        foreach entry [r module list] {lappend names [dict get $entry name]}
        set told {}
        foreach entry [r module stats] {lappend told [dict get $entry name]}
        assert_equal $told $names
        r hello 3
        set keys [dict keys [lindex [r module stats] 0]]
        r hello 2
        set keys
    } {name commands calls errors usec bytes keys}

    test "a name that nobody has is an error, and so are two" {
        assert_error "ERR no such module with that name" {r module stats nosuch}
        assert_error "ERR wrong number of arguments for 'module|stats' command" {r module stats a b}
    }

    test "CONFIG RESETSTAT resets what was counted, not what is held" {
        r re.set k 1
        r config resetstat
        set stats [stats reloaded]
        list [dict get $stats calls] [dict get $stats usec] [dict get $stats keys]
    } {0 0 1}

    test "subcommands count for their module" {
        set before [dict get [stats server] calls]
        r config get port
        r config get maxclients
        expr {[dict get [stats server] calls] - $before}
    } 2
}
