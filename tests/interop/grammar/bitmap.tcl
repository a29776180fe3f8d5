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
