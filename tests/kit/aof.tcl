# aof.tcl - append-only files for tests: made by hand, found, and looked at. The names are those of
# suites written for Redis.
#
#   create_aof_manifest $dir $path {append_to_manifest "file a.1.incr.aof seq 1 type i\n"}
#   create_aof $dir $dir/a.1.incr.aof {append_to_aof [formatCommand set k v]}
#   start_server_aof [list dir $server_path] {...}

foreach {name value} {
    base_aof_sufix .base incr_aof_sufix .incr manifest_suffix .manifest
    aof_format_suffix .aof rdb_format_suffix .rdb
} {
    set ::$name $value
}
unset name value

proc join_path {dir name} {return $dir/$name}
proc get_full_path {dir name} {return $dir/$name}
proc get_redis_dir {} {return [lindex [r config get dir] 1]}
proc check_file_exist {dir name} {return [file exists $dir/$name]}
proc del_file {dir name} {file delete -force $dir/$name}
proc clean_aof_persistence path {file delete -force $path}
proc create_aof_dir path {file mkdir $path}

# ---- files made by hand -------------------------------------------------------------------------

# Runs the code with `fp` of the caller open for writing.
proc kit::write_by {path code} {
    file mkdir [file dirname $path]
    upvar 2 fp fp
    set fp [open $path w]
    fconfigure $fp -translation binary
    set failed [catch {uplevel 2 $code} result options]
    close $fp
    if {$failed} {return -options $options $result}
}

proc create_aof_manifest {dir path code} {
    file mkdir $dir
    kit::write_by $path $code
}
proc create_aof {dir path code} {
    file mkdir $dir
    kit::write_by $path $code
}
proc append_to_manifest text {
    upvar fp fp
    puts -nonewline $fp $text
}
proc append_to_aof text {
    upvar fp fp
    puts -nonewline $fp $text
}

# ---- files looked at ----------------------------------------------------------------------------

# {name ...} of the files of one type ("b", "i", "h") in a manifest.
proc kit::manifest_names {path type} {
    set names {}
    foreach line [split [read_file $path] \n] {
        if {[regexp {^file (\S+) seq \d+ type (\w)} $line -> name is] && $is eq $type} {
            lappend names $name
        }
    }
    return $names
}

proc get_cur_base_aof_name manifest {
    return [lindex [kit::manifest_names $manifest b] 0]
}
proc get_last_incr_aof_name manifest {
    return [lindex [kit::manifest_names $manifest i] end]
}

proc kit::aof_dir client {
    return [lindex [$client config get dir] 1]/[lindex [$client config get appenddirname] 1]
}
proc kit::aof_manifest client {
    return [aof_dir $client]/[lindex [$client config get appendfilename] 1].manifest
}
proc get_last_incr_aof_path client {
    return [kit::aof_dir $client]/[get_last_incr_aof_name [kit::aof_manifest $client]]
}
proc get_base_aof_path client {
    return [kit::aof_dir $client]/[get_cur_base_aof_name [kit::aof_manifest $client]]
}

# As many lines as there are texts, each with its text in it.
proc assert_aof_manifest_content {path texts} {
    set lines [split [string trimright [kit::read_file $path] \n] \n]
    if {[llength $lines] != [llength $texts]} {
        assert_fail "the manifest has [llength $lines] lines, not [llength $texts]: $lines"
    }
    foreach line $lines text $texts {
        if {[string first $text $line] < 0} {assert_fail "'$line' lacks '$text'"}
    }
}

# Every command of a file, as lists of words, until the end.
proc assert_aof_content {path patterns} {
    set fd [open $path r]
    fconfigure $fd -translation binary
    set found {}
    while {[gets $fd line] >= 0} {
        if {[string index $line 0] ne "*"} continue
        set words {}
        for {set i [string trim [string range $line 1 end]]} {$i > 0} {incr i -1} {
            gets $fd size
            lappend words [read $fd [string trim [string range $size 1 end]]]
            read $fd 2
        }
        lappend found $words
    }
    close $fd
    if {[llength $found] != [llength $patterns]} {
        assert_fail "the file has [llength $found] commands, not [llength $patterns]: $found"
    }
    foreach words $found pattern $patterns {
        if {![string match -nocase $pattern $words]} {assert_fail "'$words' is not '$pattern'"}
    }
}

# ---- servers ------------------------------------------------------------------------------------

# A server on files that are there. `defaults`, where the caller has such a variable, come first.
proc start_server_aof {overrides code} {
    uplevel 1 [list start_server_aof_ex $overrides {} $code]
}
proc start_server_aof_ex {overrides options code} {
    upvar 1 defaults defaults
    set all [concat [expr {[info exists defaults] ? $defaults : {}}] $overrides]
    dict set options overrides $all
    dict set options keep_persistence true
    uplevel 1 [list start_server $options $code]
}
