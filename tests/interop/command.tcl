# command.tcl - what COMMAND tells of each command is what the real server tells of it.
#
# The real server is 7.0, ours follows 7.2: where they disagree rightly, the difference is declared
# below, and one that no longer shows is a failure too. Texts are our own. Names of groups of
# arguments are not compared, since 7.2 gave most of them new ones, nor is display_text, which 7.0
# does not have.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

set newer {}
proc newer {what reason} {
    lappend ::newer $what
}

newer {command|getkeys arity} "7.2 looks into commands without arguments too"
newer {command|getkeysandflags arity} "7.2 looks into commands without arguments too"
newer {command|getkeys arguments} "7.2 documents them"
newer {command|getkeysandflags arguments} "7.2 documents them"
newer {module|load flags} "7.2 shows that a setting protects it"
newer {module|loadex flags} "7.2 shows that a setting protects it"
newer {module|unload flags} "7.2 shows that a setting protects it"
newer {debug flags} "7.2 shows that a setting protects it"
newer {wait flags} "7.2 lets scripts call it"
foreach name {blpop brpop blmove brpoplpush bzpopmin bzpopmax} {newer [list $name flags] "7.2 lets scripts call it"}
newer {msetnx tips} "7.2 no longer splits it among shards"
newer {randomkey tips} "7.2 has a response policy"
newer {scan tips} "7.2 has a response policy"
newer {client|setname tips} "7.2 has request and response policies"
newer {config|rewrite tips} "7.2 has request and response policies"
newer {config|resetstat tips} "7.2 has request and response policies"
newer {latency|reset tips} "7.2 adds the numbers of all nodes up"
newer {psetex deprecated_since} "deprecated only since 7.2 says so"
newer {setex deprecated_since} "deprecated only since 7.2 says so"
newer {setnx deprecated_since} "deprecated only since 7.2 says so"
newer {quit deprecated_since} "deprecated in 7.2"
newer {client|pause since} "7.2 names the release instead of the build before it"
newer {lcs arguments} "7.2 renamed an argument that had the name of another one"
newer {bitop arguments} "7.2 lists the operations"
newer {client|kill arguments} "7.2 lists the words of SKIPME, and its filters are alternatives"
newer {client|list arguments} "7.2 has no group of one argument"
newer {module|loadex arguments} "7.2 has no group of one argument"
newer {psubscribe arguments} "7.2 has no group of one argument"
newer {publish flags} "7.2 shows may_replicate"
newer {spublish flags} "7.2 shows may_replicate"
newer {hscan arguments} "7.4 added NOVALUES"
newer {pfcount flags} "7.2 shows may_replicate"
newer {pfmerge arguments} "7.2 says that sources may be missing, as always"
foreach name {zrank zrevrank} {
    newer [list $name arity] "7.2 added WITHSCORE"
    newer [list $name arguments] "7.2 added WITHSCORE"
}
foreach name {geohash geopos} {newer [list $name arguments] "7.2 says that members may be missing"}
foreach name {georadius georadiusbymember} {
    newer [list $name arguments] "7.2 says that STORE and STOREDIST are alternatives"
}
newer {georadiusbymember_ro arguments} "7.2 says since when there is ANY"
foreach name {xclaim xgroup|create xgroup|createconsumer xgroup|delconsumer xgroup|destroy
    xgroup|setid xinfo|consumers xinfo|stream xsetid} {
    newer [list $name arguments] "7.2 names groups, consumers and ids alike everywhere"
}
newer {config|get arguments} "7.2 has no group of one argument"

# ---- trees of replies, as pair::parse makes them ----------------------------------------------

# A map, or the flat array that it is in RESP2, as a dict of trees.
proc fields tree {
    set out {}
    foreach {name value} [lindex $tree 1] {dict set out [lindex $name 1] $value}
    return $out
}

# A set with the kind of reply it came in.
proc members tree {
    set out {}
    foreach item [lindex $tree 1] {lappend out $item}
    return [list [lindex $tree 0] [lsort $out]]
}

proc without_notes tree {
    set out {}
    foreach spec [lindex $tree 1] {lappend out [dict remove [fields $spec] notes]}
    return [list [lindex $tree 0] $out]
}

proc argument_forms tree {
    set out {}
    foreach argument [lindex $tree 1] {
        set facts [fields $argument]
        set type [lindex [dict get $facts type] 1]
        set name [string map {: - _ - / -} [string tolower [lindex [dict get $facts name] 1]]]
        if {$type in {oneof block}} {set name ""}
        set form [list [lindex $argument 0] $name $type]
        foreach field {token key_spec_index since deprecated_since} {
            if {[dict exists $facts $field]} {lappend form $field [dict get $facts $field]}
        }
        if {[dict exists $facts flags]} {lappend form [members [dict get $facts flags]]}
        if {[dict exists $facts arguments]} {
            lappend form [argument_forms [dict get $facts arguments]]
        }
        lappend out $form
    }
    return [list [lindex $tree 0] $out]
}

# ---- one dict of dicts a server: command -> field -> form ---------------------------------------

