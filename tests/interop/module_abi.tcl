# module_abi.tcl - the same module files under the real server and under Keel: an area of the module ABI
# a module (tests/modules/rm_AREA.c), each function with its answers, errors and errno.

source [file join [file dirname [file normalize [info script]]] .. kit.tcl]
source [file join $kit::home kit interop.tcl]

set sanitized [pair::cannot_load_modules]

# ---- values through key handles ------------------------------------------------------------------

module_pair rm_value {
    test "strings through handles" {
        same_all {{set s hello} {rpush l a} {val.string s r read type length} {val.string nosuch r read type}
            {val.string s r set x} {val.string s w set bye read type} {get s}
            {val.string s rw write 1 A read} {get s} {val.string s w truncate 2 read truncate 5 read}
            {get s} {val.string s w truncate 0 type read} {exists s} {val.string new w truncate 3 read}
            {get new} {val.string l w read truncate 3 set} {type l} {val.string l w set over type}
            {set n 12345} {val.string n r read} {val.string n rw write 0 9 read} {get n}
            {val.string e w truncate 0 type} {exists e} {set t x ex 1000} {val.string t w set y expire}
            {ttl t}}
    }
    test "lists through handles" {
        same_all {{del l} {val.list l w lpush a rpush b rpush c get 0 length} {val.list l r get 0 get -1 get 3 get -4 length}
            {lrange l 0 -1} {val.list l w set 1 B set -1 C set 9 x insert 1 between insert -1 end insert 9 x}
            {lrange l 0 -1} {val.list l w del 0 del -1 del 9 lpop rpop length type} {lrange l 0 -1}
            {val.list l rw lpop rpop lpop get 0 type} {exists l} {val.list l r lpush a lpop get 0}
            {val.list l w insert 0 a insert 0 b insert -1 c} {lrange l 0 -1} {val.list l w del 0 del 0 del 0 del 0}
            {set s x} {val.list s rw lpush a lpop get 0 set 0 a insert 0 a del 0}
            {val.list nosuch w get 0 set 0 a del 0 lpop type} {exists nosuch}}
        for {set i 0} {$i < 40} {incr i} {
            same val.list many rw rpush [string repeat $i 50] rpush $i lpush -$i get [expr {$i - 20}] \
                set [expr {$i / 2}] set$i insert [expr {-$i}] in$i get [expr {-$i}] get $i
        }
        same lrange many 0 -1
    }
    test "hashes through handles" {
        same_all {{val.hash h w set - f 1 g 2 get - f g get - f none get e f none get c f g get ce g none}
            {hgetall h} {val.hash h w set n f 9 h 3 set x f 8 none 7 set a f 6 i 5 set c j 1 k 2}
            {hgetall h} {val.hash h w set - f (del) nosuch (del) set a g (del) l 1 set n h (del) j (del)}
            {hgetall h} {val.hash h w set ca h (del) i (del) set b x 1 y 2 set nx x 1 y 2}
            {val.hash h r get - k l set - q 1 r 2} {val.hash nosuch r get - a b get e a b}
            {val.hash nosuch w get - a b set x a 1 b 2 type} {exists nosuch}
            {val.hash h w set - j (del) k (del) set - l (del) x (del) type} {exists h}
            {set s x} {val.hash s w set - a 1 b 2 get - a b get e a b}}
    }
    test "sorted sets through handles" {
        same_all {{val.zset z w add - 1 a add - 2 b add - 2 b add n 3 a add x 5 none add g 0 a add g 4 a add l 9 a}
            {val.zset z w add xn 1 a add gl 1 a add ng 1 a add - nan a add - -inf low add - +inf high}
            {zrange z 0 -1 withscores} {val.zset z w incr - 1.5 a incr - 2 new incr n 1 a incr x 1 none incr g -9 a}
            {val.zset z w incr - nan a incr - -inf high score a score none rem none rem low rem high length}
            {zrange z 0 -1 withscores} {del z} {zadd z 1 a 2 b 3 c 4 d 5 e}
            {val.zset z r first 2 4 0 0 first 2 4 1 0 first 2 4 0 1 first 2 4 1 1 first -inf +inf 0 0 first 6 9 0 0
                last 2 4 0 0 last 2 4 1 1 last -inf +inf 0 0 last 6 9 0 0 first 4 2 0 0}
            {val.zset nosuch r first 1 2 0 0 score a} {val.zset nosuch w first 1 2 0 0 rem a score a type}
            {del z} {zadd z 0 a 0 b 0 c 0 d}
            {val.zset z r lexfirst - + lexfirst \[b (d lexfirst (b + lexlast - + lexlast - (c lexfirst b c
                lexfirst \[x + lexlast \[x +}
            {set s x} {val.zset s w add - 1 a incr - 1 a score a rem a first 1 2 0 0 lexfirst - +}
            {val.zset z w rem a rem b rem c rem d type add - 1 x type} {zrange z 0 -1 withscores}
            {val.zset z r add - 1 a incr - 1 a rem a}}
        for {set i 0} {$i < 200} {incr i} {lappend adds add - [expr {$i % 7}] m$i}
        same val.zset big w {*}$adds
        same_all {{val.zset big r first 2 4 0 0 last 2 4 1 1 first -inf +inf 1 1} {object encoding big}}
    }
    test "keys: existence, time to live, idle times" {
        same_all {{set k v} {val.key k r type length exists k exists nosuch db expire absexpire}
            {val.key nosuch r type length expire absexpire} {val.key nosuch w expire setexpire 1 setabsexpire 1}
            {val.key k w setexpire 100000 expire setexpire -1 expire} {ttl k}
            {val.key k w setabsexpire 99999999999999 absexpire setabsexpire -1 absexpire setexpire -5}
            {val.key k r setexpire 5} {val.key k r lru lfu setlru 50000 lru} {object idletime k}
            {val.key k w setlfu 5 lfu} {config set maxmemory-policy allkeys-lfu}
            {val.key k w setlfu 7 lfu lru setlru 5 setlfu 255} {object freq k}
            {config set maxmemory-policy noeviction} {watch k} {val.key k w signal k} {multi} {ping} {exec}
            {select 3} {set k3 v} {val.key k3 r db} {select 0}
            {val.key k w delete type delete exists k} {exists k} {sadd s2 a b} {val.key s2 w unlink type}
            {exists s2} {val.key nosuch w delete unlink} {set k v} {val.key k r delete unlink} {exists k}}
    }
    test "what one more operation finds after a deletion" {
        same_all {{rpush l a b} {val.list l w delete lpush x length} {lrange l 0 -1}
            {val.hash h w set - a 1 b 2 delete get - a b set - c 1 d 2} {hgetall h}
            {val.zset q w add - 1 a delete score a add - 2 b} {zrange q 0 -1 withscores}}
    }
}

# ---- replies and strings -------------------------------------------------------------------------

except "rep.with double*" numbers "7.0 writes doubles with 17 digits, 7.2 the shortest form"
except "rep.string double*" numbers "7.0 writes doubles with 17 digits, 7.2 the shortest form"
except "rep.with attribute" type "7.0 has no attributes for clients of RESP2 that tests could compare"

module_pair rm_reply {
    foreach protocol {2 3} {
        test "replies of every kind in RESP$protocol" {
            pair::reconnect
            if {$protocol == 3} {foreach fd $pair::channels {
                puts -nonewline $fd [redis::encode {hello 3}]
                flush $fd
                redis::raw_reply_from $fd
            }}
            foreach kind {array map {set x} postponed {error "CODE text"} {error "a\r\nb"}
                          {verbatim "some\r\ntext"} {verbatim ""} {markdown "# head"} {big 123456789012345678901}
                          {long-double 3.25} {long-double inf} {long-double 1e-9} {long-double 123456789.123456789}
                          {double 2.5} {double inf} {double -inf} {double 0.1} {double 1e300}} {
                same rep.with {*}$kind
            }
            foreach kind {attribute postponed-attribute} {
                if {$protocol == 3} {same rep.with $kind}
            }
        }
    }
    test "strings of every kind" {
        foreach kind {{int -9223372036854775808} {int 42} {double 3.5} {double 1e100} {long-double 0.1}
                      {long-double 3} {human 0.1} {human 123456.789} {human 1e20} {stream-id 5-7}
                      {stream-id 5} {stream-id -} {stream-id x} {copy "a\0b"} {printf text} {append xy}} {
            same rep.string {*}$kind
        }
    }
    test "strings as numbers of every kind" {
        foreach kind {int double long-double} {
            foreach text {0 -1 42 " 1" 1.5 1e3 inf -inf nan "" 01 +1 9223372036854775807 9223372036854775808
                          0x10 1e400 3.4e39 abc "1 "} {
                same rep.parse $kind $text
            }
        }
    }
    test "strings are kept, compared and appended to" {
        same_all {{rep.misc one two} {rep.misc two one} {rep.misc three three}}
    }
}

# ---- what a module asks of its server -----------------------------------------------------------

except "srv.keys *" unordered "their order is that of the specs; 7.0 asks older functions first"

module_pair rm_server {
    test "memory functions" {same srv.memory}
    test "clocks, masks, random bytes" {same_all {{srv.clocks} {srv.masks} {srv.random}}}
    test "cluster functions without a cluster" {same srv.cluster foo}
    test "functions for other modules" {same srv.share}
    test "dictionaries" {same srv.dict}
    test "INFO has fields of strings" {same info rm_server_strings}
    test "keys of any command" {
        same_all {{srv.keys get a} {srv.keys mset a 1 b 2} {srv.keys nosuch a} {srv.keys get}
            {srv.keys ping} {srv.keys set a b} {srv.keys zunionstore d 2 a b} 
            {srv.keys config get x} {srv.keys xread streams a b 0 0} {srv.keys rename a b} {srv.keys del a b c}
            {srv.keys sort a store b} {srv.keys lmove a b left right} {srv.keys object encoding k}}
    }
    test "arguments that nobody may show" {
        same_all {{config set slowlog-log-slower-than 0} {slowlog reset} {srv.secret word}
            {config set slowlog-log-slower-than -1}}
        foreach level {0 -1} {assert_no_match "*word*" [r $level slowlog get]}
    }
    test "channels and clients" {
        same_all {{srv.channels publish a} {srv.channels leave a b} {srv.shard ch message}
            {srv.close 999999}}
    }
    test "the module's name stands in the log" {
        same_all {{srv.log notice hello} {srv.log warning there} {srv.log nosuch level}}
        foreach level {0 -1} {
            verify_log_message $level "*<rm_server> said hello 5*" 0
            verify_log_message $level "*# <rm_server> said there 5*" 0
        }
    }
}

# ---- users ---------------------------------------------------------------------------------------

# What calls in a user's name are told when they may not be made.
proc pair::alike_denied {command ours theirs} {
    return [expr {[string match "-NOPERM *" $ours] && [string match "-ERR acl verification failed*" $theirs]}]
}
foreach command {"get b" "mget a b" "config resetstat" "publish other x" "exec"} {
    except $command error_code "ACL's texts have changed since 7.0"
}
except "user.call *" denied "7.2 has the texts of ACL where 7.0 says that verification failed"

module_pair rm_user {
    set words {on off nopass resetpass ">secret" "<secret" "<none" "#abc" +get -get +@read -@read +@nosuch
        +nosuch +config|get -config +config|nosuch +select|0 -select +select| +config|get|x allkeys ~a*
        resetkeys ~a* %R~b* %W~c* %RW~d* %RR~e* %~f %X~g "~with space" allchannels &ch resetchannels &ch* &ch*
        "(+set ~s*)" "(bad)" clearselectors allcommands nocommands +@all -@all sanitize-payload
        skip-sanitize-payload nosuchword "" reset}
    set calls {{get a} {get b1} {set a1 x} {set b1 x} {set c1 x} {get c1} {get d1} {set d1 x} {set s1 x}
        {config get x} {config set x y} {select 0} {select 1} {nosuch} {ping} {auth x} {publish ch m}
        {publish other m} {subscribe ch chx} {psubscribe ch*} {psubscribe c*} {mget a b1} {rename b1 b2}
        {del d1} {exists a b1 c1} {copy b1 c1} {object encoding b1}}
    test "words of rules are taken and refused alike" {
        foreach word $words {same user.rule $word}
    }
    test "rights are judged alike" {
        foreach rules {{} {+@all} {+@all ~*} {+@read ~a*} {+get +set %R~b* ~a* %W~c*} {+@all -config +config|get ~*}
                       {+select|0 +ping ~*} {+@all ~* &ch*} {-@all +@pubsub &ch &ch*} {+@all ~* -@dangerous}
                       {+get ~b* (+set\ ~c*) (+@read\ ~*)} {+@write ~s* +@read %R~*} {+publish allchannels}
                       {+config -config|set ~*} {+@all %R~b* %W~b*} {+object ~b*} {+@all allkeys allchannels}} {
            same user.new modest
            same user.rule on
            foreach word $rules {same user.rule $word}
            foreach call $calls {
                same user.may {*}$call
                if {[lindex $call 0] ni {auth psubscribe subscribe}} {same user.call {*}$call}
            }
            foreach flags {0 16 32 64 128 48 1 1024} {
                foreach key {a b1 c1 s1} {same user.key $flags $key}
            }
            foreach flags {2 4 8 5 6 7 0 64} {
                foreach channel {ch ch* chx other *} {same user.channel $flags $channel}
            }
        }
    }
    test "clients are held to the rules of who they became" {
        same_all {{user.new modest} {user.become} {user.rule on} {user.rule +@all} {user.rule -config}
            {user.rule ~a*} {user.rule &ch} {user.become} {get a} {get b} {set a 1} {config resetstat}
            {publish ch x} {publish other x} {multi} {get a} {get b} {exec} {mget a b} {user.changes}
            {user.become} {user.changes} {ping}}
        pair::reconnect
        same user.changes
        same_all {{get b} {user.named default x} {user.named nosuch x}}
    }
}

# ---- whole modules -------------------------------------------------------------------------------

module_pair rm_index {
    test "an index follows the keyspace" {
        same_all {{hset before:1 text "old fox"} {idx.create doc: text} {hset doc:1 text "the quick brown fox"}
            {hset doc:2 text "The lazy dog" other x} {hset doc:3 text "a fox and a dog"} {hset other text fox}
            {idx.find fox} {idx.find THE} {idx.find none} {idx.stats} {hset doc:1 text "no animal"} {idx.find fox}
            {hdel doc:2 text} {idx.find dog} {del doc:3} {idx.find dog} {rename doc:1 doc:9} {idx.find animal}
            {set doc:9 string} {idx.find animal} {idx.stats}}
        for {set i 10} {$i < 40} {incr i} {same hset doc:$i text "word number$i fox"}
        same_all {{idx.find word} {idx.next 1} {idx.next 2} {idx.next 1} {idx.find word limit 50}
            {idx.find word limit 0} {idx.slow word} {multi} {idx.slow number11} {exec}}
        same_all {{config set maxmemory-policy noeviction} {idx.rebuild} {idx.find number39} {flushall} {idx.find fox}
            {idx.rebuild} {idx.stats}}
    }
    test "an index follows files and times" {
        same_all {{idx.create doc: text} {hset doc:1 text "quick fox"} {hset doc:2 text "slow fox"}
            {pexpire doc:2 1} {idx.find quick}}
        after 300
        same_all {{exists doc:2} {idx.find slow} {debug reload} {idx.find quick} {idx.slow fox} {idx.stats}}
        same_all {{module unload rm_index} {config get x}}
    }
}

module_pair rm_filter {
    set items {}
    for {set i 0} {$i < 100} {incr i} {lappend items item$i}
    test "a filter answers alike" {
        same_all {{bf.make f 0} {bf.make f 5} {bf.make g -1} {bf.has nosuch a b} {bf.chunk nosuch 0} {set s x} {bf.put s a}
            {bf.has s a}}
        same bf.put f {*}$items
        same bf.has f {*}[lrange $items 0 20] a b c d e
        same_all {{bf.make small 17} {bf.put small a b c} {type small} {object encoding small} {copy small c}
            {bf.has c a b x} {debug digest-value small c} {rename c d} {dump small} {object freq x}}
        foreach at {0 64 100 500} {same bf.chunk f $at}
        same_all {{bf.default 2048} {bf.make h 0} {bf.put h x} {debug reload} {bf.has h x} {bf.default} {bf.has f item5 nix}
            {debug digest-value h f small} {unlink f} {bf.has f item5}}
    }
    test "a filter travels in pieces, and in payloads" {
        set at 0
        same_all {{bf.make whole 2000} {bf.put whole a b c d e f g} {bf.make parts 2000}}
        while 1 {
            set reply [pair::parse [same bf.chunk whole $at]]
            same bf.load parts $at [lindex $reply 1 1 1]
            set at [lindex $reply 1 0 1]
            if {!$at} break
        }
        same debug digest-value whole parts
        foreach level {0 -1} {r $level select 0}
        foreach {from to} {0 -1 -1 0} {
            set payload [r $from dump whole]
            r $to restore moved$from 0 $payload
        }
        foreach level {0 -1} key {moved-1 moved0} {assert_equal [r $level bf.has $key a z] {1 0}}
        same bf.load parts 9999 x
        same restore bad 0 [string replace [r 0 dump whole] 12 12 \xff]
    }
    test "a rewritten file gives the same filter" {
        same_all {{config set aof-use-rdb-preamble no} {config set appendonly yes}}
        foreach level {0 -1} {waitForBgrewriteaof [srv $level client]}
        same bgrewriteaof
        foreach level {0 -1} {waitForBgrewriteaof [srv $level client]}
        same_all {{debug loadaof} {debug digest-value whole parts} {bf.has whole a z} {config set appendonly no}}
    }
}
