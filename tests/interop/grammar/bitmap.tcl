# Bitmap commands.

group bitmap {
    8  SETBIT @key @bitoffset @bit
    6  GETBIT @key @bitoffset
    6  BITCOUNT @key [@index @index [BYTE|BIT]]
    6  BITPOS @key @bit [@index [@index [BYTE|BIT]]]
    6  BITOP (AND|OR|XOR) @key @key...
    3  BITOP NOT @key @key
    1  BITOP (NOT|FOO) @key @key @key
    5  BITFIELD @key (GET @bittype @bitindex|SET @bittype @bitindex @anyint)...
    5  BITFIELD @key (OVERFLOW @overflow|INCRBY @bittype @bitindex @anyint)...
    4  BITFIELD_RO @key (GET @bittype @bitindex)...
    1  BITFIELD_RO @key SET @bittype @bitindex @anyint
    3  BITFIELD @key (OVERFLOW @overflow [GET @bittype @bitindex] [SET @bittype @bitindex @bigint|INCRBY @bittype @bitindex @bigint])...
    1  BITFIELD @key (GET|SET u8|INCRBY i8 0|OVERFLOW|GET u8 0 GET|OVERFLOW SAT FOO|"")
    1  BITFIELD @key
    1  SETBIT @key @bitlimit @bit
    1  BITCOUNT @key (0|0 1 FOO|0 1 BIT BYTE|abc 1|0 abc|1.5 2)
    1  BITPOS @key (0|1|2|abc) (abc|0 abc|0 1 FOO|0 -1 BIT|0 -1 BYTE BIT)
}

proc gen::bittype {} {
    if {rand() < 0.05} {return [pick {u64 i65 u0 i0 x8 u "" i-1 u63x}]}
    return [pick {u i}][pick {1 2 3 5 7 8 15 16 31 32 47 62 63}]
}
proc gen::bitindex {} {
    if {rand() < 0.03} {return [pick {-1 #-1 # abc 8388608 #9223372036854775807}]}
    return [pick {"" #}][int 40]
}
proc gen::overflow {} {
    return [expr {rand() < 0.05 ? "FOO" : [pick {WRAP SAT FAIL wrap sat fail}]}]
}
# Around the limit of proto-max-bulk-len in the run and that of all servers.
proc gen::bitlimit {} {
    return [pick {8388607 8388608 4294967295 4294967296 -1 abc 9223372036854775807 1.0}]
}