proc add_infos {name tree} {
    upvar 1 $name out
    foreach info [lindex $tree 1] {
        lassign [lindex $info 1] command arity flags first last step categories tips specs subs
        dict set out [lindex $command 1] [dict create arity $arity flags [members $flags] \
            first $first last $last step $step categories [members $categories] \
            tips [members $tips] specs [without_notes $specs]]
        add_infos out $subs
    }
}

proc add_docs {name tree} {
    upvar 1 $name out
    dict for {command docs} [fields $tree] {
        set facts [fields $docs]
        set forms {}
        foreach field {since group deprecated_since} {
            if {[dict exists $facts $field]} {dict set forms $field [dict get $facts $field]}
        }
        if {[dict exists $facts arguments]} {
            dict set forms arguments [argument_forms [dict get $facts arguments]]
        }
        dict set out $command $forms
        if {[dict exists $facts subcommands]} {add_docs out [dict get $facts subcommands]}
    }
}

# The differences in lines of text, declared ones left out; those come into ::seen.
proc differences {ours theirs} {
    set out {}
    dict for {command facts} $ours {
        if {![dict exists $theirs $command]} continue
        set others [dict get $theirs $command]
        foreach field [lsort -unique [concat [dict keys $facts] [dict keys $others]]] {
            set a [expr {[dict exists $facts $field] ? [dict get $facts $field] : "nothing"}]
            set b [expr {[dict exists $others $field] ? [dict get $others $field] : "nothing"}]
            if {$a eq $b} continue
            if {[list $command $field] in $::newer} {
                dict set ::seen [list $command $field] 1
            } else {
                lappend out "$command, $field:\n  keel: $a\n  real: $b"
            }
        }
    }
    return [join $out \n]
}

start_pair {tags {interop command}} {
    set seen {}

    foreach protocol {2 3} {
        test "COMMAND INFO is the real server's for all commands of both, in RESP$protocol" {
            pair::exchange [list [list hello $protocol]]
            lassign [lindex [pair::exchange {{command info}}] 0] - ours theirs
            set a {}
            set b {}
            add_infos a [pair::parse $ours]
            add_infos b [pair::parse $theirs]
            set common 0
            foreach command [dict keys $a] {incr common [dict exists $b $command]}
            assert {$common > 90}
            assert_equal [differences $a $b] ""
        }

        test "COMMAND DOCS has the real server's arguments for them, in RESP$protocol" {
            lassign [lindex [pair::exchange {{command docs}}] 0] - ours theirs
            set a {}
            set b {}
            add_docs a [pair::parse $ours]
            add_docs b [pair::parse $theirs]
            assert_equal [differences $a $b] ""
        }

        test "COMMAND INFO's bytes are alike where nothing newer shows, in RESP$protocol" {
            set commands {}
            foreach name [r command list] {
                if {[string first | $name] < 0} {lappend commands [list command info $name]}
            }
            set equal 0
            foreach row [pair::exchange $commands] {
                lassign $row command ours theirs
                set name [lindex $command 2]
                if {[lsearch -glob $::newer "$name *"] >= 0} continue
                if {[lindex [pair::parse $theirs] 1] eq {{_ {}}}} continue
                # Notes are texts, and subcommands come in the order of a hash table.
                if {[string match *notes* $theirs] || [string match *$name|* $theirs]} continue
                assert_equal $ours $theirs
                incr equal
            }
            assert {$equal > 50}
        }
    }

    test "every declared difference of a command that is here still shows" {
        set here [r command list]
        set stale {}
        foreach what $newer {
            if {[lindex $what 0] in $here && ![dict exists $seen $what]} {lappend stale $what}
        }
        assert_equal $stale {}
    }

    test "key searches find what the real server finds" {
        same_all {
            {command getkeys get a} {command getkeys get a b} {command getkeys nosuch a}
            {command getkeys set k v} {command getkeysandflags set k v}
            {command getkeysandflags set k v get} {command getkeysandflags set k v ex 10}
            {command getkeys mset a 1 b 2} {command getkeys mset a 1 b} {command getkeys mset a}
            {command getkeysandflags mset a 1 b 2} {command getkeys mget a b c}
            {command getkeysandflags bitfield k get u8 0} {command getkeys lcs a b}
            {command getkeysandflags bitfield k set u8 0 1}
            {command getkeysandflags bitop and d a b} {command getkeysandflags rename a b}
            {command getkeysandflags copy a b db 1} {command getkeys object encoding k}
            {command getkeys object encoding} {command getkeys object nosuch k}
            {command getkeys client nosuch} {command getkeys client kill a}
            {command getkeys ping a} {command getkeys del a b c} {command getkeysandflags unlink a}
        }
    }

    test "lists, and mistakes in asking for them" {
        same_all {
            {command count x} {command list filterby} {command list x}
            {command list filterby pattern} {command list filterby nosuch x}
            {command list filterby pattern x y} {command list filterby aclcat nosuch}
            {command list filterby module nosuch} {command list filterby pattern nosuch*}
            {command list filterby pattern getr*} {command list filterby pattern OBJECT|F*}
            {command info nosuch} {command info nosuch|x} {command info get|x} {command info object|x}
            {command docs nosuch} {command nosuch} {command nosuch x} {command help x}
            {command getkeys}
        }
    }
}
