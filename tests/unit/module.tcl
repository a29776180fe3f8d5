# Modules: what is refused and why, what a refusal leaves behind, and how modules go.

set modules [file join [file dirname $kit::binary] tests modules]
# With STATIC=1 our own modules are part of the server and stay.
set linked [expr {![file exists [file join [file dirname $kit::binary] modules admin.so]]}]
set damaged [file normalize [tmpdir damaged]]
set refused "ERR Error loading the extension. Please check the server logs. "

# The error of MODULE LOAD without its first sentence and without the directory.
proc load_error {path args} {
    global refused modules
    if {![catch {r module load $path {*}$args} e]} {return "loaded"}
    if {![string match "$refused*" $e]} {return "unlike: $e"}
    return [string map [list $refused "" "$modules/" "" "$::damaged/" ""] $e]
}

# What a refused module must leave as it was; what the other modules do meanwhile is counted.
proc server_traces {} {
    regsub -all {,calls=\d+,errors=\d+,usec=\d+,bytes=\d+} [r info modules] "" modules
    list [r command count] [r config get *] [r module list] $modules \
        [string match "*# Bad*" [r info everything]] [r info keyspace] [r ping]
}

# A copy of a module, changed by a script that sees its bytes as `bytes`.
proc damaged {name from script} {
    upvar 1 bytes bytes
    set in [open $from rb]
    set bytes [read $in]
    close $in
    uplevel 1 $script
    set path [file join $::damaged $name]
    file delete $path
    set out [open $path wb 0755]
    puts -nonewline $out $bytes
    close $out
    return $path
}

proc byte_at {name offset value} {
    upvar 1 $name bytes
    set bytes [string replace $bytes $offset $offset [binary format c $value]]
}

