# SORT and SORT_RO, and the values that they work on: elements that are numbers and that are not,
# weights in keys and in hashes. Ties of ALPHA BY are in no order that is promised, so BY patterns with
# ALPHA name distinct weights or none. STORE goes without numbers: see the exception of SORT.

group sort {
    3  RPUSH @sortkey @sortnumber...
    2  SADD @sortset @sortnumber...
    2  ZADD @sortkey @sortzadd...
    1  RPUSH @sortkey @sortword...
    1  DEL @sortkey
    4  SET @sortweight @sortnumber
    2  HSET @sorthash f @sortnumber g @sortword
    8  SORT @sortkey [LIMIT @sortlimit @sortlimit] [ASC|DESC] [ALPHA]
    4  SORT @sortkey BY w_* [LIMIT @sortlimit @sortlimit] [GET #] [GET w_*] [GET h_*->g] [ASC|DESC]
    4  SORT @sortkey BY h_*->f [GET h_*->f] [GET #] [DESC]
    3  SORT @sortlist BY nosort [LIMIT @sortlimit @sortlimit] [GET #|GET w_*|GET none] [ASC|DESC]
    4  SORT @sortkey BY nosort [LIMIT @sortlimit @sortlimit] [GET (#|w_*|h_*->)] [DESC] STORE @sortkey
    2  SORT @sortkey ALPHA [LIMIT @sortlimit @sortlimit] [GET (#|w_*)] [DESC] STORE @sortkey
    2  SORT_RO @sortkey [BY w_*] [LIMIT @sortlimit @sortlimit] [GET h_*->g]
    1  SORT_RO @sortkey [GET h_*->g] [ALPHA]
    1  SORT_RO @sortkey STORE @sortkey
    1  SORT @key [ALPHA]
    1  SORT @sortkey (LIMIT 1|LIMIT a b|BY|GET|STORE|FOO|LIMIT 0 99999999999999999999)
    1  SORT @sortlist ALPHA ASC DESC BY nosort
}

realign "sort*" {zunionstore @1 1 @1} \
    "the real server unpacks a small sorted set for good when it sorts it; the union is packed again"

proc gen::sortkey {} {return [pick {sk1 sk2 sk3 sk4}]}
# Keys whose elements have an order of their own, and keys that may be sets.
proc gen::sortlist {} {return [pick {sk1 sk2}]}
proc gen::sortset {} {return [pick {sk3 sk4}]}
proc gen::sortnumber {} {
    if {rand() < 0.01} {return [pick {abc "" 1x nan 0x10}]}
    return [pick [list [int 30] [int 30] -[int 30] [int 9].5 inf -inf 1e3]]
}
proc gen::sortword {} {return [pick {a b c d aa ab B Z "" "a b"}]}
proc gen::sortzadd {} {return [list [int 10] [int 30]]}
proc gen::sortweight {} {return w_[int 30]}
proc gen::sorthash {} {return h_[int 30]}
proc gen::sortlimit {} {return [pick {0 1 2 5 -1 100 -5}]}
