# util.tcl - random values, lists, and small helpers of suites written for Redis.

proc randomInt max {
    return [expr {int(rand() * $max)}]
}

proc randomSignedInt max {
    set i [randomInt $max]
    return [expr {rand() > 0.5 ? -$i : $i}]
}

# Evaluates one of the scripts, chosen at random, in the caller.
proc randpath args {
    uplevel 1 [lindex $args [randomInt [llength $args]]]
}

# A random string of `min` to `max` characters: binary, alpha (printable ASCII), compr (digits,
# which compress well) or simplealpha (letters and digits).
proc randstring {min max {type binary}} {
    set length [expr {$min + int(rand() * ($max - $min + 1))}]
    set out ""
    switch -exact -- $type {
        binary {set low 0; set high 255}
        alpha {set low 48; set high 122}
        simplealpha {
            set chars abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
            while {[incr length -1] >= 0} {append out [string index $chars [randomInt 62]]}
            return $out
        }
        compr {set low 48; set high 52}
        default {error "no such kind of random string: $type"}
    }
    set span [expr {$high - $low + 1}]
    while {[incr length -1] >= 0} {
        set char [format %c [expr {$low + int(rand() * $span)}]]
        # A backslash in a test's value would be substituted where suites use eval.
        if {$type eq "alpha" && $char eq "\\"} {set char 0}
        append out $char
    }
    return $out
}

proc randomValue {} {
    randpath {
        randomSignedInt 100
    } {
        randomSignedInt 2000000000
    } {
        randomSignedInt 1000000000000
    } {
        randpath {randstring 0 256 alpha} {randstring 0 256 compr} {randstring 0 256 binary}
    }
}

proc randomKey {} {
    randpath {
        randomInt 1000
    } {
        randomInt 2000000000
    } {
        randpath {randstring 1 256 alpha} {randstring 1 256 compr}
    }
}

proc lshuffle list {
    for {set i [llength $list]} {$i > 1} {} {
        set j [randomInt $i]
        incr i -1
        set kept [lindex $list $i]
        lset list $i [lindex $list $j]
        lset list $j $kept
    }
    return $list
}

proc lrandom_remove {name} {
    upvar 1 $name list
    set i [randomInt [llength $list]]
    set element [lindex $list $i]
    set list [lreplace $list $i $i]
    return $element
}

# The pairs {score element} in the order of a sorted set: by score, then by bytes.
proc zlistAlikeSort {a b} {
    if {[lindex $a 0] > [lindex $b 0]} {return 1}
    if {[lindex $a 0] < [lindex $b 0]} {return -1}
    return [string compare [lindex $a 1] [lindex $b 1]]
}

proc roundFloat value {
    return [format %.10g $value]
}

proc string2printable text {
    set out ""
    foreach char [split $text ""] {
        scan $char %c code
        if {$code >= 32 && $code < 127 && $char ni {\\ \"}} {append out $char; continue}
        append out [format \\x%02x $code]
    }
    return "\"$out\""
}

proc csvstring text {
    return "\"[string map {\" \"\"} $text]\""
}

proc lpop {name {count 1}} {
    upvar 1 $name list
    set head [lrange $list 0 [expr {$count - 1}]]
    set list [lrange $list $count end]
    return [expr {$count == 1 ? [lindex $head 0] : $head}]
}

# Milliseconds that a script takes.
proc elapsed_ms script {
    set start [clock milliseconds]
    uplevel 1 $script
    return [expr {[clock milliseconds] - $start}]
}

# Keys key:0 ... of random bytes, over a pipeline.
proc populate {count {prefix key:} {size 3} {level 0} {reply_check false}} {
    set client [redis_deferring_client $level]
    set value [string repeat A $size]
    for {set sent 0} {$sent < $count} {} {
        set batch [expr {min(1000, $count - $sent)}]
        for {set i 0} {$i < $batch} {incr i} {
            $client write [redis::encode [list set $prefix$sent $value]]
            incr sent
        }
        $client flush
        for {set i 0} {$i < $batch} {incr i} {$client read}
    }
    $client close
}

# Deletes the lines of a file that match a glob.
proc delete_lines_with_pattern {path unused pattern} {
    set kept {}
    foreach line [split [kit::read_file $path] \n] {
        if {![string match $pattern $line]} {lappend kept $line}
    }
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f [join $kept \n]
    close $f
}

# A script that loads a server from beside the test: SETs of random keys for `seconds`.
# The result is a pid for stop_write_load.
proc start_write_load {host port seconds {key ""} {size 0} {sleep 0}} {
    set script {
        lassign $argv home host port seconds key size sleep
        source [file join $home kit client.tcl]
        set rd [redis $host $port 1]
        $rd select 9
        catch {$rd read}
        set deadline [expr {[clock milliseconds] + int($seconds * 1000)}]
        set value [string repeat A [expr {$size ? $size : 10}]]
        set window 0
        while {[clock milliseconds] < $deadline} {
            $rd set [expr {$key eq "" ? "load:[expr {int(rand() * 1000000)}]" : $key}] $value
            if {[incr window] > 100} {$rd read; incr window -1}
            if {$sleep} {after $sleep}
        }
    }
    set path [tmpfile write-load.tcl]
    set f [open $path w]
    puts $f "catch {$script}"
    close $f
    set words [list $::kit::home $host $port $seconds $key $size $sleep]
    set pid [exec [info nameofexecutable] $path {*}$words >/dev/null 2>/dev/null &]
    kit::adopt $pid
    return $pid
}

proc stop_write_load pid {
    kit::end_process $pid KILL
}

proc wait_load_handlers_disconnected {{level 0}} {
    wait_for_condition 50 100 {![string match "*name=LOAD_HANDLER*" [r $level client list]]} else {
        fail "load clients are still connected"
    }
}