start_server {tags {modules}} {
    set good [file join $modules bad-nothing_wrong.so]
    set before [server_traces]

    test "The module that the bad ones differ from loads, answers and goes" {
        assert_equal [r module load $good] OK
        assert_equal [r bad.hello] HELLO
        assert_equal [r config get bad-number] {bad-number 5}
        assert_match "*bad:1*" [r info bad]
        assert_equal [r module unload bad] OK
        assert_error "ERR unknown command*" {r bad.hello}
        assert_equal [server_traces] $before
    }

    # One line a module: the name after bad-, what the reason says.
    foreach {name reason} {
        abi            "*built for version 99*this server has version 1*"
        size_small     "*16 bytes*cannot be*"
        size_huge      "*1073741824 bytes*cannot be*"
        size_past      "*its constant is smaller than it says"
        size_newer_used "*fields that this server does not know*newer*"
        row_size       "*row size of .commands is 12*"
        symbol_none    "*exports no keel_module*"
        symbol_hidden  "*exports no keel_module*"
        symbol_function "*keel_module that is not a constant*"
        import         "*needs keel_*e, keel_*e, which this server does not have*"
        import_foreign "*undefined symbol: nobody_has_this*"
        name           "*'Bad Module'*a-z, 0-9*"
        name_long      "*1 to 63 of*"
        name_none      "*has no .name"
        name_pointer   "*has no .name"
        name_taken     "*module strings is already loaded, from *"
        version        "*module bad has no .version*"
        version_none   "*module bad has no .version*"
        summary        "*module bad has no .summary"
        self           "*module bad has no .self*"
        needs          "*module bad needs module nosuchmodule, which is not loaded*"
        row_empty      "*.gates is empty*"
        row_twice      "*row 3 of .commands (BAD.hello) has the name of row 1"
        row_taken      "*'get'*module 'strings' has a command of this name"
        row_both       "*'bad.both'*both KEEL_WRITE and KEEL_READONLY"
        row_summary    "*'bad.mute'*no .summary"
        row_handler    "*'bad.none'*no handler*"
        row_data       "*.call of row 3 of .commands (bad.data) does not point to a function"
        row_text       "*.tips of row 3 of .commands (bad.text) does not point to text"
        row_args       "*'bad.args'*column 5 of .args*not closed"
        row_flags      "*'bad.flags'*flags that this server does not know*"
        row_name       "*'bad name'*"
        row_keys       "*'bad.keys'*argument 7*"
        sub_twice      "*row 3 of .subcommands (one) has the name of row 1"
        sub_of_sub     "*row 3 of .subcommands (three) has subcommands of its own"
        setting_taken  "*'port'*already"
        setting_default "*'bad-other'*between 0 and 10*"
        setting_constant "*.var of row 2 of .configs (bad-other) does not point to a variable"
        event          "*row 2 of .hooks asks for event 999*"
        gate           "*row 2 of .gates (worse) has no .decide"
        type_taken     "*'string'*of module strings"
        type_twice     "*'badtype'*"
        type_free      "*'othertype' has no .free"
        type_pointer   "*pointer 2 of .types*"
        interface      "*interface worse has version 0"
        load_fails     "*: the moon is not full, and 2 is too many"
        load_silent    "*.load failed without a reason"
        load_posts     "*: it will be called back"
        load_keys      "*: it made keys"
    } {
        test "A bad module is refused with the reason and without a trace: $name" {
            assert_match "*bad-$name.so$reason" [load_error [file join $modules bad-$name.so] a b]
            assert_equal [server_traces] $before
        }
    }

    test "A module of a later header loads while it uses nothing that is new" {
        assert_equal [r module load [file join $modules bad-size_newer.so]] OK
        r module unload bad
    } OK

    test "What is not a regular file is refused and never waited for" {
        set dir $damaged
        exec mkfifo [file join $dir fifo.so]
        assert_match "missing.so cannot be opened: No such file*" [load_error $dir/missing.so]
        assert_match "*is a directory*" [load_error $dir]
        assert_match "fifo.so is not a regular file" [load_error $dir/fifo.so]
        assert_match "*is not a regular file" [load_error /dev/null]
        assert_match "*name or a path*" [load_error ""]
        assert_match "*name or a path*" [load_error "a\0b"]
        assert_match "*/modules/nosuch.so cannot be opened*" [load_error nosuch]
        assert_match "*name or a path*" [load_error [string repeat x 100000]]
    }

    test "What is not a shared object of this machine is refused" {
        set path [damaged empty.so $good {set bytes ""}]
        assert_match "empty.so is not a shared object: it has 0 bytes" [load_error $path]
        set path [damaged text.so $good {set bytes [string repeat "loadmodule me\n" 1000]}]
        assert_match "text.so is not a shared object: it does not begin as*" [load_error $path]
        set path [damaged machine.so $good {byte_at bytes 18 40; byte_at bytes 19 0}]
        assert_match "machine.so is for another machine: arm (40)*" [load_error $path]
        set path [damaged class.so $good {byte_at bytes 4 1}]
        assert_match "class.so is for another word size*" [load_error $path]
        set path [damaged order.so $good {byte_at bytes 5 2}]
        assert_match "order.so is for the other byte order" [load_error $path]
        set path [damaged program.so $good {byte_at bytes 16 2}]
        assert_match "program.so is an ELF file of type 2, not a shared object*" [load_error $path]
        set path [damaged noexec.so $good {}]
        file attributes $path -permissions 0644
        assert_match "noexec.so does not have execute permissions" [load_error $path]
        assert_equal [server_traces] $before
    }

    test "A module that was cut is refused at every length" {
        set whole [file size $good]
        for {set n 0} {$n < $whole} {incr n 4096} {
            foreach length [list $n [expr {$n + 1}] [expr {$n + 2345}]] {
                if {$length >= $whole} continue
                set path [damaged cut.so $good {set bytes [string range $bytes 0 $length-1]}]
                assert_match "cut.so is *" [load_error $path] "cut to $length bytes"
            }
        }
        set path [damaged cut.so $good {set bytes [string range $bytes 0 end-1]}]
        assert_match "cut.so is cut short: *" [load_error $path]
        assert_equal [server_traces] $before
    }

    test "A module whose end a power cut left as zeros is refused" {
        set whole [file size $good]
        for {set n 4096} {$n < $whole} {incr n 4096} {
            set path [damaged zeros.so $good {
                set bytes [string range $bytes 0 $n-1][string repeat "\0" [expr {$whole - $n}]]
            }]
            assert_match "zeros.so is *" [load_error $path] "zeros from $n on"
        }
        assert_equal [server_traces] $before
    }

    test "Headers that point anywhere are refused" {
        foreach {what at size} {phoff 32 8 shoff 40 8 phnum 56 2 shnum 60 2 phentsize 54 2} {
            set path [damaged headers.so $good {
                for {set i 0} {$i < $size} {incr i} {byte_at bytes [expr {$at + $i}] 0x7e}
            }]
            assert_match "headers.so*" [load_error $path] $what
            assert_not_equal [load_error $path] loaded $what
        }
        # Every program header in turn: its offset, address, and sizes.
        for {set i 0} {$i < 8} {incr i} {
            foreach field {8 16 32 40} {
                set path [damaged headers.so $good {
                    for {set k 0} {$k < 6} {incr k} {
                        byte_at bytes [expr {64 + 56 * $i + $field + $k}] 0x5a
                    }
                }]
                set why [load_error $path]
                if {$why eq "loaded"} {r module unload bad} else {assert_match "headers.so*" $why}
            }
        }
        assert_equal [server_traces] $before
    }

    test "Refused modules leave no memory behind" {
        set names {abi needs row_twice row_keys type_taken setting_default gate load_fails load_posts}
        foreach round {1 2 3 4} {
            foreach name $names {load_error [file join $modules bad-$name.so]}
            r ping
            set used($round) [s used_memory]
        }
        assert_lessthan_equal [expr {abs($used(4) - $used(2))}] 2048
    }

    test "A module that forgets memory when its load fails is told on" {
        if {[string match "*san-address*" $kit::binary]} {skip_test "AddressSanitizer would tell too"}
        assert_match "*: it forgot something" [load_error [file join $modules bad-load_leaks.so]]
        verify_log_message 0 "*Module bad left * bytes behind*" 0
    }
}

