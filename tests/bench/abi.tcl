# abi.tcl - what a module of the Redis ABI costs: its commands beside the native ones that do the same,
# and beside the same .so in the real server. One markdown table.
#
#     make all test-modules && tclsh tests/bench/abi.tcl
#
# User instructions a command are counted by callgrind, at pipeline 16, as instr.tcl does; allocations
# by alloccount.c. The module is tests/modules/rm_noop.c. --requests and --keys change the size; --module
# FILE takes another build of it.

source [file join [file dirname [file normalize [info script]]] instr.tcl]

# What is measured: name, command, the native command it stands beside, largest ratio to that.
# The largest ratio to the real server is 0.5 for all.
set abi_items {
    "a command that does nothing"  {NOOP.PING}                             ping  1.10
    "GET: OpenKey, StringDMA"      {NOOP.GET key:__rand_int__}             get   1.15
    "SET: OpenKey, StringSet"      {NOOP.SET key:__rand_int__ __data__}    set   1.15
    "GET by Call"                  {NOOP.CALL key:__rand_int__}            get   1.60
}
set abi_real 0.5

# Instructions per command of `who`, a dict by command; the module's and, of Keel, the native ones.
proc abi_instructions {who} {
    global abi_items opt
    set server [cg_start $who]
    cg_populate $server get $opt(keys)
    foreach {name command native bar} $abi_items {
        foreach type [list $command {*}[expr {$who eq "keel" ? [list $native] : {}}]] {
            if {[info exists cost($type)]} continue
            set cost($type) [lindex [cg_count $server $type 16 $opt(requests) $opt(keys)] 0]
        }
    }
    server_stop $server
    array get cost
}

# Allocations per command of Keel.
proc abi_allocations {} {
    global abi_items opt scratch tool
    set file $scratch/allocs
    set server [server_start keel [list env ALLOCCOUNT_FILE=$file LD_PRELOAD=$tool(alloccount)]]
    populate $server $opt(keys)
    foreach {name command native bar} $abi_items {
        set got [run_load $server -P 16 -w 20000 -n 200000 -r $opt(keys) --counter $file -- {*}$command]
        set allocs($command) [expr {[dict get $got allocs] / 200000.0}]
    }
    server_stop $server
    array get allocs
}

proc abi_ratio {value bar} {
    format "%.3f (%.2f)%s" $value $bar [expr {$value > $bar ? " **missed**" : ""}]
}

proc abi_main {argv} {
    global opt abi_items abi_real tree
    array set opt {keys 10000 requests 40000 top 0 inclusive 0 out ""}
    set opt(module) $tree/build/tests/modules/rm_noop.so
    parse_options $argv
    build_tools
    scratch_open
    array set keel [abi_instructions keel]
    array set real [abi_instructions redis]
    array set allocs [abi_allocations]
    puts "| command of a module | instructions | / native (bar) | / real server (bar) | allocations |"
    puts "| --- | --- | --- | --- | --- |"
    foreach {name command native bar} $abi_items {
        puts [format "| %s | %.0f | %s | %s | %.4f |" $name $keel($command) \
                  [abi_ratio [expr {$keel($command) / $keel($native)}] $bar] \
                  [abi_ratio [expr {$keel($command) / $real($command)}] $abi_real] $allocs($command)]
    }
}

set failed [catch {abi_main $argv} message]
stop_all
if {$failed} {puts stderr "abi: $message"; exit 1}
