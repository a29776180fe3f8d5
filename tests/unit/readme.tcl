# readme.tcl - what README.md prints is true: its tour, its module, the targets that it names.

set path [file join $kit::tree README.md]
set readme [kit::read_file $path]

# The tour: {COMMAND EXPECTED-LINES} of each "    $ command" and the lines under it.
proc tour {} {
    global readme
    set from [string first "## A tour" $readme]
    set section [string range $readme $from [string first "\n## " $readme [expr {$from + 1}]]]
    set steps {}
    foreach line [split $section \n] {
        if {[regexp {^    \$ (.*)$} $line -> command]} {
            lappend steps [list $command {}]
        } elseif {[regexp {^    (\S.*)$} $line -> text]} {
            lset steps end 1 [concat [lindex $steps end 1] [list $text]]
        }
    }
    return $steps
}

# A command of the README, sent to our port, with the forms that redis-cli has at a terminal.
proc as_printed command {
    set at [list -h [srv host] -p [srv port]]
    set command [string map [list redis-cli "redis-cli --no-raw $at" \
        redis-benchmark "redis-benchmark $at -n 2000"] $command]
    return [exec -ignorestderr timeout 60 sh -c $command 2>@1]
}

start_server {} {
    test "README: the tour shows what it prints" {
        set steps [tour]
        assert {[llength $steps] >= 9}
        foreach step $steps {
            lassign $step command expected
            set shown [split [string map {\r {}} [as_printed $command]] \n]
            if {[llength $expected] == 0} {assert {[llength $shown] > 0}; continue}
            foreach wanted $expected got $shown {
                if {![string match "db0:*" $wanted]} {assert_equal $got $wanted $command}
            }
        }
    }

    test "README: the module compiles as printed, passes --check and loads" {
        regexp {```c\n(.*?)```} $readme -> source
        set dir [tmpdir readme]
        set f [open [file join $dir hello.c] w]
        puts -nonewline $f $source
        close $f
        regexp -line {^    cc (.*)$} $readme -> arguments
        set arguments [string map [list -Iinclude "-I$kit::tree/include"] $arguments]
        exec sh -c "cd $dir && cc -Wall -Wextra -Werror $arguments" 2>@1
        exec {*}[lrange [kit::command_line $kit::binary - {}] 0 0] --check --loadmodule \
            [file join $dir hello.so] 2>@1
        r module load [file join $dir hello.so]
        r hello.echo "hi there"
    } "hi there"
}

test "README: every make target and test file it names is there" {
    set makefile [kit::read_file [file join $kit::tree Makefile]]
    foreach {all targets} [regexp -all -inline {make ((?:[a-z-]+ ?)+)} $readme] {
        foreach target $targets {
            if {[regexp "(^|\n)$target:" $makefile]} continue
            # Words of a sentence after `make x` are none of it.
            if {[string first "`make $target" $readme] >= 0} {fail "no target $target"}
        }
    }
    foreach {all file} [regexp -all -inline -- {--single (\S+?\.tcl)} $readme] {
        assert {[file exists [file join $kit::tree $file]]}
    }
}

test "README: the modules it lists are those of the tree" {
    set listed {}
    set table [string range $readme [string first "## What is there" $readme] end]
    foreach {all name} [regexp -all -inline -line {^\| ([a-z]+) \| } \
        [string range $table 0 [string first "**Not yet" $table]]] {lappend listed $name}
    set there {}
    foreach dir [glob -type d [file join $kit::tree modules *]] {lappend there [file tail $dir]}
    assert_equal [lsort [lsearch -all -inline -not $listed module]] [lsort $there] \
        "the table under \"What is there\""
}
