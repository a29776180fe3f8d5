# Stream commands. Ids are given, as both servers' clocks differ; left out is what waits. Streams s*
# have no groups with consumers, so that their payloads are compared; g* have.
#
# Nodes are given room for most entries: where an entry outgrows what a new node was given, the real
# server (7.0) may keep a pointer to freed memory. It compares the node's address with that of the node
# before, which was shrunk and moved, and when the new one grew into that very place it takes the two
# for one. It then dies in DEBUG DIGEST or dumps something else.

group stream {
    1  CONFIG SET stream-node-max-entries (1|3|10|100)
    1  CONFIG SET stream-node-max-bytes (0|2000|4096)
    24 XADD @stream [MAXLEN [=|~] @count|MINID [=|~] @id] @newid (@field @value)...
    6  XADD @stream @newid a 1 b @value
    2  XADD @stream [NOMKSTREAM] [MAXLEN ~ @count LIMIT @count|MINID ~ @id LIMIT 2] @newid a @value
    1  XADD @stream (MAXLEN|MINID|MAXLEN ~|MAXLEN = 3 MINID 4|LIMIT 3|LIMIT|MAXLEN -1|MINID -) @newid a b
    1  XADD @stream @newid (a|a b c|"")
    1  XADD @stream MAXLEN (=|~) @count LIMIT (-1|0|abc|5) @newid a b
    8  XLEN @stream
    8  XRANGE @stream @from @to [COUNT @count]
    8  XREVRANGE @stream @to @from [COUNT @count]
    1  XRANGE @stream @from @to (COUNT|FOO|COUNT abc|COUNT 2 COUNT 1)
    8  XDEL @stream @id...
    4  XTRIM @stream (MAXLEN|MINID) [=|~] @count [LIMIT @count]
    2  XTRIM @stream (MAXLEN|MINID|FOO) [=|~|!] @value
    1  XSETID @stream @bigid [ENTRIESADDED @anyint] [MAXDELETEDID @id]
    1  XSETID @stream @bigid (ENTRIESADDED|FOO|MAXDELETEDID|ENTRIESADDED -1)
    4  XINFO STREAM @stream
    3  XINFO STREAM @stream FULL [COUNT @count]
    1  XINFO (STREAM|GROUPS|CONSUMERS|FOO) @stream (FULL|COUNT|FULL COUNT|g1|FULL LIMIT 1)
    4  XREAD [COUNT @count] STREAMS @stream @stream @lastid @lastid
    6  XREAD [COUNT @count] STREAMS @stream @lastid
    1  XREAD (STREAMS|COUNT|BLOCK|GROUP|NOACK|GROUP a b) @stream @lastid
    1  XREAD BLOCK (-1|abc|1.5) STREAMS @stream @id
    5  XGROUP CREATE @gstream @group @groupid [MKSTREAM] [ENTRIESREAD @anyint]
    2  XGROUP CREATE @gstream @group @groupid MKSTREAM
    1  XGROUP CREATE @gstream @group @groupid (FOO|ENTRIESREAD|MKSTREAM ENTRIESREAD -2)
    1  XGROUP SETID @gstream @group @groupid [ENTRIESREAD @anyint]
    1  XGROUP DESTROY @gstream @group
    2  XGROUP CREATECONSUMER @gstream @group @consumer
    1  XGROUP DELCONSUMER @gstream @group @consumer
    1  XGROUP (CREATE|SETID|DESTROY|CREATECONSUMER|DELCONSUMER|FOO) @gstream @value
    16 XREADGROUP GROUP @group @consumer [COUNT @count] [NOACK] STREAMS @gstream >
    4  XREADGROUP GROUP @group @consumer [COUNT @count] STREAMS @gstream @id
    2  XREADGROUP GROUP @group @consumer STREAMS @gstream @gstream > >
    1  XREADGROUP (GROUP|COUNT 1|GROUP a|GROUP a b|NOACK) STREAMS @gstream @lastid
    6  XACK @gstream @group @id...
    4  XPENDING @gstream @group
    5  XPENDING @gstream @group @from @to @count [@consumer]
    2  XPENDING @gstream @group IDLE (0|3600000) @from @to @count [@consumer]
    1  XPENDING @gstream @group (IDLE|IDLE abc - + 10|- +|- + abc|IDLE 0 - +)
    6  XCLAIM @gstream @group @consumer (0|3600000) @id... [JUSTID] [FORCE] [RETRYCOUNT @count]
    2  XCLAIM @gstream @group @consumer 0 @id [IDLE 1000] [LASTID @id] [TIME @atms]
    1  XCLAIM @gstream @group @consumer (0|abc|-1) @id (FOO|TIME abc|IDLE abc|RETRYCOUNT abc|LASTID abc)
    5  XAUTOCLAIM @gstream @group @consumer (0|3600000) @from [COUNT @count] [JUSTID]
    1  XAUTOCLAIM @gstream @group @consumer (abc|-1) @from (COUNT|FOO|COUNT 0|JUSTID FOO)
    4  XINFO GROUPS @gstream
    2  XINFO CONSUMERS @gstream @group
    1  (DEL|UNLINK) @stream
    1  COPY @stream @gstream [REPLACE]
    1  SET @stream x
    1  OBJECT ENCODING @stream
    1  TYPE @stream
}