start_server {tags {modules}} {
    test "A module that leaves a timer when its load fails stays mapped, and is told on" {
        foreach round {1 2} {
            assert_match "*: it ticks" [load_error [file join $modules bad-load_timer.so]]
            after 20
        }
        verify_log_message 0 "*Module bad stays mapped though its load failed: the module holds timer*" 0
        r ping
    } PONG
}

start_server {tags {modules}} {
    set holder [file join $modules holder.so]

    test "MODULE LIST gives name, version, path and arguments in load order" {
        r module load $holder one "two words"
        lindex [r module list] end
    } "name holder ver 10203 path $holder args {one {two words}}"

    test "MODULE LIST and INFO modules name every module of modules.conf" {
        set names {}
        foreach entry [r module list] {lappend names [dict get $entry name]}
        foreach name $names {assert_match "*module:name=$name,ver=*,api=1,filters=0,*" [r info modules]}
        expr {"strings" in $names && "admin" in $names}
    } 1

    test "MODULE LIST is made of maps in RESP3" {
        r hello 3
        set entry [lindex [r module list] 0]
        r hello 2
        lsort [dict keys $entry]
    } {args name path ver}

    test "A module is loaded once, whatever path leads to it" {
        set copy [damaged copy.so $holder {}]
        assert_match "holder.so: module holder is already loaded, from holder.so*" \
            [load_error $holder]
        assert_match "copy.so: module holder is already loaded, from holder.so*" [load_error $copy]
        assert_match "*holder is already loaded*" \
            [load_error [file join $modules .. modules holder.so]]
    }

    test "MODULE UNLOAD of a name that is not there" {
        assert_error "ERR Error unloading module: no such module with that name" {r module unload nosuch}
        assert_error "ERR Error unloading module: no such module with that name" {r module unload ""}
        if {$linked} {skip_test "admin is linked in"}
        assert_error "ERR Error unloading module: the module runs the command that asks for it" \
            {r module unload admin}
    }

    test "A module stays while others need it, and INFO says who" {
        r module load [file join $modules needer.so]
        assert_match {*name=needer,ver=30000,api=1,filters=0,usedby=\[],using=\[strings|holder],*} \
            [r info modules]
        assert_match {*name=holder,ver=10203,api=1,filters=0,usedby=\[needer],using=\[],*} \
            [r info modules]
        assert_error "ERR Error unloading module: the module exports APIs used by other modules.\
            Please unload them first and try again (needer)" {r module unload holder}
        r module unload needer
    } OK

    test "A module stays while it holds a timer" {
        assert_equal [r hold.timer] HELD
        assert_error "ERR Error unloading module: the module holds timer that is not fired.\
            Please stop the timer or wait until it fires.*" {r module unload holder}
        assert_equal [r hold.timer] FREE
    }

    test "A module stays while it watches a descriptor" {
        assert_equal [r hold.watch] HELD
        assert_error "ERR Error unloading module: the module watches 1 descriptors*" {
            r module unload holder
        }
        assert_equal [r hold.watch] FREE
    }

    test "A module stays while a key has a value of its type" {
        r hold.key k
        assert_error "ERR Error unloading module: the module exports one or more module-side data\
            types, can't unload*1 keys*" {r module unload holder}
        assert_equal [r type k] heldvalue
        r del k
    } 1

    test "A module stays while a client is blocked by it" {
        set rd [redis_deferring_client]
        $rd hold.block q
        wait_for_blocked_client
        assert_error "ERR Error unloading module: the module has blocked clients. Please wait for\
            them to be unblocked and try again*" {r module unload holder}
        assert_equal [r hold.wake] 1
        assert_equal [$rd read] WOKEN
        $rd close
    }

    test "A module may refuse to go" {
        assert_equal [r hold.refuse] HELD
        assert_error "ERR Error unloading module: it does not want to" {r module unload holder}
        assert_equal [r hold.refuse] FREE
    }

    test "A module goes when it holds nothing any more, and comes back as new" {
        r hold.post 3
        assert_equal [r hold.post 0] 3
        assert_equal [r module unload holder] OK
        assert_error "ERR unknown command 'hold.post'*" {r hold.post 1}
        r module load $holder
        r hold.post 0
    } 0

    test "Callbacks that are posted when a module goes still find its code" {
        set rd [redis_deferring_client]
        $rd hold.post 1000
        $rd module unload holder
        $rd hold.post 1
        $rd ping
        $rd flush
        assert_equal [$rd read] 0
        assert_equal [$rd read] OK
        assert_error "ERR unknown command 'hold.post'*" {$rd read}
        assert_equal [$rd read] PONG
        $rd close
        r ping
    } PONG

    test "Commands that a pipeline loads and unloads are known and unknown at once" {
        set rd [redis_deferring_client]
        foreach command [list "use.seen" "module load $modules/user.so" "use.seen" "module unload user" "use.seen"] {
            $rd {*}$command
        }
        assert_error "ERR unknown command 'use.seen'*" {$rd read}
        assert_equal [$rd read] OK
        $rd read
        assert_equal [$rd read] OK
        assert_error "ERR unknown command 'use.seen'*" {$rd read}
        $rd close
        assert_no_match "*cmd=use.seen*" [r client list]
    }

    test "An interface is found by name and version" {
        r module load $modules/user.so
        assert_equal [r use.add 100 1 2] {}
        r module load $holder
        assert_equal [r use.add 100 1 2] 3
        assert_equal [r use.add 102 1 2] 3
        assert_equal [r use.add 103 1 2] {}
        assert_equal [r use.add 200 1 2] {}
        r module unload holder
        r use.add 100 1 2
    } {}

    test "Modules hear of those that come and go" {
        r use.seen
        r module load $holder
        load_error [file join $modules bad-needs.so]
        r module unload holder
        r use.seen
    } "+holder 1.2.3-holder 1.2.3"
}

