# rm_wait.tcl - what waits in modules of the Redis ABI: promises of calls that block, sign-ins, background
# work and its time, threads, jobs after notifications.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]

proc journal commands {
    r chronicle.journal
    foreach command $commands {catch {r {*}$command}}
    r chronicle.journal
}

# What a command answers that waits until the code has run.
proc deferred {command code} {
    set fd [redis_deferring_client]
    $fd {*}$command
    wait_for_blocked_clients_count 1
    uplevel 1 $code
    set reply [$fd read]
    $fd close
    return $reply
}

proc heard pattern {
    set all ""
    wait_for_condition 100 20 {[string match $pattern [append all [r wait.heard]]]} else {
        fail "heard '$all' only"
    }
    return $all
}

start_server [list tags {rm} overrides [list loadmodule [test_module chronicle]] \
        args [list --loadmodule [test_module rm_wait] --enable-module-command yes]] {
    test "a call that need not wait has its reply at once" {
        r rpush l a
        list [r wait.call reply ! blpop l 0] [r wait.call reply "" get nosuch] [r exists l]
    } {{l a} {} 0}
    test "a call that waits is a promise, and its handler gets the answer" {
        set other [redis_deferring_client]
        $other wait.call reply ! blpop l 0
        wait_for_blocked_clients_count 1
        r rpush l x y
        list [$other read] [r lrange l 0 -1]
    } {{l x} y}
    test "what a promise changes is recorded when it says so" {
        r del l
        set other2 [redis_deferring_client]
        $other wait.call reply ! blpop l 0
        $other2 wait.call reply "" blpop l2 0
        wait_for_blocked_clients_count 2
        set records [journal {{rpush l a} {rpush l2 b}}]
        list $records [$other read] [$other2 read]
    } {{{9 rpush l a} {9 LPOP l} {9 rpush l2 b}} {l a} {l2 b}}
    test "a promise outlives who made it, and its reply" {
        assert_equal {1 0 {} {}} [r wait.call note "" blpop later 0]
        assert_equal {1 0 {} {}} [r wait.call auto "" blpop later 0]
        assert_equal {1 0 {} {}} [r wait.call forget "" blpop later 0]
        assert_equal 0 [s blocked_clients]
        $other close
        $other2 close
        assert_equal {{9 rpush later 1 2 3} {9 incr answers} {9 incr answers}} \
            [journal {{rpush later 1 2 3}}]
        assert_equal [r wait.heard] "\[noted 3 db9 *2\r\n\$5\r\nlater\r\n\$1\r\n1]\[noted 3 db9\
            *2\r\n\$5\r\nlater\r\n\$1\r\n2]"
        list [r get answers] [r exists later]
    } {2 0}
    test "a promise that is given up is over" {
        assert_equal {1 0 0 1} [r wait.call abort "" blpop later 0]
        assert_equal {1 0 {} {}} [r wait.call keep "" blpop later 0]
        assert_equal 0 [r wait.abort]
        r rpush later 1
        assert_equal {} [r wait.heard]
        r del later
        r wait.call keep "" blpop later 0
        r rpush later 1
        list [r wait.abort] [r del later]
    } {1 0}
    test "a call that waits has its time-out" {
        r wait.call note "" blpop never 0.05
        heard "*noted 4 *"
    }
    test "a call of a module's command that waits, and one of a thread" {
        assert_equal woken [deferred {wait.call reply "" wait.idle} {r wait.wake}]
        deferred {wait.thread-call} {r rpush threaded t}
    } {threaded t}
    test "a module with promises is not unloaded" {
        r wait.call note "" blpop later 0
        assert_error "*blocked clients*" {r module unload rm_wait}
        set answers [r get answers]
        r rpush later 1
        heard "*noted*"
        expr {[r get answers] - $answers}
    } 1
    test "work in the background counts as the command's time" {
        r config resetstat
        r config set slowlog-log-slower-than 50000
        r slowlog reset
        assert_equal worked [r wait.work 0]
        regexp {cmdstat_wait.work:calls=1,usec=(\d+)} [r info commandstats] - usec
        assert_range $usec 60000 115000
        r config set slowlog-log-slower-than 10000
        assert_equal wait.work [lindex [r slowlog get] 0 3 0]
        assert_equal LATE [r wait.work 20]
        heard "*freed worked*freed worked*"
        r wait.data
    } carried
    test "CLIENT UNBLOCK leaves alone whose work must come to an end" {
        set other [redis_deferring_client]
        $other client id
        set id [$other read]
        $other wait.idle
        wait_for_blocked_clients_count 1
        assert_equal 0 [r client unblock $id]
        $other close
        heard "*gone 1*"
        r wait.wake
    } 0
    test "a thread without a client takes the lock when it is free, and chooses where its writes go" {
        r chronicle.journal
        r wait.lock
        heard "*tried 0*"
        wait_for_log_messages 0 {"*the thread is done, refused: 1*"} 0 20 50
        r chronicle.journal
    } {MULTI {0 incr tried} {0 set tried:a 1} {0 set tried:r 1} EXEC}
    test "jobs after notifications stand in the transaction of their command" {
        set records {}
        lappend records [journal {{set job:a 1}}]
        lappend records [journal {{multi} {set job:b 1} {set c 1} {incr job:b} {exec}}]
        lappend records [journal {{eval_no_such} {set plain 1}}]
        list $records [r wait.heard] [r llen jobs]
    } {{{MULTI {9 set job:a 1} {9 rpush jobs set-job:a} EXEC} {MULTI {9 set job:b 1} {9 set c 1} {9 incr job:b} {9 rpush jobs set-job:b} {9 rpush jobs incrby-job:b} EXEC} {{9 set plain 1}}} {[job set-job:a][job set-job:b][job incrby-job:b]} 3}
    test "jobs run when nobody's command caused them, and when a command blocks" {
        r set job:gone 1 px 20
        heard "*job set-job:gone*job expire-job:gone*job expired-job:gone*"
        r set job:late 1 px 1
        after 20
        r debug set-active-expire 0
        set other [redis_deferring_client]
        $other blpop job:late other 0
        wait_for_blocked_clients_count 1
        heard "*"
        r rpush other x
        assert_equal {other x} [$other read]
        $other close
        r debug set-active-expire 1
    } OK
    test "clients are paused, and modules know" {
        assert_equal 0 [r wait.avoid]
        r client pause 5000 write
        assert_equal 1 [r wait.avoid]
        r client unpause
        r wait.avoid
    } 0
    test "filters know whose command it is" {
        assert_equal [r @me] [r client id]
    }
}