intact "xread*block*" "it could wait"
intact "xgroup*" "a consumer in a stream s* has times in its payload"
intact "xclaim*" "a consumer in a stream s* has times in its payload"
intact "xautoclaim*" "a consumer in a stream s* has times in its payload"
intact "xreadgroup*" "a consumer in a stream s* has times in its payload"
intact "xadd*" "an id could become *, which is a time"
intact "xsetid*" "7.2 refuses ids below the greatest that was deleted"
intact "copy*" "a consumer in a stream s* has times in its payload"

# Payloads with groups hold times; what the real server's says is loaded here and compared.
set pair::exceptions [linsert $pair::exceptions 0 \
    {"dump g*" type "the times of consumers and deliveries are each server's own"}]
except "xpending *" clocks "idle times are each server's own"
except "xinfo groups *" clocks "7.2 makes consumers that only ask"
except "xgroup createconsumer *" type "7.2 makes consumers that only ask"
except "xinfo consumers *" clocks "the same; 7.2 tells inactive as well"
except "xinfo stream * full*" clocks "the same; 7.2 tells active-time as well"
except "xread*" unbalanced "7.2 names the command in lower case"

proc gen::stream {} {return [expr {rand() < 0.6 ? "s[int 4]" : [gstream]}]}
proc gen::gstream {} {return g[int 3]}
proc gen::group {} {return [pick {g1 g1 g1 g2 g3 nosuch ""}]}
proc gen::consumer {} {return [pick [list c1 c2 c3 c1 c2 12 "" "bin\0\xff"]]}
proc gen::field {} {return [pick [list a b c a b 1 "" name field[int 5] [string repeat f 70]]]}
proc gen::id {} {
    if {rand() < 0.04} {return [pick {0-0 0-1 - + abc 5-x 1-2-3 "" -1 5- -5 01 +5 18446744073709551615
        18446744073709551615-18446744073709551615 18446744073709551616 5-*}]}
    return [pick [list [int 60] [int 60]-[int 3]]]
}
# Grows on the whole, or few would be taken.
proc gen::newid {} {
    variable newest
    if {rand() < 0.05} {return [pick {0-0 0-1 5-x abc 0-* "" -}]}
    if {rand() < 0.05} {return [id]}
    if {rand() < 0.3} {incr newest} elseif {$newest > 60} {set newest 0}
    return $newest-*
}
set gen::newest 0
proc gen::from {} {return [expr {rand() < 0.4 ? "-" : "[pick {"" "" (}][id]"}]}
proc gen::to {} {return [expr {rand() < 0.4 ? "+" : "[pick {"" "" (}][id]"}]}
proc gen::lastid {} {return [pick [list 0 [id] [id] \$ 0-1 >]]}
proc gen::groupid {} {return [pick [list 0 \$ \$ [id]]]}
proc gen::bigid {} {return [pick {60 61-1 100 70-5 90 18446744073709551615-18446744073709551614}]}
