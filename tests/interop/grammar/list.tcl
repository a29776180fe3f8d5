# List commands, on keys that mostly hold lists. Waits are as short as can be, and are not damaged: a
# time-out of 0 would never end.
#
# Left out, as 7.0 answers otherwise than 7.2: time-outs beyond 64 bits (7.0 calls them negative), and
# the smallest integer as LPOS's rank (7.0 takes it).

group list {
    12 (LPUSH|RPUSH) @lkey @value...
    3  (LPUSH|RPUSH) @lkey @smallint...
    1  (LPUSH|RPUSH) @lkey (@value|@element) (@element|@value) @value @element @value @element @value
    4  (LPUSHX|RPUSHX) @lkey @value...
    8  (LPOP|RPOP) @lkey
    4  (LPOP|RPOP) @lkey @popcount
    1  (LPOP|RPOP) @lkey (abc|-1|9223372036854775808|1 2|"")
    4  LLEN @lkey
    6  LINDEX @lkey @index
    1  LINDEX @lkey (abc|9223372036854775808|"")
    8  LRANGE @lkey @index @index
    4  LRANGE @lkey 0 -1
    6  LSET @lkey @index @value
    1  LSET @lkey (abc|"") @value
    6  LINSERT @lkey (BEFORE|AFTER) @element @value
    4  LINSERT @lkey (BEFORE|AFTER) @smallint @value
    1  LINSERT @lkey (FOO|"") @element @value
    6  LREM @lkey (0|1|-1|2|-2|-9223372036854775808) (@element|@smallint)
    1  LREM @lkey abc @element
    3  LTRIM @lkey @index @index
    1  LTRIM @lkey (abc 1|1 abc)
    5  LPOS @lkey (@element|@smallint) [RANK @rank] [COUNT (0|1|2|5)] [MAXLEN (0|1|3|100)]
    1  LPOS @lkey @element (RANK 0|RANK abc|RANK|COUNT -1|COUNT abc|MAXLEN -1|MAXLEN x|FOO|FOO 1)
    1  LPOS @lkey @element RANK (-9223372036854775807|9223372036854775807)
    1  LPOS @lkey @element COUNT 1 COUNT 0 RANK 1 RANK -1 MAXLEN 3 MAXLEN 0
    8  LMOVE @lkey @lkey (LEFT|RIGHT) (LEFT|RIGHT)
    1  LMOVE @lkey @lkey (LEFT FOO|FOO RIGHT|LEFT|"" "")
    4  RPOPLPUSH @lkey @lkey
    4  LMPOP 1 @lkey (LEFT|RIGHT) [COUNT (1|2|10)]
    3  LMPOP 2 @lkey @lkey (LEFT|RIGHT) [COUNT (1|2|10)]
    1  LMPOP (0|-1|abc|3|1) @lkey @lkey (LEFT|FOO|LEFT COUNT|LEFT COUNT 0|LEFT COUNT 1 COUNT 2)
    1  LMPOP 1 @lkey (LEFT COUNT abc|RIGHT FOO 1|LEFT COUNT -1|LEFT RIGHT)
    1  (BLPOP|BRPOP) @lkey @lkey @wait
    1  BLMOVE @lkey @lkey (LEFT|RIGHT) (LEFT|RIGHT) @wait
    1  BRPOPLPUSH @lkey @lkey @wait
    1  BLMPOP @wait 2 @lkey @lkey (LEFT|RIGHT) [COUNT 2]
    1  (BLPOP|BRPOP) @lkey (-1|abc|-inf|nan|""|0x1|-0.1)
    1  BLMPOP (-1|abc|-1e30) 1 @lkey (LEFT|FOO|LEFT COUNT 0)
    1  BLMOVE @lkey @lkey (LEFT|FOO) (RIGHT|FOO) (-1|abc|-1e30)
    1  BRPOPLPUSH @lkey @lkey (-1|abc|-1e30)
}

intact "bl*" "with another time-out it would wait for ever"
intact "br*" "with another time-out it would wait for ever"

proc gen::lkey {} {return [expr {rand() < 0.05 ? [key] : "l[int 8]"}]}
proc gen::element {} {return [pick [list a b 10 "" [string repeat ab 20] hello]]}
proc gen::popcount {} {return [pick {0 1 2 3 5 20 9223372036854775807}]}
proc gen::rank {} {return [pick {1 1 2 3 -1 -1 -2 -3 10}]}
proc gen::wait {} {return [pick {0.001 0.002 1e-3 0.0015}]}

intact "lpos * rank *" "7.0 takes the smallest integer for a rank"
