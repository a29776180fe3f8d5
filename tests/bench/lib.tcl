# lib.tcl - what the benchmark programs share: options, processes, one-line clients, counters.
#
# Two servers are compared: `keel` and `redis`. Each is started on its own port, pinned to one
# processor core, in a directory of its own; the load runs on the other core. Every process started
# here is ended by its id, and ends by itself when this program is killed (setpriv --pdeathsig).

set bench_dir [file dirname [file normalize [info script]]]
set tree [file normalize $bench_dir/../..]

array set opt {quick 0 only * table "" rounds 0 port 0 cores 0,1 generator load redis ""}
set opt(keel) $tree/build/keel
set opt(keel-args) ""

set usage {options:
  --quick            fewer requests, 3 rounds, no test of 10,000,000 keys
  --only PATTERN     only the items whose name matches (glob, any case; may be given as a|b)
  --keel PATH        the server to judge (build/keel)
  --keel-args LIST   more arguments for it
  --redis PATH       the server to compare with (redis-server, or redis-check-rdb under its name)
  --table FILE       write the markdown table there too
  --rounds N         rounds per server (5)
  --generator NAME   load (exact) or redis-benchmark
  --cores A,B        core of the servers, core of the load (0,1)
  --port N           first port to try (by process id)}

# Reads options from `argv`; what does not start with -- is returned.
proc parse_options {argv} {
    global opt usage
    set rest {}
    while {[llength $argv]} {
        set argv [lassign $argv word]
        if {$word eq "--quick"} {
            set opt(quick) 1
        } elseif {[string match --?* $word] && [info exists opt([string range $word 2 end])]
                  && [llength $argv]} {
            set argv [lassign $argv opt([string range $word 2 end])]
        } elseif {[string match -* $word]} {
            puts stderr "bench: unknown option $word\n$usage"
            exit 1
        } else {
            lappend rest $word
        }
    }
    if {!$opt(rounds)} {set opt(rounds) [expr {$opt(quick) ? 3 : 5}]}
    lassign [split $opt(cores) ,] opt(server_core) opt(load_core)
    if {!$opt(port)} {set opt(port) [expr {17400 + [pid] % 150 * 60}]}
    set opt(keel) [file normalize $opt(keel)]
    if {$opt(table) ne ""} {set opt(table) [file normalize $opt(table)]}
    return $rest
}

proc note {text} {puts stderr $text}

# ---- programs ----

# Compiles the C programs of this directory that are missing or older than their source.
proc build_tools {} {
    global tree bench_dir tool
    set out $tree/build/tests/bench
    file mkdir $out
    foreach {name file flags} {
        load load {} startup startup {} zipf zipf {} sink sink {} alloccount alloccount.so {-fPIC -shared}
    } {
        set tool($name) $out/$file
        set source $bench_dir/$name.c
        if {![file exists $out/$file] || [file mtime $out/$file] < [file mtime $source]} {
            exec cc -O2 -Wall -Wextra {*}$flags -o $out/$file $source -ldl -lm 2>@stderr
        }
    }
}

proc have {program} {expr {[auto_execok $program] ne ""}}

# A scratch directory for this run, removed at its end.
proc scratch_open {} {
    global scratch opt
    set scratch [exec mktemp -d -t keel-bench.XXXXXX]
    if {$opt(redis) eq ""} {
        set opt(redis) [lindex [auto_execok redis-server] 0]
    }
    # Debian's redis-tools carry the whole server in redis-check-rdb: its name decides.
    if {$opt(redis) eq "" && [have redis-check-rdb]} {
        set opt(redis) $scratch/redis-server
        file link -symbolic $opt(redis) [lindex [auto_execok redis-check-rdb] 0]
    }
    if {$opt(redis) eq ""} {error "neither redis-server nor redis-check-rdb is installed"}
    if {![file executable $opt(keel)]} {
        error "$opt(keel) is missing: run make, or give --keel PATH"
    }
}

# ---- servers ----

# The command line of server `who`. Both get the same, and are told not to save.
proc server_command {who port dir} {
    global opt
    set common [list --port $port --bind 127.0.0.1 --protected-mode no \
                    --dir $dir --logfile $dir/server.log --save {} --appendonly no \
                    --enable-debug-command yes]
    if {[info exists opt(module)] && $opt(module) ne ""} {lappend common --loadmodule $opt(module)}
    if {$who eq "redis"} {return [list $opt(redis) {*}$common]}
    return [list $opt(keel) {*}$common {*}$opt(keel-args)]
}

# The next port nobody listens on: another run of this program may be using its own.
proc free_port {} {
    global opt next_port
    if {![info exists next_port]} {set next_port $opt(port)}
    while {[catch {close [socket -server {} -myaddr 127.0.0.1 [incr next_port]]}]} {}
    return $next_port
}

# Starts `who` under `wrap` (a command prefix such as valgrind) and waits for its +PONG.
# Returns a dict: who pid port dir channel.
proc server_start {who {wrap {}}} {
    global opt scratch started
    set port [free_port]
    set dir $scratch/$who-$port
    file mkdir $dir
    set die [expr {[have setpriv] ? {setpriv --pdeathsig KILL} : {}}]
    set command [list {*}$die taskset -c $opt(server_core) {*}$wrap \
                     {*}[server_command $who $port $dir]]
    set channel [open "|$command > $dir/stdout 2>@1" w]
    set server [dict create who $who pid [pid $channel] port $port dir $dir channel $channel]
    set started($port) $server
    wait_pong $server
    foreach {name value} {save "" appendonly no} {catch {ask $server CONFIG SET $name $value}}
    return $server
}

