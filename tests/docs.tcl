# docs.tcl - the reference of the native API, from its headers: `make docs`.
#
#   tclsh tests/docs.tcl [HEADER ...] > reference.md
#
# The headers are the reference; this only puts them in order of keel.h and sets declarations apart
# from what is said of them. A comment that begins in the first column belongs to the declaration
# that follows it, up to the next blank line; several declarations may share one.

set include [file join [file dirname [file dirname [file normalize [info script]]]] include]

# The headers that keel.h includes, base.h first.
proc headers_in_order {} {
    global include
    set in [open [file join $include keel.h]]
    set order {}
    foreach {all name} [regexp -all -inline -line {^#include <keel/([a-z_]+\.h)>} [read $in]] {
        lappend order [file join $include keel $name]
    }
    close $in
    return $order
}

# A header as a list of paragraphs: {comment COMMENT code CODE}, each a list of lines.
proc paragraphs path {
    set in [open $path]
    set lines [split [string trimright [read $in]] \n]
    close $in
    set found {}
    set comment {}
    set code {}
    set inside 0
    set depth 0
    set foreign 0
    foreach line $lines {
        if {$inside || ($depth == 0 && [string match "/\\**" $line])} {
            # The next comment after code begins the next paragraph.
            if {!$inside && [llength $code]} {
                lappend found [dict create comment $comment code $code]
                set comment {}
                set code {}
            }
            lappend comment [comment_text $line]
            set inside [expr {![string match "*\\*/*" $line]}]
            continue
        }
        if {[string trim $line] eq "" && $depth == 0} {
            if {[llength $comment] || [llength $code]} {
                lappend found [dict create comment $comment code $code]
            }
            set comment {}
            set code {}
            continue
        }
        if {[regexp {^#\s*ifdef __cplusplus} $line]} {set foreign 1}
        if {[regexp {^#\s*(ifndef|endif|include|ifdef)} $line]} {
            if {[string match "#*endif*" $line]} {set foreign 0}
            continue
        }
        if {$foreign || [regexp {^#\s*define [A-Z_]+_H$} $line]} continue
        incr depth [expr {[regexp -all {\{} $line] - [regexp -all {\}} $line]}]
        lappend code $line
    }
    if {[llength $comment] || [llength $code]} {
        lappend found [dict create comment $comment code $code]
    }
    return $found
}

# A line of a comment without the signs that make it one.
proc comment_text line {
    regsub {^/\*+ ?} $line "" line
    regsub {\s*\*/\s*$} $line "" line
    regsub {^ \* ?} $line "" line
    return $line
}

# What a declaration declares, as far as a heading needs it: functions, types, enumerations.
proc names_in code {
    set text [join $code \n]
    set names {}
    foreach pattern {
        {^(?:KEEL_API|static inline)[^(]*\m(keel_[a-z0-9_]+)\(}
        {^(?:typedef )?(?:struct|enum|union) (Keel[A-Za-z]+) \{}
        {^typedef [^;\{]*\m(Keel[A-Za-z]+)(?:\(|;)}
        {^#define (KEEL_[A-Z0-9_]+)}
    } {
        foreach {all name} [regexp -all -inline -line $pattern $text] {
            if {$name ni $names} {lappend names $name}
        }
    }
    return $names
}

proc print_header path {
    set first 1
    foreach paragraph [paragraphs $path] {
        set comment [dict get $paragraph comment]
        set code [dict get $paragraph code]
        if {$first} {
            # "keel/key.h - one key at a time: ..." heads the chapter.
            set end [lsearch -regexp $comment {\.$}]
            puts "\n## [string trimright [join [lrange $comment 0 $end]] .]\n"
            set rest [string trim [join [lrange $comment $end+1 end] \n]]
            if {$rest ne ""} {puts $rest\n}
            set first 0
            if {![llength $code]} continue
            set comment {}
        }
        set names [names_in $code]
        if {[llength $names]} {puts "### [join $names {, }]\n"}
        if {[llength $comment]} {puts [join $comment \n]\n}
        if {[llength $code]} {puts "```c\n[join $code \n]\n```\n"}
    }
}

set headers $argv
if {![llength $headers]} {
    puts "# The native API of Keel"
    set headers [concat [list [file join $include keel.h]] [headers_in_order]]
}
foreach path $headers {print_header $path}