start_server {tags {modules}} {
    test "MODULE LOADEX gives settings their values" {
        if {$linked} {skip_test "example is linked in"}
        r module loadex example CONFIG example-step 7 ARGS 3
        assert_equal [r config get example-step] {example-step 7}
        assert_equal [r example.times] 3
        r module unload example
        r config get example-step
    } {}

    test "MODULE LOADEX refuses settings that are not the module's, and bad values" {
        if {$linked} {skip_test "example is linked in"}
        foreach {words reason} {
            {CONFIG port 1} "*it has no setting 'port'"
            {CONFIG nosuch 1} "*it has no setting 'nosuch'"
            {CONFIG example-step 0} "*between 1 and 1000000*"
            {CONFIG example-step} "CONFIG specified without name value pair"
            {FOO} "*around 'FOO'"
            {CONFIG example-step 2 BAR} "*around 'BAR'"
            {CONFIG example-step 2 ARGS x} "*its argument 'x' is not a count"
        } {
            catch {r module loadex example {*}$words} e
            assert_match "${refused}$reason" $e $words
        }
        assert_equal [r config get example-step] {}
        r module loadex example
        r config get example-step
    } {example-step 1}

    test "Arguments reach the module as they were sent" {
        if {$linked} {skip_test "example is linked in"}
        r module unload example
        assert_match "*its argument 'a b\"' is not a count" [load_error example "a b\""]
        assert_match "*one argument at most, not 3" [load_error example 1 2 3]
    }

    test "An object of a foreign kind needs a loader" {
        assert_match "toy.so exports no keel_module*" [load_error $modules/toy.so]
        r module load $modules/toyloader.so
        r module load $modules/toy.so
        assert_equal [r ball.hello] "I roll"
        assert_match "*name ball ver 100 path *toy.so args*" [r module list]
        assert_error "*APIs used by other modules*(ball)" {r module unload toyloader}
        assert_equal [r module unload ball] OK
        assert_error "ERR unknown command 'ball.hello'*" {r ball.hello}
        r module unload toyloader
    } OK

    test "A foreign object that its loader or the host refuses leaves no trace" {
        r module load $modules/toyloader.so
        set before [server_traces]
        foreach {says reason} {
            "!I am broken" "toy.so: the toy says: I am broken"
            "?" "toy.so: the loader toys made no module of it"
            "no" "toy.so: the name '' is not*"
            "Ball=x rolls" "toy.so: the name 'Ball=x' is not*"
            "strings attached" "toy.so: module strings is already loaded*"
        } {
            assert_match $reason [load_error $modules/toy.so $says]
            assert_equal [server_traces] $before
        }
        assert_match "*already loaded by module toyloader*" \
            [load_error [damaged other.so $modules/toyloader.so {
                # The same under another name, as long.
                set bytes [string map [list "toyloader\0" "toyl0ader\0"] $bytes]
            }]]
    }

    test "A loader may refuse to let its module go" {
        r module load $modules/toy.so "glue sticks"
        assert_error "*glue does not come off" {r module unload glue}
        r glue.hello
    } sticks
}