proc wait_pong {server} {
    for {set i 0} {$i < 1200} {incr i} {
        if {![catch {ask $server PING} reply] && $reply eq "+PONG"} return
        if {![process_lives [dict get $server pid]]} break
        after 50
    }
    foreach file {stdout server.log} {
        catch {note [exec tail -n 5 [dict get $server dir]/$file]}
    }
    error "[dict get $server who] does not answer on port [dict get $server port]"
}

# Ends a server by its id and waits for it; one that does not go in 10 seconds is killed.
proc server_stop {server} {
    global started
    set pid [dict get $server pid]
    unset -nocomplain started([dict get $server port])
    catch {exec kill -TERM $pid}
    for {set i 0} {$i < 200 && [process_lives $pid]} {incr i} {after 50}
    if {[process_lives $pid]} {catch {exec kill -KILL $pid}}
    catch {close [dict get $server channel]}
    file delete -force [dict get $server dir]
}

# A zombie has ended: it is only waiting to be collected by close.
proc process_lives {pid} {
    if {[catch {open /proc/$pid/stat} f]} {return 0}
    set state [lindex [read $f] 2]
    close $f
    expr {$state ne "Z"}
}

# Fresh servers of both kinds, as a dict keel => server, redis => server.
proc pair_start {{wrap {}}} {
    dict create keel [server_start keel $wrap] redis [server_start redis $wrap]
}

# Ends every server that is still up: after a failure the caller may not know which are.
proc stop_servers {} {
    global started
    foreach {port server} [array get started] {catch {server_stop $server}}
}

proc stop_all {} {
    global scratch
    stop_servers
    catch {file delete -force $scratch}
}

# Sends one command on a connection of its own and returns the raw reply: a bulk's text, or the
# line as it came. Errors of the server are returned as text, errors of the socket are raised.
proc ask {server args} {
    set s [socket 127.0.0.1 [dict get $server port]]
    fconfigure $s -translation binary -buffering none
    set request "*[llength $args]\r\n"
    foreach arg $args {append request "\$[string length $arg]\r\n$arg\r\n"}
    try {
        puts -nonewline $s $request
        set line [string trimright [gets $s] \r]
        if {[string match {$[0-9]*} $line]} {return [read $s [string range $line 1 end]]}
        return $line
    } finally {
        close $s
    }
}

proc info_field {server section field} {
    if {![regexp "(?:^|\n)$field:(\[^\r\n\]*)" [ask $server INFO $section] -> value]} {return ""}
    return $value
}

# ---- load ----

# Runs the load generator against `server` and returns its figures as a dict. `wrap` is a command
# prefix for the generator.
proc run_load {server args} {run_load_under {} $server {*}$args}

proc run_load_under {wrap server args} {
    global tool opt
    set line [exec {*}$wrap taskset -c $opt(load_core) $tool(load) -p [dict get $server port] \
                  --pid [dict get $server pid] {*}$args 2>@stderr]
    foreach pair [split $line] {dict set result {*}[split $pair =]}
    return $result
}

# Fills `keys` keys in order, each once, with the command `type` (set or incr), then reads them all
# so that a table that grows step by step has finished growing.
proc populate {server keys {type set} {size 3}} {
    run_load $server -P 100 -r $keys -n $keys -d $size --seq -t $type
    set prefix [expr {$type eq "incr" ? "counter" : "key"}]
    run_load $server -P 100 -r $keys -n $keys -- GET $prefix:__rand_int__
}

# ---- counters ----

# Whether this machine counts cycles and instructions: looked up once.
proc have_perf {} {
    global have_perf
    if {![info exists have_perf]} {
        set have_perf 0
        if {[have perf] && ![catch {exec perf stat -x, -e cycles,instructions:u true 2>@1} out]} {
            set have_perf [expr {![regexp {not supported|not counted|cycles:u} $out]}]
        }
    }
    return $have_perf
}

# Runs the load while perf counts the process of the server: adds `cycles` (user and kernel) and
# `instructions` (user) to its figures.
proc run_load_counted {server args} {
    global scratch
    set out $scratch/perf.[dict get $server port]
    set perf [list perf stat -x, -o $out -e cycles,instructions:u -p [dict get $server pid] --]
    set result [run_load_under $perf $server {*}$args]
    set f [open $out]
    set text [read $f]
    close $f
    foreach line [split $text \n] {
        lassign [split $line ,] value unit event
        if {[regexp {^(cycles|instructions)} $event -> name] && [string is entier -strict $value]} {
            dict set result $name $value
        }
    }
    if {![dict exists $result cycles]} {error "perf stat counted nothing: $text"}
    return $result
}

proc machine_line {} {
    set model unknown
    regexp {model name\s*:\s*([^\n]+)} [exec cat /proc/cpuinfo] -> model
    return "$model, [exec nproc] cores, Linux [exec uname -r],\
        [clock format [clock seconds] -format %Y-%m-%d]"
}
