# Geo commands. Some points lie on a coarse grid, so that many are at the same distance. STORED distances
# are numbers that 7.0 prints otherwise, so they are dropped at once.

group geo {
    14 GEOADD @geokey (@lon @lat @place)...
    4  GEOADD @geokey [NX|XX] [CH] (@lon @lat @place)...
    2  GEOADD @geokey (NX XX|CH|CH CH|FOO|NX) (@lon @lat @place)...
    2  GEOADD @geokey (181 0|0 86|-180.1 0|0 -85.06|abc 0|0 nan|inf 0) @place
    1  GEOADD @geokey @lon @lat
    1  GEOADD @key @lon @lat @place
    4  GEODIST @geokey @place @place [m|km|ft|mi|KM]
    1  GEODIST @geokey @place @place (yd|""|km km)
    4  GEOPOS @geokey @place...
    4  GEOHASH @geokey @place...
    2  (GEOPOS|GEOHASH) @geokey
    3  ZADD @geokey (-1|-5.5|inf|-inf|1e15|4503599627370495|4503599627370496|0.5) odd
    10 GEOSEARCH @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS @length @unit|BYBOX @length @length @unit) [ASC|DESC] [COUNT @some [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
    6  GEOSEARCH @geokey (BYRADIUS @length @unit|BYBOX @length @length @unit) [WITHDIST] (FROMMEMBER @place|FROMLONLAT @lon @lat) [COUNT @some] [ASC|DESC]
    2  GEOSEARCH @geokey ((FROMMEMBER @place|FROMLONLAT @lon @lat)|(BYRADIUS @length @unit|BYBOX @length @length @unit)|FROMLONLAT 0 0 FROMMEMBER p1|(FROMMEMBER @place|FROMLONLAT @lon @lat) BYRADIUS 1 m BYBOX 1 1 m)
    2  GEOSEARCH @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS -1 m|BYRADIUS abc m|BYRADIUS 1 yd|BYBOX -1 1 m|BYBOX 1 abc m|BYBOX abc 1 m|BYBOX 1 1 yd|BYRADIUS 1|BYBOX 1 m)
    2  GEOSEARCH @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS @length @unit|BYBOX @length @length @unit) (COUNT 0|COUNT -1|COUNT abc|COUNT|ANY|FOO|STOREDIST|STORE g1)
    5  GEOSEARCHSTORE @geokey @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS @length @unit|BYBOX @length @length @unit) [ASC|DESC] [COUNT @some]
    2  GEOSEARCHSTORE gdist @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS @length @unit|BYBOX @length @length @unit) STOREDIST
    1  GEOSEARCHSTORE @geokey @geokey (FROMMEMBER @place|FROMLONLAT @lon @lat) (BYRADIUS @length @unit|BYBOX @length @length @unit) (WITHDIST|WITHCOORD|WITHHASH|FOO)
    6  (GEORADIUS|GEORADIUS_RO) @geokey @lon @lat @length @unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT @some [ANY]] [ASC|DESC]
    5  (GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO) @geokey @place @length @unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT @some [ANY]] [ASC|DESC]
    2  (GEORADIUS|GEORADIUS_RO) @geokey @lon @lat @length @unit STORE @geokey [COUNT @some]
    2  (GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO) @geokey @place @length @unit STORE @geokey
    1  (GEORADIUS @geokey @lon @lat|GEORADIUSBYMEMBER @geokey @place) @length @unit STOREDIST gdist
    1  GEORADIUS @geokey @lon @lat @length @unit (STORE|STORE g1 WITHDIST|STORE g1 STORE g2|ANY|COUNT 0|FOO)
    3  ZREM @geokey @place...
    2  DEL @geokey
    2  ZRANGE @geokey 0 -1 WITHSCORES
    1  CONFIG SET zset-max-listpack-entries (128|128|4)
}

intact "geosearchstore gdist*" "the destination must stay the one that is dropped"
intact "georadius* storedist*" "the destination must stay the one that is dropped"
realign "geosearchstore gdist*" {del gdist} "7.0 keeps the distances' text with 17 digits"
realign "georadius* storedist gdist*" {del gdist} "7.0 keeps the distances' text with 17 digits"
intact "zadd g*" "scores"

proc gen::geokey {} {return [expr {rand() < 0.02 ? [key] : "g[int 4]"}]}
proc gen::place {} {return [expr {rand() < 0.03 ? [pick {odd nosuch ""}] : "p[int 60]"}]}
proc gen::some {} {return [pick {1 2 3 5 10 1000}]}
proc gen::unit {} {return [pick {m km ft mi M KM}]}
proc gen::length {} {
    return [expr {rand() < 0.2 ? [pick {0 1 100 5000 20000 100000 1e7}] : rand() * [pick {10 1000 3000 1000000}]}]
}
proc gen::lon {} {
    if {rand() < 0.4} {return [expr {int(rand() * 5) - 2}]}
    return [expr {rand() < 0.05 ? [pick {-180 180 179.999 0}] : (rand() - 0.5) * [pick {0.01 2 40 360}]}]
}
proc gen::lat {} {
    if {rand() < 0.4} {return [expr {int(rand() * 5) - 2}]}
    return [expr {rand() < 0.05 ? [pick {-85.05112878 85 -70 0}] : (rand() - 0.5) * [pick {0.01 2 40 170}]}]
}
