# Commands on keys of any type. Left out: MIGRATE, WAIT, SORT of types that other groups bring.

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
    1  EXPIRE @key @ttl (NX XX|GT LT|NX GT|FOO)
    4  PERSIST @key
    6  TTL @key
    6  PTTL @key
    4  EXPIRETIME @key
    4  PEXPIRETIME @key
    6  RENAME @key @key
    4  RENAMENX @key @key
    6  COPY @key @key [DB @db] [REPLACE]
    4  MOVE @key @db
    4  KEYS @pattern
    2  SCAN 0 COUNT 1000 [MATCH @pattern] [TYPE (string|list|nosuch)]
    1  SCAN (abc|-1|18446744073709551616) [COUNT @count] [MATCH @pattern]
    1  SCAN 0 (COUNT 0|COUNT abc|MATCH|FOO bar)
    1  RANDOMKEY
    4  OBJECT ENCODING @key
    1  OBJECT REFCOUNT @key
    1  OBJECT IDLETIME @key
    1  OBJECT FREQ @key
    1  OBJECT @value [@key]
    4  DUMP @key
    2  RESTORE @key @ttlms @dumped [REPLACE] [ABSTTL] [IDLETIME @count] [FREQ @count]
    2  SORT @key [LIMIT @count @count] [ASC|DESC] [ALPHA]
    1  SORT_RO @key [ALPHA]
}
