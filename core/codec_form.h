/* codec_form.h - the marks that the RDB encoding's lengths and strings begin with. */
#ifndef CORE_CODEC_FORM_H
#define CORE_CODEC_FORM_H

enum {
    /* The upper two bits of a length's first byte. */
    LEN_6_BITS = 0,
    LEN_14_BITS = 1,
    LEN_WIDE = 2,
    LEN_ENCODED = 3,
    /* The whole first byte of a wide length. */
    LEN_32_BITS = 0x80,
    LEN_64_BITS = 0x81,
    /* The lower six bits of an encoded string's first byte. */
    STRING_INT8 = 0,
    STRING_INT16 = 1,
    STRING_INT32 = 2,
    STRING_COMPRESSED = 3,
    /* Instead of the length of a double's text. */
    DOUBLE_NAN = 253,
    DOUBLE_INF = 254,
    DOUBLE_MINUS_INF = 255,
};

#endif