start_server {overrides {enable-module-command no} tags {modules}} {
    test "MODULE LOAD and UNLOAD are off unless enable-module-command allows them" {
        foreach command {{load example} {loadex example} {unload strings}} {
            assert_error "ERR MODULE command not allowed. If the enable-module-command option is set\
                to \"local\", you can run it from a local connection, otherwise you need to set\
                this option in the configuration file, and then restart the server." {
                r module {*}$command
            }
        }
        assert_error "*wrong number of arguments for 'module|load' command" {r module load}
        assert_error "*can't set immutable config" {r config set enable-module-command yes}
        llength [r module help]
    } 15

    test "MODULE LIST is always there" {
        expr {[llength [r module list]] > 3}
    } 1
}

start_server {overrides {enable-debug-command no} tags {modules}} {
    test "DEBUG is off unless enable-debug-command allows it" {
        assert_error "ERR DEBUG command not allowed. If the enable-debug-command option is set to\
            \"local\", you can run it from a local connection, otherwise you need to set this\
            option in the configuration file, and then restart the server." {r debug sleep 0}
        assert_error "ERR DEBUG command not allowed.*" {r debug nosuch}
        r module load example
    } OK
}

start_server {overrides {enable-debug-command local} tags {modules}} {
    test "With enable-debug-command local, clients of this machine may use DEBUG" {
        r debug sleep 0
    } OK
}

