# replication_partition.tcl - a replica on another network: partitions in which packets vanish, in one
# direction or both, a link that goes down, and a slow one.
#
# Two network namespaces, joined by two pairs of interfaces: one for the test itself, one that fails.
# Where namespaces are not permitted the tests are skipped.

set self [file normalize [info script]]
source [file join [file dirname $self] .. kit.tcl]
source [file join $kit::home kit nodes.tcl]

# The same file once more, in a namespace of its own; what it says is what this one says.
if {![info exists env(KEEL_TEST_NETNS)]} {
    if {[catch {exec unshare -rn sh -c {ip link add probe type veth peer name rest && nsenter -t $$ -n true} 2>@1} why]} {
        kit::record_skip "replication between network namespaces" $why
        kit::say "network namespaces are not permitted here: skipped ([lindex [split $why \n] 0])"
        exit 0
    }
    set env(KEEL_TEST_NETNS) 1
    set runner [expr {$kit::in_runner ? [file join $kit::home kit child.tcl] : ""}]
    set code [catch {
        exec unshare -rn [info nameofexecutable] {*}$runner $self >@stdout 2>@stderr
    } message options]
    kit::stop_everything
    # Its summary is the file's.
    kit::real_exit [expr {$code != 0}]
}

# ---- the other network ----------------------------------------------------------------------------

proc ip {args} {exec ip {*}$args}
proc there {args} {exec nsenter -t $::other -n {*}$args}

ip link set lo up
set other [exec unshare -n sleep 1000 >/dev/null 2>/dev/null &]
kit::adopt $other
wait_for_condition 100 20 {
    ![catch {exec readlink /proc/$other/ns/net} theirs] && $theirs ne [exec readlink /proc/self/ns/net]
} else {error "no second namespace"}
there ip link set lo up
foreach {name net} {control 10.77.0 data 10.78.0} {
    ip link add $name type veth peer name peer
    ip link set peer netns $other
    ip addr add $net.1/24 dev $name
    ip link set $name up
    there ip link set peer name $name
    there ip addr add $net.2/24 dev $name
    there ip link set $name up
}
regexp {link/ether (\S+)} [ip link show dev data] -> mac(here)
regexp {link/ether (\S+)} [there ip link show dev data] -> mac(there)

# Packets to the other side, and from it, go to nobody; or to whom they should.
proc vanish {ways} {
    set nobody 02:00:00:00:00:99
    ip neigh replace 10.78.0.2 dev data nud permanent lladdr [expr {"to" in $ways ? $nobody : $::mac(there)}]
    there ip neigh replace 10.78.0.1 dev data nud permanent \
        lladdr [expr {"from" in $ways ? $nobody : $::mac(here)}]
}

# 4 Mbit a second, from here to there.
proc slow_down {} {exec tc qdisc add dev data root tbf rate 4mbit burst 32k latency 2000ms}

# p here, a there; a comes to p over the link that fails.
set node::defaults [concat $node::defaults {bind "127.0.0.1 10.77.0.1 10.78.0.1" protected-mode no repl-timeout 2
    repl-backlog-size 8mb}]
nodes {p keel {}} {
    set kit::prefix [list nsenter -t $other -n]
    set ::host 10.77.0.2
    set node::of(a) [start_server {overrides {save {""} repl-timeout 2 bind "127.0.0.1 10.77.0.2"
        protected-mode no}}]
    on a select 0
    set kit::prefix {}
    set ::host 127.0.0.1
    vanish {}

    proc writes {prefix count} {
        for {set i 0} {$i < $count} {incr i} {on p set $prefix:$i [string repeat x 500]}
        on p incr $prefix
    }

    test "a replica on another network" {
        writes before 1000
        on a replicaof 10.78.0.1 [node_of p port]
        alike p a
        assert_match "ip=10.78.0.2,*" [field p slave0]
        on p wait 1 3000
    } 1

    foreach ways {{to from} to from} {
        test "packets vanish ($ways): nobody is told, WAIT counts nobody, and what was missed comes after" {
            set full [field p sync_full]
            vanish $ways
            on p set partition $ways
            assert_equal [on p wait 1 300] 0
            assert_equal [on p get partition] $ways
            writes [join $ways] 500
            # Longer than repl-timeout, so both ends give the link up.
            wait_for_condition 100 100 {[field p connected_slaves] == 0} else {fail "p still counts on it"}
            wait_for_condition 100 100 {[field a master_link_status] eq "down"} else {fail "a is still sure"}
            assert_equal [on a exists [join $ways]:1] 0
            vanish {}
            link_up a 30
            alike p a
            assert_equal [field p sync_full] $full "no full copy was needed"
            assert_equal [on p wait 1 3000] 1
        }
    }

    test "a short partition is not even noticed" {
        set partial [field p sync_partial_ok]
        vanish {to from}
        writes short 100
        after 400
        vanish {}
        alike p a
        assert_equal [field p sync_partial_ok] $partial
    }

    test "an interface that goes down and comes back" {
        set full [field p sync_full]
        ip link set data down
        writes down 300
        after 3000
        ip link set data up
        vanish {}
        link_up a 30
        alike p a
        assert_equal [field p sync_full] $full
    }

    test "a slow link: the replica falls behind, catches up, and WAIT tells when" {
        if {[catch {slow_down} why]} {skip_test "no traffic control: $why"}
        for {set i 0} {$i < 400} {incr i} {on p set slow:$i [string repeat x 2000]}
        assert_equal [on p wait 1 50] 0
        assert_equal [on p wait 1 20000] 1
        assert_equal [on a exists slow:399] 1
        exec tc qdisc del dev data root
        alike p a
    }

    test "a full copy over a slow link" {
        if {[catch {slow_down} why]} {skip_test "no traffic control: $why"}
        on a replicaof no one
        on a flushall
        on a replicaof 10.78.0.1 [node_of p port]
        writes meanwhile 50
        link_up a 40
        exec tc qdisc del dev data root
        alike p a
    }
    node::stop a
}
