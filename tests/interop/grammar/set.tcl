# Set commands, on keys of their own most of the time. What a random command picks is each server's
# own matter: those that take members out work on keys that are deleted afterwards, or take all.

group set {
    14 SADD @setkey @member...
    4  SADD @setkey @number...
    8  SREM @setkey @member...
    2  SREM @setkey @number...
    6  SMOVE @setkey @setkey @member
    6  SISMEMBER @setkey @member
    4  SMISMEMBER @setkey @member...
    5  SCARD @setkey
    6  SMEMBERS @setkey
    3  SPOP @drained
    3  SPOP @drained [@count]
    2  SADD @drained @member...
    2  SADD @drained ((@wide...)...)...
    2  SADD @setkey ((@wide...)...)...
    2  SADD ints ((@number @number @wideint...)...)...
    1  SREM ints ((@wideint...)...)...
    2  SPOP @setkey 100000
    1  SPOP @setkey (0|-1|abc|"")
    3  SRANDMEMBER @setkey
    3  SRANDMEMBER @setkey @count
    1  SRANDMEMBER @setkey (-5|-9223372036854775808|abc)
    1  (SPOP|SRANDMEMBER) @setkey 1 2
    6  SINTER @setkey...
    4  SINTERCARD 1 @setkey [LIMIT @count]
    4  SINTERCARD 2 @setkey @setkey [LIMIT @count]
    1  SINTERCARD (0|-1|abc|3|2) @setkey @setkey (LIMIT|LIMIT abc|LIMIT -1|FOO|LIMIT 1 LIMIT 2)
    5  SINTERSTORE @setkey @setkey...
    6  SUNION @setkey...
    5  SUNIONSTORE @setkey @setkey...
    6  SDIFF @setkey...
    5  SDIFFSTORE @setkey @setkey...
    4  SSCAN @setkey 0 COUNT 10000 [MATCH @pattern]
    1  SSCAN @setkey (0|abc|-1|"") (COUNT|COUNT 0|COUNT abc|MATCH|FOO|MATCH * MATCH m*)
    2  OBJECT ENCODING @setkey
    1  (TYPE|DEL|DUMP) @setkey
    1  (COPY|RENAME) @setkey @setkey
}

proc gen::setkey {} {
    if {rand() < 0.04} {return [key]}
    return s[int 8]
}
proc gen::drained {} {return d[int 3]}
proc gen::number {} {return [expr {rand() < 0.8 ? [int 30] : [bigint]}]}
proc gen::member {} {
    switch -exact -- [int 8] {
        0 - 1 {return [number]}
        2 - 3 - 4 {return m[int 20]}
        5 {return [pick [list "" a b c 01 -0 1.5 "a\0b" [string repeat l 64] [string repeat l 65]]]}
        6 {return [bytes 3]}
        7 {return [expr {rand() < 0.1 ? [string repeat [bytes 10] 70] : "m[int 300]"}]}
    }
}
proc gen::wide {} {return m[int 1000]}
proc gen::wideint {} {return [int 3000]}

intact "spop *" "what is popped at random must be deleted afterwards"
intact "srandmember *" "an odd negative count is an endless reply on both servers"
foreach key {d0 d1 d2} {
    realign "spop $key*" "del $key" "each server popped members of its own choice"
}
except "spop d* *" size "random picks"
except "spop d*" type "a random pick"
except "spop *" unordered "the order of members is the hash table's"
except "srandmember * *" size "random picks"
except "srandmember *" type "a random pick"
except "smembers *" unordered "the order of members is the hash table's"
except "sinter *" unordered "the order of members is the hash table's"
except "sunion *" unordered "the order of members is the hash table's"
except "sdiff *" unordered "the order of members is the hash table's"
except "sscan * 0 count 10000*" unordered "the order of members is the hash table's"
except "sscan *" type "a step smaller than the table, or a made-up cursor, sees any part of it"
