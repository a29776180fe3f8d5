# payload.tcl - DUMP payloads made by hand, with the right checksum.
#
#   source payload.tcl                       (after kit.tcl)
#   r restore key 0 [payload "\x00\x05hello"]

# CRC64 with Jones's polynomial, reflected, as payloads and files end with.
proc crc64 bytes {
    set crc 0
    binary scan $bytes cu* values
    foreach value $values {
        set crc [expr {$crc ^ $value}]
        for {set bit 0} {$bit < 8} {incr bit} {
            set crc [expr {$crc & 1 ? ($crc >> 1) ^ 0x95AC9329AC4BC9B5 : $crc >> 1}]
        }
    }
    return $crc
}

# A payload with this body (the value's type in front), its version and its checksum.
proc payload {body {version 10}} {
    append body [binary format s $version]
    return $body[binary format w [crc64 $body]]
}
