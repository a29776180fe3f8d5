# module_settings.tcl - settings that modules bring: every kind, in files, at run time, and gone.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

set module [file join [file dirname [file normalize $kit::binary]] tests modules settings.so]

proc value name {
    return [lindex [r config get $name] 1]
}

proc refused {name reason} {
    return "ERR CONFIG SET failed (possibly related to argument '$name') - $reason"
}

proc file_lines {} {
    return [split [string trimright [kit::read_file [srv config_file]] \n] \n]
}

start_server [list overrides [list loadmodule $module]] {
    test "Settings of modules have their defaults" {
        assert_equal [lsort -stride 2 [r config get testing.*]] [list \
            testing.flag yes testing.line {a 1 b 2} testing.maybe {} testing.memory 1024 \
            testing.mode 644 testing.number 4 testing.older-number 4 testing.refused 0 \
            testing.share 10% testing.text {some text} testing.word two testing.words {one two}]
    }

    test "Defaults are not applied" {r settings.log} {}

    test "A hidden setting is found by its name only" {
        assert_equal [r config get testing.hidden] {testing.hidden 1}
        r config get testing.hid*
    } {}

    foreach {name text shown} {
        flag no no                 flag YES yes
        number -10 -10             older-number 8 8
        memory 2mb 2097152         memory 0 0
        share 50% 50%              share 0% 0              share 2mb 2097152
        mode 0 0                   mode 0777 777
        word FOUR four             words four four         words "two four" "two four"
        words "one one" one        text "" ""              text "a  b" "a  b"
        maybe x x                  maybe "" ""
        line "x 1" "x 1"           line "" ""              line "c d e f" "c d e f"
    } {
        test "testing.$name takes '$text'" {
            assert_equal [r config set testing.$name $text] OK
            value testing.$name
        } $shown
    }

    foreach {name text reason} {
        flag 1          "argument must be 'yes' or 'no'"
        number 11       "argument must be between -10 and 10 inclusive"
        number 3        "odd numbers are not liked"
        older-number x  "argument couldn't be parsed into an integer"
        memory 1x       "argument must be a memory value"
        share 101%      "percentage argument must be less or equal to 100"
        share -1%       "argument must be a memory or percent value"
        share x%        "argument must be a memory or percent value"
        share 5x        "argument must be a memory or percent value"
        mode 888        "argument couldn't be parsed as an octal number"
        mode 1777       "argument must be between 0 and 777 inclusive"
        word three      "argument(s) must be one of the following: one, two, four"
        word "one two"  "argument(s) must be one of the following: one, two, four"
        words "one six" "argument(s) must be one of the following: one, two, four"
        line "a b c"    "3 words are not pairs"
        refused 13      "13 brings bad luck"
    } {
        test "testing.$name refuses '$text'" {
            set before [value testing.$name]
            catch {r config set testing.$name $text} error
            assert_equal $error [refused testing.$name $reason]
            assert_equal [value testing.$name] $before
        }
    }

    test "A function is applied once for all of its settings" {
        r settings.log
        r config set testing.number 2 testing.line "a b" testing.refused 5
        r settings.log
    } {testing.number:set testing.refused:set}

    test "When one cannot be put to use, all are put back and applied again" {
        r settings.log
        assert_error [refused testing.refused *] {
            r config set testing.number 6 testing.text new testing.refused 13
        }
        assert_equal [r config get testing.number testing.text testing.refused] \
            {testing.number 2 testing.text {a  b} testing.refused 5}
        r settings.log
    } {testing.number:set testing.number:set testing.refused:set}

    test "The same setting by both of its names counts as two" {
        r config set testing.number 6 testing.older-number 8
        value testing.number
    } 8

    test "CONFIG REWRITE writes them, and they are read again" {
        r config set testing.flag no testing.number -2 testing.memory 3mb testing.share 7%
        r config set testing.mode 600 testing.word one testing.words "one four"
        r config set testing.text "a \"quoted\" word" testing.maybe "x y" testing.line "k v l w"
        r config rewrite
        foreach line {
            {testing.flag no} {testing.number -2} {testing.memory 3mb} {testing.share 7%}
            {testing.mode 600} {testing.word one} {testing.words one four}
            {testing.text "a \"quoted\" word"} {testing.maybe "x y"}
            {testing.line k v} {testing.line l w}
        } {
            assert_equal 1 [llength [lsearch -all -exact [file_lines] $line]] $line
        }
        set before [lsort -stride 2 [r config get testing.*]]
        restart_server 0 true false
        assert_equal [lsort -stride 2 [r config get testing.*]] $before
    }

    test "Values of the file are applied once everything is loaded" {
        r settings.log
    } {testing.line:start testing.refused:start}

    test "An empty list and an unset text are written so that they stay so" {
        r config set testing.line "" testing.maybe ""
        r config rewrite
        assert_equal [lsearch -glob [file_lines] "testing.maybe*"] -1
        restart_server 0 true false
        assert_equal [value testing.line] ""
        value testing.maybe
    } {}

    test "A line by its older name is rewritten under the newer one" {
        set f [open [srv config_file] a]
        puts $f "testing.older-number 6"
        close $f
        restart_server 0 true false
        assert_equal [value testing.number] 6
        r config rewrite
        assert_equal [lsearch -glob [file_lines] "testing.older-number*"] -1
        lsearch -all -inline -glob [file_lines] "testing.number*"
    } {{testing.number 6}}

    test "An unloaded module takes its settings along, a loaded one brings them again" {
        r module unload settings
        assert_equal [r config get testing.*] {}
        assert_error "*Unknown option*'testing.flag'" {r config set testing.flag no}
        r module load $module
        value testing.flag
    } yes

    test "MODULE LOADEX gives values, and refuses names that the module does not have" {
        r module unload settings
        assert_error * {r module loadex $module CONFIG testing.nosuch 1}
        assert_equal [r config get testing.*] {}
        r module loadex $module CONFIG testing.number 6 CONFIG testing.text "x y"
        assert_equal [value testing.number] 6
        value testing.text
    } {x y}

    test "What a refused MODULE LOADEX brought does not linger" {
        r module unload settings
        assert_error * {r module loadex $module CONFIG testing.number 6 CONFIG testing.nosuch 1}
        assert_error * {r module loadex $module CONFIG testing.number 7}
        r module load $module
        value testing.number
    } 4
}

start_server [list overrides [list loadmodule $module] config_lines {
    testing.line {x 1} testing.line {y 2} testing.number 6 testing.words {two four}
}] {
    test "Lines that add up, and lists, come from files" {
        assert_equal [value testing.line] "x 1 y 2"
        assert_equal [value testing.words] "two four"
        r settings.log
    } {testing.line:start}
}

start_server [list overrides [list loadmodule $module] config_lines {
    testing.line {x 1} testing.line {""} testing.line {"p q"} testing.line {r s}
}] {
    test "An empty line starts over, a quoted list is a list" {value testing.line} {p q r s}
}

foreach {line reason} {
    {testing.number 11}  {argument must be between -10 and 10 inclusive}
    {testing.number 3}   {odd numbers are not liked}
    {testing.number 1 2} {wrong number of arguments}
    {testing.line a b c} {3 words are not pairs}
    {testing.nosuch 1}   {Bad directive or wrong number of arguments}
    {testing.refused 13} {13 brings bad luck}
} {
    test "'$line' in a file ends the start with its reason" {
        assert_error "*FATAL CONFIG FILE ERROR*$reason*" {
            start_server [list overrides [list loadmodule $::module] \
                config_lines [list [lindex $line 0] [lrange $line 1 end]]] {}
        }
    }
}
