/* dtoa.c - the shortest decimal form of a double.
 *
 * Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers",
 * 2010): the two neighbours' midpoints are scaled by a cached power of ten into a range where
 * digits come from 64-bit integer arithmetic, and digits are made until the number made so far
 * can only be meant for this double. What it prints always reads back as the same double; in
 * about one case of a thousand it is one digit longer than the shortest form. The cached powers
 * and where they are looked up decide those cases, so both are as in Redis's choice. */
#include <keel/text.h>
#include <math.h>
#include <string.h>

/* fraction * 2^exponent */
typedef struct Scaled {
    uint64_t fraction;
    int exponent;
} Scaled;

#define FRACTION_BITS 52
#define HIDDEN_BIT (1ull << FRACTION_BITS)
#define EXPONENT_BIAS (1023 + FRACTION_BITS)

/* 10^k for k = -348, -340 ... 340, rounded to 64 bits. */
#define POWER_FIRST (-348)
#define POWER_STEP 8
static const Scaled powers[87] = {
    {0xfa8fd5a0081c0288, -1220}, {0xbaaee17fa23ebf76, -1193}, {0x8b16fb203055ac76, -1166},
    {0xcf42894a5dce35ea, -1140}, {0x9a6bb0aa55653b2d, -1113}, {0xe61acf033d1a45df, -1087},
    {0xab70fe17c79ac6ca, -1060}, {0xff77b1fcbebcdc4f, -1034}, {0xbe5691ef416bd60c, -1007},
    {0x8dd01fad907ffc3c, -980}, {0xd3515c2831559a83, -954}, {0x9d71ac8fada6c9b5, -927},
    {0xea9c227723ee8bcb, -901}, {0xaecc49914078536d, -874}, {0x823c12795db6ce57, -847},
    {0xc21094364dfb5637, -821}, {0x9096ea6f3848984f, -794}, {0xd77485cb25823ac7, -768},
    {0xa086cfcd97bf97f4, -741}, {0xef340a98172aace5, -715}, {0xb23867fb2a35b28e, -688},
    {0x84c8d4dfd2c63f3b, -661}, {0xc5dd44271ad3cdba, -635}, {0x936b9fcebb25c996, -608},
    {0xdbac6c247d62a584, -582}, {0xa3ab66580d5fdaf6, -555}, {0xf3e2f893dec3f126, -529},
    {0xb5b5ada8aaff80b8, -502}, {0x87625f056c7c4a8b, -475}, {0xc9bcff6034c13053, -449},
    {0x964e858c91ba2655, -422}, {0xdff9772470297ebd, -396}, {0xa6dfbd9fb8e5b88f, -369},
    {0xf8a95fcf88747d94, -343}, {0xb94470938fa89bcf, -316}, {0x8a08f0f8bf0f156b, -289},
    {0xcdb02555653131b6, -263}, {0x993fe2c6d07b7fac, -236}, {0xe45c10c42a2b3b06, -210},
    {0xaa242499697392d3, -183}, {0xfd87b5f28300ca0e, -157}, {0xbce5086492111aeb, -130},
    {0x8cbccc096f5088cc, -103}, {0xd1b71758e219652c, -77}, {0x9c40000000000000, -50},
    {0xe8d4a51000000000, -24}, {0xad78ebc5ac620000, 3}, {0x813f3978f8940984, 30},
    {0xc097ce7bc90715b3, 56}, {0x8f7e32ce7bea5c70, 83}, {0xd5d238a4abe98068, 109},
    {0x9f4f2726179a2245, 136}, {0xed63a231d4c4fb27, 162}, {0xb0de65388cc8ada8, 189},
    {0x83c7088e1aab65db, 216}, {0xc45d1df942711d9a, 242}, {0x924d692ca61be758, 269},
    {0xda01ee641a708dea, 295}, {0xa26da3999aef774a, 322}, {0xf209787bb47d6b85, 348},
    {0xb454e4a179dd1877, 375}, {0x865b86925b9bc5c2, 402}, {0xc83553c5c8965d3d, 428},
    {0x952ab45cfa97a0b3, 455}, {0xde469fbd99a05fe3, 481}, {0xa59bc234db398c25, 508},
    {0xf6c69a72a3989f5c, 534}, {0xb7dcbf5354e9bece, 561}, {0x88fcf317f22241e2, 588},
    {0xcc20ce9bd35c78a5, 614}, {0x98165af37b2153df, 641}, {0xe2a0b5dc971f303a, 667},
    {0xa8d9d1535ce3b396, 694}, {0xfb9b7cd9a4a7443c, 720}, {0xbb764c4ca7a44410, 747},
    {0x8bab8eefb6409c1a, 774}, {0xd01fef10a657842c, 800}, {0x9b10a4e5e9913129, 827},
    {0xe7109bfba19c0c9d, 853}, {0xac2820d9623bf429, 880}, {0x80444b5e7aa7cf85, 907},
    {0xbf21e44003acdd2d, 933}, {0x8e679c2f5e44ff8f, 960}, {0xd433179d9c8cb841, 986},
    {0x9e19db92b4e31ba9, 1013}, {0xeb96bf6ebadf77d9, 1039}, {0xaf87023b9bf0ee6b, 1066},
};

static Scaled normalized(Scaled v) {
    int shift = __builtin_clzll(v.fraction);
    return (Scaled){v.fraction << shift, v.exponent - shift};
}

/* The upper half of the product, rounded. */
static Scaled product(Scaled a, Scaled b) {
    unsigned __int128 p = (unsigned __int128)a.fraction * b.fraction + (1ull << 63);
    return (Scaled){(uint64_t)(p >> 64), a.exponent + b.exponent + 64};
}