# Who signs in is known later.
start_server [list tags {rm} args [list --loadmodule [test_module rm_wait] --requirepass secret]] {
    r auth secret
    r wait.heard
    test "a module that must think decides later" {
        foreach {who result} {slow-yes OK slow-no "DENIED after thinking"
                slow-other "WRONGPASS invalid username-password pair or user is disabled."
                slow-twice "WRONGPASS invalid username-password pair or user is disabled."} {
            set other [redis_client]
            catch {$other auth $who x} reply
            assert_equal $result $reply
            assert_equal [expr {$result eq "OK" ? "PONG" : "NOAUTH Authentication required."}] \
                [expr {[catch {$other ping} reply] ? $reply : $reply}]
            $other close
        }
        set thoughts [heard [string repeat "*freed thought*" 5]]
        regsub -all {\[freed thought\]} $thoughts "" thoughts
        assert_equal $thoughts "\[asked slow-yes thought]\[asked slow-no thought]\[asked slow-other\
            thought]\[older slow-other]\[asked slow-twice thought]\[older slow-twice]\[asked slow-twice\
            thought]"
    }
    test "HELLO waits for it, too" {
        set other [redis_client]
        assert_error "DENIED*" {$other hello 3 auth slow-no x}
        assert_error "NOAUTH*" {$other ping}
        assert_equal 2 [dict get [$other hello 2 auth slow-yes x setname joe] proto]
        assert_equal joe [$other client getname]
        $other close
    }
    test "the default user's password counts when modules leave it" {
        set other [redis_client]
        assert_equal OK [$other auth secret]
        assert_equal OK [$other auth default secret]
        assert_error "WRONGPASS*" {$other auth default wrong}
        $other multi
        $other auth slow-yes x
        assert_error "*Blocking module command called from transaction*" {$other exec}
        $other close
    }
    test "a client that goes while others think" {
        set other [redis_deferring_client]
        r wait.heard
        $other auth slow-yes x
        $other close
        heard "*freed thought*"
        assert_error "*not currently undergoing*" {r wait.auth}
        r ping
    } PONG
}

