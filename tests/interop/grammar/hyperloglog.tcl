# HyperLogLog commands. Damaged strings are only counted and merged from: the real server adds to
# some of those that Keel refuses (see tests/interop/hyperloglog.tcl).

group hyperloglog {
    14 PFADD @hll @element...
    6  PFADD @hll ((@element...)...)...
    1  PFADD @hll (((@element...)...)...)...
    1  PFADD @hll
    8  PFCOUNT @hll
    4  PFCOUNT @hll...
    4  PFMERGE @hll [@hll...]
    4  GET @hll
    2  PFDEBUG (ENCODING|DECODE|TODENSE|GETREG|FOO) @hll
    1  PFDEBUG TODENSE h0
    1  COPY @hll @hll
    1  DEL @hll
    2  STRLEN @hll
    1  SET damaged (HYLL|HYLLxxxxxxxxxxxxxxx|"")
    1  COPY @hll damaged REPLACE
    2  SETRANGE damaged @spot @byte
    2  (PFCOUNT|GET) damaged
    1  PFCOUNT @hll damaged
    1  PFMERGE merged damaged
    1  DEL merged
}

proc gen::hll {} {return [expr {rand() < 0.03 ? [key] : "h[int 6]"}]}
proc gen::element {} {return [expr {rand() < 0.9 ? "e[int 4000]" : [bytes 20]}]}
proc gen::spot {} {return [pick {0 4 5 15 16 17 18 19 20 100 12303}]}
proc gen::byte {} {return [format %c [int 256]]}

# Keys of other groups' commands hold none for long: APPEND would damage it.
foreach pattern {"pfadd [^h]*" "pfmerge [^hm]*"} {
    realign $pattern {del @1} "the real server adds to some damaged strings that Keel refuses"
}
realign {copy h* [^h]*} {del @2} "the same"

intact "setrange damaged *" "large offsets only cost memory"
intact "pfadd *" "damaged strings are not to be added to"
intact "pfmerge *" "damaged strings are not to be added to"
