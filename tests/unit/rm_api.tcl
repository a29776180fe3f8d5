# rm_api.tcl - the functions of the Redis module ABI by name: how many resolve, and how many our own test
# modules call.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc words_of file {
    set f [open $file]
    set text [read $f]
    close $f
    return $text
}

start_server [list tags {rm} args [list --loadmodule [test_module rm_api]]] {
    lassign [r api.missing] count missing
    set called {}
    foreach file [glob [file join $kit::home modules rm_*.c]] {
        foreach {- name} [regexp -all -inline {RedisModule_(\w+)\M} [words_of $file]] {
            dict set called $name 1
        }
    }
    dict set called SetModuleAttribs 1 ;# by RedisModule_Init() of every one
    set header [words_of [file join $kit::home .. include redismodule.h]]
    set exercised 0
    foreach {- name} [regexp -all -inline {\n    F\([^,]*, (\w+),} $header] {
        incr exercised [dict exists $called $name]
    }
    kit::say "redismodule: $count functions, [expr {$count - [llength $missing]}] resolve,\
        $exercised are called by test modules"
    test "all functions of the module ABI resolve, under both prefixes" {
        list $count $missing
    } {361 {}}
    test "test modules call all of them" {assert_equal $exercised $count}
}
