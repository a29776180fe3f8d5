/* zipf.c - a cache in use: reads that follow Zipf's law, and a write for each that missed.
 *
 *     zipf -p 6379 -u 100000 -s 1.0 -r 20000 -w 8 -m 8 [-d 100] [-e 3600] [--seed 1]
 *
 * Of -u keys, key number k is read with a chance that falls as k to the power of -s. Batches of 50 GETs
 * on one connection, and then a SET (EX -e, when given) for each that missed: -r reads a second, -w
 * seconds to warm up and -m seconds that count. The pace is fixed because access clocks tick in
 * seconds: a server that is asked faster would see fewer ticks and choose worse. Prints
 *
 *     reads=160000 hits=123456 ratio=0.7716 errors=0
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 50, BUFFER = 1 << 20 };

static struct {
    int port, data, expire;
    size_t keys;
    double skew, rate, warmup, measure;
    uint64_t seed;
} opt = {.port = 6379, .data = 100, .keys = 100000, .skew = 1, .rate = 20000, .warmup = 8,
         .measure = 8, .seed = 1};

static int fd;
static char out[BUFFER], in[BUFFER], *data;
static size_t out_len, in_at, in_len;
static double *chances; /* summed up */
static uint64_t reads, hits, errors;

static void die(const char *what) {
    fprintf(stderr, "zipf: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* splitmix64, as a number from 0 to 1 */
static double uniform(void) {
    uint64_t z = (opt.seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void chances_make(void) {
    double sum = 0;
    chances = malloc(opt.keys * sizeof *chances);
    if (!chances) die("memory");
    for (size_t i = 0; i < opt.keys; i++) chances[i] = sum += pow((double)i + 1, -opt.skew);
    for (size_t i = 0; i < opt.keys; i++) chances[i] /= sum;
}

static size_t next_key(void) {
    double u = uniform();
    size_t low = 0, high = opt.keys - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (chances[middle] < u) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* ---- talking ---- */

static void server_connect(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void add_get(size_t key) {
    out_len += (size_t)sprintf(out + out_len, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012zu\r\n", key);
}

static void add_set(size_t key) {
    out_len += (size_t)sprintf(out + out_len, "*%d\r\n$3\r\nSET\r\n$16\r\nkey:%012zu\r\n$%d\r\n%s\r\n",
                               opt.expire ? 5 : 3, key, opt.data, data);
    if (!opt.expire) return;
    char text[24];
    int n = snprintf(text, sizeof text, "%d", opt.expire);
    out_len += (size_t)sprintf(out + out_len, "$2\r\nEX\r\n$%d\r\n%s\r\n", n, text);
}

static void flush_out(void) {
    for (size_t at = 0; at < out_len;) {
        ssize_t n = write(fd, out + at, out_len - at);
        if (n <= 0) die("write");
        at += (size_t)n;
    }
    out_len = 0;
}

static int next_byte(void) {
    if (in_at == in_len) {
        ssize_t n = read(fd, in, sizeof in);
        if (n <= 0) die("read");
        in_at = 0;
        in_len = (size_t)n;
    }
    return in[in_at++];
}

/* One reply, a line or a bulk. Whether it was a value. */
static int read_reply(void) {
    int kind = next_byte(), minus = 0, c;
    long len = 0;
    while ((c = next_byte()) != '\n') {
        if (c == '-') minus = 1;
        else if (c >= '0' && c <= '9') len = len * 10 + c - '0';
    }
    if (kind == '-') errors++;
    if (kind != '$' || minus) return 0;
    for (long i = 0; i < len + 2; i++) next_byte();
    return 1;
}

/* ---- the load ---- */

static void batch(void) {
    size_t keys[BATCH], missed[BATCH], count = 0;
    for (int i = 0; i < BATCH; i++) add_get(keys[i] = next_key());
    flush_out();
    for (int i = 0; i < BATCH; i++) {
        if (read_reply()) hits++;
        else missed[count++] = keys[i];
    }
    reads += BATCH;
    for (size_t i = 0; i < count; i++) add_set(missed[i]);
    flush_out();
    for (size_t i = 0; i < count; i++) read_reply();
}

/* Keeps to the pace; what was missed is made good. */
static void run(double seconds) {
    double start = now(), due = start;
    for (double done = 0; done < seconds * opt.rate; done += BATCH) {
        double early = due - now();
        if (early > 0) usleep((useconds_t)(early * 1e6));
        batch();
        due += BATCH / opt.rate;
    }
}

static void usage(void) {
    fprintf(stderr, "usage: zipf [-p port] [-u keys] [-s skew] [-r reads a second] [-w seconds]\n"
                    "            [-m seconds] [-d value bytes] [-e expire seconds] [--seed n]\n");
    exit(1);
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"seed", required_argument, NULL, 'S'}, {0}};
    int o;
    while ((o = getopt_long(argc, argv, "p:u:s:r:w:m:d:e:", names, NULL)) != -1) {
        switch (o) {
        case 'p': opt.port = atoi(optarg); break;
        case 'u': opt.keys = strtoul(optarg, NULL, 10); break;
        case 's': opt.skew = atof(optarg); break;
        case 'r': opt.rate = atof(optarg); break;
        case 'w': opt.warmup = atof(optarg); break;
        case 'm': opt.measure = atof(optarg); break;
        case 'd': opt.data = atoi(optarg); break;
        case 'e': opt.expire = atoi(optarg); break;
        case 'S': opt.seed = strtoull(optarg, NULL, 10); break;
        default: usage();
        }
    }
    if (!opt.keys || opt.data < 1 || opt.data > 10000 || opt.rate <= 0 || opt.expire < 0) usage();
    data = malloc((size_t)opt.data + 1);
    if (!data) die("memory");
    memset(data, 'x', (size_t)opt.data);
    data[opt.data] = '\0';
    chances_make();
    server_connect();
    run(opt.warmup);
    reads = hits = 0;
    run(opt.measure);
    printf("reads=%llu hits=%llu ratio=%.4f errors=%llu\n", (unsigned long long)reads,
           (unsigned long long)hits, (double)hits / (double)(reads ? reads : 1),
           (unsigned long long)errors);
    return errors ? 2 : 0;
}
