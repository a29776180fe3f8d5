# Hash commands. The limits of the packed form change during the run, so hashes are met in both forms,
# and become large by their fields and by their values.

group hash {
    12 HSET @hkey (@field @value)...
    2  HSET @hkey @field @value @field
    4  HMSET @hkey (@field @value)...
    4  HSETNX @hkey @field @value
    10 HGET @hkey @field
    5  HMGET @hkey @field...
    5  HGETALL @hkey
    3  HKEYS @hkey
    3  HVALS @hkey
    4  HLEN @hkey
    4  HSTRLEN @hkey @field
    4  HEXISTS @hkey @field
    8  HDEL @hkey @field...
    1  DEL @hkey
    1  HDEL @hkey f0 f1 f2 f3 f4 f5 f6 f7 f8 f9
    6  HSET @hkey @field @anyint
    8  HINCRBY @hkey @field @anyint
    2  HINCRBY @hkey @field @bigint
    6  HINCRBYFLOAT @hkey @field @float
    3  HRANDFIELD @hkey
    4  HRANDFIELD @hkey @count [WITHVALUES]
    2  HRANDFIELD @hkey 1000 [WITHVALUES]
    1  HRANDFIELD @hkey (abc|0|-0|9223372036854775807|-9223372036854775808|-9223372036854775807 WITHVALUES)
    1  HRANDFIELD @hkey @count (WITHVALUE|WITHVALUES WITHVALUES)
    3  HSCAN @hkey 0 COUNT 1000 [MATCH @pattern]
    2  HSCAN @hkey 0 [MATCH @pattern] [COUNT @count]
    1  HSCAN @hkey (abc|-1|""|99999|18446744073709551615|18446744073709551616)
    1  HSCAN @hkey 0 (TYPE hash|COUNT|MATCH|FOO bar|COUNT 0|COUNT abc|MATCH f* MATCH *)
    1  CONFIG SET (hash-max-listpack-entries|hash-max-ziplist-entries) (4|8|512)
    1  CONFIG SET (hash-max-listpack-value|hash-max-ziplist-value) (20|64|1000)
    2  OBJECT ENCODING @hkey
    2  TYPE @hkey
    1  DEBUG OBJECT @hkey
    1  COPY @hkey @hkey [REPLACE]
    1  RENAME @hkey @hkey
    1  UNLINK @hkey
    1  (GET|INCR|STRLEN|APPEND) @hkey (x|"")
    1  SET @hkey @value
    1  DUMP @hkey
    1  DEBUG DIGEST-VALUE @hkey
}

# Mostly keys that only hashes use, so that hashes grow; sometimes those of all.
proc gen::hkey {} {return [expr {rand() < 0.1 ? [key] : "h[int 8]"}]}

proc gen::field {} {
    if {rand() < 0.8} {return f[int 10]}
    return [pick [list "" 0 1 -1 127 128 65536 9223372036854775807 01 1.5 a\0b "\r\n" F1 \
        [string repeat f 20] [string repeat f 64] [string repeat f 65] [string repeat f 300]]]
}

intact "HRANDFIELD *" "a doubled or odd negative count is an endless reply on both servers"
except "hgetall *" unordered "the order of fields is the hash table's"
except "hkeys *" unordered "the order of fields is the hash table's"
except "hvals *" unordered "the order of fields is the hash table's"
except "hrandfield * 1000*" unordered "all fields, in any order"
except "hrandfield *" type "a random pick"
except "hscan * 0 count 1000*" unordered "the order of fields is the hash table's"
except "hscan *" type "a step smaller than the table, or a made-up cursor, sees any part of it"
