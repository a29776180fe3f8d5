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
}