# Long commands with breaks.
start_server [list tags {rm} args [list --loadmodule [test_module rm_wait] --busy-reply-threshold 20 \
        --lua-time-limit 20]] {
    # Replies of a client while another one's command takes long.
    proc meanwhile {flags text commands} {
        set long [redis_deferring_client]
        set other [redis_client]
        $other ping
        $long wait.yield $flags 1000 {*}$text
        $long ping
        after 100
        set replies {}
        foreach command $commands {
            catch {$other {*}$command} reply
            lappend replies $reply
        }
        lappend replies [$long read] [$long read]
        $long close
        $other close
        return $replies
    }
    test "others are told that the server is busy" {
        meanwhile 2 {} {{get a} {set a 1} ping {config get x} {multi} {discard}}
    } {{BUSY Redis is busy running a module command.} {BUSY Redis is busy running a module command.} {BUSY Redis is busy running a module command.} {BUSY Redis is busy running a module command.} OK OK 1000 PONG}
    test "the module chooses the words" {
        meanwhile 2 {{digging a hole}} {{get a} {hello 2}}
    } {{BUSY digging a hole} {*} {digging a hole} PONG}
    test "without clients being served they wait" {
        set start [clock milliseconds]
        set replies [meanwhile 1 {} {{set a 1} {get a}}]
        assert_morethan [expr {[clock milliseconds] - $start}] 900
        set replies
    } {OK 1 1000 PONG}
    test "many clients, cut requests, clients that go and come" {
        set long [redis_deferring_client]
        set cut [redis::open_channel [srv 0 host] [srv 0 port]]
        set others {}
        for {set i 0} {$i < 20} {incr i} {lappend others [redis_deferring_client]}
        $long wait.yield 2 1000
        after 100
        puts -nonewline $cut "*2\r\n\$4\r\nping\r\n\$5\r\nhe"
        flush $cut
        foreach other $others {foreach n {1 2 3} {$other get x}}
        [lindex $others 0] close
        set late [redis_client]
        assert_error "BUSY*" {$late get x}
        foreach other [lrange $others 1 end] {
            foreach n {1 2 3} {assert_error "BUSY*" {$other read}}
            $other close
        }
        assert_equal 1000 [$long read]
        puts -nonewline $cut "llo\r\n"
        flush $cut
        assert_equal "\$5\r\nhello\r\n" [redis::raw_reply_from $cut]
        close $cut
        assert_equal PONG [$late ping]
        $late close
        $long close
    }
    test "a client that is closed by another while its command runs" {
        set long [redis_deferring_client]
        $long client id
        set id [$long read]
        $long wait.yield 2 300
        after 100
        $long close
        after 300
        r ping
    } PONG
    test "a busy server ends when it is told to" {
        set long [redis_deferring_client]
        $long wait.yield 2 300
        after 100
        catch {r shutdown nosave}
        wait_for_condition 50 50 {![process_is_alive [srv 0 pid]]} else {fail "it goes on"}
    }
}