/* A cached power that brings a number of this binary exponent to one of -60 to -32; *k gets the
 * decimal exponent of its inverse. */
static Scaled cached_power(int exponent, int *k) {
    int guess = (int)(-(exponent + 87) * 0.30102999566398114);
    int i = (guess - POWER_FIRST) / POWER_STEP;
    for (;;) {
        int sum = exponent + powers[i].exponent + 64;
        if (sum < -60) {
            i++;
        } else if (sum > -32) {
            i--;
        } else {
            *k = -(POWER_FIRST + i * POWER_STEP);
            return powers[i];
        }
    }
}

/* Lowers the last digit while that brings the number closer to the one meant, and stays inside
 * the interval. All are in units of the last digit's `unit`. */
static void round_last(char *last, uint64_t width, uint64_t rest, uint64_t unit, uint64_t wanted) {
    while (rest < wanted && width - rest >= unit &&
           (rest + unit < wanted || wanted - rest > rest + unit - wanted)) {
        (*last)--;
        rest += unit;
    }
}

/* Digits of `upper`, as many as tell it from the interval's other end. `meant` lies between.
 * Returns their number and adds to *k the places that were left out. */
static int make_digits(Scaled meant, Scaled upper, Scaled lower, char *digits, int *k) {
    uint64_t wanted = upper.fraction - meant.fraction, width = upper.fraction - lower.fraction;
    int shift = -upper.exponent, n = 0, places = 10;
    uint64_t one = 1ull << shift;
    uint64_t whole = upper.fraction >> shift, part = upper.fraction & (one - 1);
    for (uint64_t ten = 1000000000; places > 0; ten /= 10) {
        unsigned digit = (unsigned)(whole / ten);
        if (digit || n) digits[n++] = (char)('0' + digit);
        whole -= digit * ten;
        places--;
        uint64_t rest = (whole << shift) + part;
        if (rest <= width) {
            *k += places;
            round_last(digits + n - 1, width, rest, ten << shift, wanted);
            return n;
        }
    }
    for (uint64_t scale = 10;; scale *= 10) {
        part *= 10;
        width *= 10;
        places--;
        unsigned digit = (unsigned)(part >> shift);
        if (digit || n) digits[n++] = (char)('0' + digit);
        part &= one - 1;
        if (part < width) {
            *k += places;
            round_last(digits + n - 1, width, part, one, wanted * scale);
            return n;
        }
    }
}

/* v > 0 as 0.DIGITS * 10^(n + *k); returns n. `digits` has room for 20. */
static int shortest_digits(double v, char *digits, int *k) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    Scaled exact = {bits & (HIDDEN_BIT - 1), (int)(bits >> FRACTION_BITS & 0x7FF)};
    if (exact.exponent) {
        exact.fraction |= HIDDEN_BIT;
        exact.exponent -= EXPONENT_BIAS;
    } else {
        exact.exponent = 1 - EXPONENT_BIAS;
    }
    /* The midpoints to the neighbours; below a power of two the lower one is nearer. */
    Scaled upper = normalized((Scaled){(exact.fraction << 1) + 1, exact.exponent - 1});
    int narrow = exact.fraction == HIDDEN_BIT ? 2 : 1;
    Scaled lower = {(exact.fraction << narrow) - 1, exact.exponent - narrow};
    lower.fraction <<= lower.exponent - upper.exponent;
    lower.exponent = upper.exponent;
    exact = normalized(exact);

    Scaled power = cached_power(upper.exponent, k);
    exact = product(exact, power);
    upper = product(upper, power);
    lower = product(lower, power);
    /* The products may be off by one: stay inside for sure. */
    upper.fraction--;
    lower.fraction++;
    return make_digits(exact, upper, lower, digits, k);
}

/* Puts the point into `n` digits times 10^k, or an exponent behind them: none up to seven zeros
 * at the end or six in front. */
static size_t place_point(char *out, const char *digits, int n, int k) {
    char *p = out;
    int exponent = k + n - 1;
    if (k >= 0 && exponent < n + 7) {
        memcpy(p, digits, (size_t)n);
        memset(p + n, '0', (size_t)k);
        return (size_t)(n + k);
    }
    if (k < 0 && (k > -7 || (exponent < 4 && exponent > -4))) {
        int before = n + k;
        if (before <= 0) {
            *p++ = '0';
            *p++ = '.';
            memset(p, '0', (size_t)-before);
            p += -before;
            before = 0;
        } else {
            memcpy(p, digits, (size_t)before);
            p += before;
            *p++ = '.';
        }
        memcpy(p, digits + before, (size_t)(n - before));
        return (size_t)(p - out) + (size_t)(n - before);
    }
    *p++ = digits[0];
    if (n > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, (size_t)(n - 1));
        p += n - 1;
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    return (size_t)(p - out) + keel_format_int(p, exponent < 0 ? -exponent : exponent);
}

size_t keel_format_double(char *out, double v) {
    size_t len;
    if (isnan(v)) {
        len = 3;
        memcpy(out, "nan", 3);
    } else if (isinf(v) || v == 0) {
        const char *word = isinf(v) ? "inf" : "0";
        bool negative = signbit(v);
        len = strlen(word);
        out[0] = '-';
        memcpy(out + negative, word, len);
        len += negative;
    } else if (fabs(v) <= 0x1p62 && v == (double)(int64_t)v) {
        len = keel_format_int(out, (int64_t)v);
    } else {
        char digits[20];
        int k;
        int n = shortest_digits(fabs(v), digits, &k);
        bool negative = v < 0;
        out[0] = '-';
        len = negative + place_point(out + negative, digits, n, k);
    }
    out[len] = '\0';
    return len;
}
