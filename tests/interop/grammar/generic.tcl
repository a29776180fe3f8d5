# Commands on keys of any type. Left out: MIGRATE, WAIT for longer than nothing, and SORT, which
# comes with its module.

group generic {
    8  DEL @key...
    4  UNLINK @key...
    8  EXISTS @key...
    6  TYPE @key
    4  TOUCH @key...
    6  EXPIRE @key @ttl [NX|XX|GT|LT]
    4  PEXPIRE @key @ttlms [NX|XX|GT|LT]
    4  EXPIREAT @key @at [NX|XX|GT|LT]
    4  PEXPIREAT @key @atms [NX|XX|GT|LT]
    2  (EXPIRE @key @ttl|PEXPIREAT @key @atms) (NX|XX|GT|LT|FOO|"")...
    2  (EXPIRE|PEXPIRE|EXPIREAT|PEXPIREAT) @key @hugeint [NX|XX|GT|LT]
    4  PERSIST @key
    6  TTL @key
    6  PTTL @key
    4  EXPIRETIME @key
    4  PEXPIRETIME @key
    6  RENAME @key @key
    4  RENAMENX @key @key
    3  (RENAME|RENAMENX) @samekey
    6  COPY @key @key [DB @db] [REPLACE]
    2  COPY @samekey [DB @db] [REPLACE]
    1  COPY @key @key (DB|FOO|REPLACE REPLACE|DB 1 DB 9|DB abc|DB -1|DB 16|REPLACE DB 9)
    4  MOVE @key @db
    1  MOVE @key @value
    4  KEYS @pattern
    2  SCAN 0 COUNT 1000 [MATCH @pattern] [TYPE (string|list|nosuch|STRING)]
    1  SCAN (abc|-1|18446744073709551616|1.5|"") [COUNT @count] [MATCH @pattern]
    1  SCAN 0 (COUNT 0|COUNT abc|COUNT -1|COUNT|MATCH|TYPE|FOO bar|MATCH a COUNT)
    1  RANDOMKEY
    4  OBJECT ENCODING @key
    1  OBJECT REFCOUNT @key
    1  OBJECT IDLETIME @key
    1  OBJECT FREQ @key
    1  OBJECT @value [@key]
    4  DUMP @key
    2  RESTORE @key @ttlms @dumped [REPLACE] [ABSTTL] [IDLETIME @count] [FREQ @count]
    2  RESTORE @key @ttlms @dumped REPLACE
    1  RESTORE @key @atms @dumped ABSTTL REPLACE
    1  RESTORE @key @ttlms @dumped (FREQ|IDLETIME|FREQ 256|FREQ abc|IDLETIME abc|FOO)
    1  WAIT (0|-1|abc) (0|-1|abc|1.5)
}

intact "wait*" "for a replica that never comes it would wait for ever"

several samekey
proc gen::samekey {} {return [lrepeat 2 [key]]}

# Payloads of format version 10 with the right checksum: small and large integers, short and long
# text, text that is compressed. And broken ones.
proc gen::dumped {} {
    if {rand() < 0.4} {
        return [pick [list "" abc "\x00\x03abc\x09\x00" [bytes 30] \
            "\x00\x03abc\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
            [string replace [pick $::gen::payloads] 2 2 [bytes 1]] \
            [string range [pick $::gen::payloads] 0 end-1]]]
    }
    return [pick $::gen::payloads]
}

set gen::payloads [lmap hex {
    00c00a0a006e9f57450eae63bb
    00c1d08a0a00d57cb019a3f85d10
    00c290eefeff0a002875de7b13eb2800
    000a323134373438333634380a00e7b129a34c1d76ee
    000568656c6c6f0a006372df766534200a
    000b31323334353637383930310a00304e52d727176510
    00000a005d9b5c400f7fa2da
    0003332e300a00da206197b7ef3f3e
    00c3093c017878e02f000178780a00136a4bd61cb507ae
    00c30d419002616261e0ff01e07a010161620a003f03619433dd8d9a
} {binary format H* $hex}]
