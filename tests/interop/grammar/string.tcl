# String commands. proto-max-bulk-len is 1 MB in the run, which keeps SETRANGE and LCS small.

group string {
    12 SET @key @value
    8  SET @key @value [NX|XX] [GET] [EX @ttl|PX @ttlms|EXAT @later|PXAT @laterms|KEEPTTL]
    4  SET @counter @anyint
    1  SET @key @value (NX XX|EX|EX abc|KEEPTTL EX 10|FOO|EX 1000 PX 1000)
    3  SETNX @key @value
    3  SETEX @key @ttl @value
    3  PSETEX @key @ttlms @value
    3  GETSET @key @value
    12 GET @key
    4  GETDEL @key
    4  GETEX @key [EX @ttl|PX @ttlms|EXAT @later|PXAT @laterms|PERSIST]
    6  MGET @key...
    4  MSET (@key @value)...
    2  MSETNX (@key @value)...
    8  APPEND @key @value
    6  STRLEN @key
    6  GETRANGE @key @index @index
    3  SUBSTR @key @index @index
    6  SETRANGE @key @offset @value
    8  INCR @counter
    6  DECR @counter
    6  INCRBY @counter @anyint
    6  DECRBY @counter @anyint
    6  INCRBYFLOAT @counter @float
    4  LCS @key @key [LEN|IDX] [MINMATCHLEN @count] [WITHMATCHLEN]
    3  LCS @key @key IDX [MINMATCHLEN @count] [WITHMATCHLEN]
    1  LCS @key @key (LEN IDX|IDX LEN|MINMATCHLEN|MINMATCHLEN abc|FOO|LEN LEN|IDX IDX WITHMATCHLEN)
    1  LCS @key (LEN|IDX)
    2  GETEX @key (EX|PX|EXAT|PXAT|EX abc|EX 0|PX -1|PERSIST EX 10|EX 1000 PX 1000|FOO|PERSIST PERSIST)
    1  (GETEX @key|SET @key @value) (EX|PX|EXAT|PXAT) @hugeint
    1  (SETEX|PSETEX) @key (0|-1|abc|9223372036854775807) @value
    1  SETRANGE @key @rangelimit @value
    2  (INCRBY|DECRBY) @counter @bigint
    1  (INCRBYFLOAT|INCRBY|DECRBY) @key @value
    1  GETRANGE @key @bigint @bigint
}

proc gen::rangelimit {} {
    return [pick {1048574 1048575 1048576 536870911 536870912 -1 abc 9223372036854775807
        9223372036854775808}]
}