start_server {overrides {enable-module-command local} tags {modules}} {
    test "With enable-module-command local, clients of this machine may load modules" {
        r module load example
    } OK
}

# --- at start ---

# Starts a server that is expected to end by itself: its exit code and what it printed.
proc run_to_end args {
    set code [catch {exec -ignorestderr $kit::binary {*}$args 2>@1} text options]
    return [list [expr {$code ? [lindex [dict get $options -errorcode] 2] : 0}] $text]
}

proc conf_file {name text} {
    set path [file join [tmpdir conf] $name]
    set out [open $path w]
    puts $out $text
    close $out
    return $path
}

tags {modules} {
    test "A module of modules.conf that cannot be loaded ends the start and is named" {
        lassign [run_to_end --port 0 --modules [conf_file modules.conf "loadmodule nosuch"]] code text
        assert_equal $code 1
        assert_match "*Module nosuch failed to load: */modules/nosuch.so cannot be opened*" $text
        assert_match "*Can't load module from nosuch: server aborting*" $text
    }

    test "A module that comes too early is told so with both names" {
        lassign [run_to_end --port 0 --modules [conf_file early.conf \
            "loadmodule example\n# later\n  loadmodule \"strings\"  "]] code text
        assert_equal $code 1
        assert_match "*module example needs module strings*put its loadmodule line first*" $text
    }

    test "Mistakes in modules.conf are told with file and line" {
        foreach {text reason} {
            "loadmodule strings\n\nport 1" ":3: port 1: only 'loadmodule NAME-or-PATH"
            "loadmodule \"strings" ":1: loadmodule \"strings: its quotes are not balanced"
            "  loadmodule" ":1: loadmodule: loadmodule wants a module's name or path"
        } {
            lassign [run_to_end --port 0 --modules [conf_file wrong.conf $text]] code printed
            assert_equal $code 1
            assert_match "*wrong.conf$reason*" $printed
        }
        lassign [run_to_end --port 0 --modules /nosuch/modules.conf] code printed
        assert_equal $code 1
        assert_match "*/nosuch/modules.conf*No such file*" $printed
    }

    test "--check tries every module, tells of each, and ends" {
        lassign [run_to_end --check] code text
        assert_equal $code 0
        assert_match "*strings 1.0.0: ok, * commands, 1 types*" $text
        lassign [run_to_end --check --modules [conf_file check.conf \
            "loadmodule nosuch\nloadmodule strings\nloadmodule $modules/bad-abi.so"]] code text
        assert_equal $code 1
        assert_match "*nosuch: */nosuch.so cannot be opened*" $text
        assert_match "*strings 1.0.0: ok*" $text
        assert_match "*bad-abi.so: *version 99*" $text
    }
}

start_server {overrides {loadmodule "example 9"} tags {modules}} {
    test "loadmodule lines of the configuration come after modules.conf" {
        assert_equal [dict get [lindex [r module list] end] name] example
        r example.times
    } 9
}

start_server {overrides {loadmodule "example 9"} tags {modules}} {
    test "CONFIG REWRITE keeps, adds and removes loadmodule lines" {
        r module loadex [file join $modules holder.so] ARGS one "two \"words\"\n"
        r config rewrite
        restart_server 0 true false
        assert_equal [dict get [lindex [r module list] end] args] "one {two \"words\"\n}"
        assert_equal [r example.times] 9
        r module unload holder
        r config rewrite
        restart_server 0 true false
        lassign [lrange [r module list] end-1 end] one two
        list [dict get $one name] [dict get $two name]
    } {redismodule example}
}
