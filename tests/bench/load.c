/* load.c - an exact and cheap load generator for servers that speak RESP.
 *
 *     load -p 6379 -c 50 -P 16 -n 1000000 -r 1000000 -t get
 *     load -p 6379 -n 500000 -r 500000 -d 32 --seq -t set        populate key:000000000000...
 *     load -p 6379 -n 1000 -- HSET h:__rand_int__ f __data__      any command
 *     load -p 6379 -n 1000 -- MULTI \; INCR n \; EXEC             several, counted as one
 *     load -n 1000 --listeners 100 --listen "SUBSCRIBE ch" -- PUBLISH ch __data__
 *     load --pid 4711 --run -- redis-benchmark -t get -q          measure another generator
 *
 * Sends the commands redis-benchmark sends (same key names, same value bytes, a batch of P commands
 * in one write, the next batch when all P replies are in), but exactly -n of them, and with little
 * work between two batches: the requests are built once, only the digits of their keys change.
 * Unlike redis-benchmark it can walk the key space in order (--seq), so that a population is
 * complete and two servers see the same keys (--seed).
 *
 * --listeners N connections besides send the words of --listen once ("%d" becomes the number of the
 * connection) and throw away all they get: the cost of messages is measured with somebody there.
 *
 * After -w requests of warm-up, on the same connections, the measured part starts. What it cost
 * the process --pid (CPU nanoseconds of all its threads, user and system) and what it added to the
 * counters of --counter (see alloccount.c) is printed with the rate, in one line of name=value:
 *
 *     requests=1000000 seconds=1.042 rps=959692 cpu_ns=1031557312 allocs=0 frees=0 errors=0
 *
 * --before CMD and --after CMD are shell commands run around the measured part. Exit status: 0,
 * 1 for a failure to run, 2 when the server answered with errors (the first one is on stderr).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RAND_MARK "__rand_int__"        /* becomes a key number of 12 digits */
#define DATA_MARK "__data__"            /* becomes the value of -d bytes */
#define MARK_DIGITS 12
#define READ_BUFFER (64 * 1024)
#define MAX_ARGS 64

/* One connection: its batch of requests, and the state of the reply skipper. */
typedef struct Conn {
    int fd;
    int listens;                        /* what it gets is thrown away */
    char *out;                          /* P requests, back to back */
    size_t unsent;                      /* bytes of this batch not yet written */
    int wants_out;                      /* epoll also watches for room to write */
    size_t batch_bytes;                 /* of the current batch */
    size_t waiting;                     /* replies still due */
    size_t items;                       /* elements still due in the current reply */
    size_t skip;                        /* bytes of a bulk still to pass over */
    size_t have;                        /* bytes of a split line kept in `in` */
    char *in;
} Conn;

/* The request every batch is made of: a command, or several that each have a reply. `slots` are the
 * offsets of its key numbers. */
typedef struct Template {
    char *bytes;
    size_t len;
    size_t replies;
    size_t slots[MAX_ARGS];
    size_t nslots;
} Template;

static struct {
    int port, conns, data, seq, run, listeners;
    size_t pipeline, requests, warmup;
    uint64_t range, seed;
    pid_t pid;
    const char *preset, *before, *after, *counter, *listen;
} opt = {.port = 6379, .conns = 50, .data = 3, .pipeline = 1, .requests = 100000, .range = 1000000,
         .seed = 1, .preset = "ping"};

/* What redis-benchmark -t sends under each name. */
static const struct { const char *name, *words; } presets[] = {
    {"ping", "PING"},
    {"set", "SET key:__rand_int__ __data__"},
    {"get", "GET key:__rand_int__"},
    {"incr", "INCR counter:__rand_int__"},
    {"lpush", "LPUSH mylist __data__"},
    {"rpush", "RPUSH mylist __data__"},
    {"lpop", "LPOP mylist"},
    {"rpop", "RPOP mylist"},
    {"sadd", "SADD myset element:__rand_int__"},
    {"spop", "SPOP myset"},
    {"hset", "HSET myhash element:__rand_int__ __data__"},
    {"zadd", "ZADD myzset __rand_int__ element:__rand_int__"},
    {"zpopmin", "ZPOPMIN myzset"},
    {"xadd", "XADD mystream * myfield __data__"},
    {"lrange_100", "LRANGE mylist 0 99"},
    {"lrange_300", "LRANGE mylist 0 299"},
    {"lrange_500", "LRANGE mylist 0 499"},
    {"lrange_600", "LRANGE mylist 0 599"},
    {"mset", "MSET key:__rand_int__ __data__ key:__rand_int__ __data__ key:__rand_int__ __data__ "
             "key:__rand_int__ __data__ key:__rand_int__ __data__ key:__rand_int__ __data__ "
             "key:__rand_int__ __data__ key:__rand_int__ __data__ key:__rand_int__ __data__ "
             "key:__rand_int__ __data__"},
    {"multi", "MULTI ; SET key:__rand_int__ __data__ ; SET key:__rand_int__ __data__ ; "
              "SET key:__rand_int__ __data__ ; SET key:__rand_int__ __data__ ; "
              "SET key:__rand_int__ __data__ ; SET key:__rand_int__ __data__ ; "
              "SET key:__rand_int__ __data__ ; SET key:__rand_int__ __data__ ; "
              "SET key:__rand_int__ __data__ ; SET key:__rand_int__ __data__ ; EXEC"},
};

static Template tmpl;
static Conn *conns;
static size_t to_send, to_receive;      /* of the current phase */
static uint64_t key_state, errors;
static int key_digits, epoll_fd;

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The value bytes redis-benchmark uses: three of them are "VXK". */
static void fill_data(char *data, size_t len) {
    uint32_t state = 1234;
    for (size_t i = 0; i < len; i++) {
        state = state * 1103515245 + 12345;
        data[i] = (char)('0' + ((state >> 16) & 63));
    }
}

/* ---- requests ---- */

/* Appends one argument to the template. The marker of a key number becomes twelve zeros, whose
 * place is remembered; the marker of the value becomes the value. */
static void template_arg(const char *arg) {
    size_t len = strlen(arg);
    char *mark = strstr(arg, RAND_MARK);
    int is_data = !strcmp(arg, DATA_MARK);

    if (is_data) len = (size_t)opt.data;
    tmpl.bytes = realloc(tmpl.bytes, tmpl.len + len + 64);
    tmpl.len += (size_t)sprintf(tmpl.bytes + tmpl.len, "$%zu\r\n", len);
    if (is_data) fill_data(tmpl.bytes + tmpl.len, len);
    else memcpy(tmpl.bytes + tmpl.len, arg, len);
    if (mark) {
        size_t at = tmpl.len + (size_t)(mark - arg);
        memset(tmpl.bytes + at, '0', MARK_DIGITS);
        tmpl.slots[tmpl.nslots++] = at;
    }
    memcpy(tmpl.bytes + tmpl.len + len, "\r\n", 2);
    tmpl.len += len + 2;
}

static void template_build(int argc, char **argv) {
    char *words[MAX_ARGS];

    if (argc == 0) {
        const char *text = NULL;
        for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
            if (!strcmp(presets[i].name, opt.preset)) text = presets[i].words;
        if (!text) { fprintf(stderr, "load: no command is named %s\n", opt.preset); exit(1); }
        for (char *w = strtok(strdup(text), " "); w; w = strtok(NULL, " ")) words[argc++] = w;
        argv = words;
    }
    if (argc > MAX_ARGS) { fprintf(stderr, "load: more than %d arguments\n", MAX_ARGS); exit(1); }
    for (int i = 0, end; i < argc; i = end + 1) {
        for (end = i; end < argc && strcmp(argv[end], ";"); end++) {}
        tmpl.bytes = realloc(tmpl.bytes, tmpl.len + 32);
        tmpl.len += (size_t)sprintf(tmpl.bytes + tmpl.len, "*%d\r\n", end - i);
        while (i < end) template_arg(argv[i++]);
        tmpl.replies++;
    }
}

static uint64_t next_key(void) {
    if (opt.seq) return key_state++ % opt.range;
    uint64_t z = (key_state += 0x9e3779b97f4a7c15u);    /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint64_t)(((unsigned __int128)z * opt.range) >> 64);
}

/* Writes fresh key numbers into the first `count` requests of the batch. Only the digits the key
 * space needs are touched: the ones before stay zero. */
static void batch_keys(Conn *c, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t s = 0; s < tmpl.nslots; s++) {
            char *last = c->out + i * tmpl.len + tmpl.slots[s] + MARK_DIGITS - 1;
            uint64_t key = next_key();
            for (int d = 0; d < key_digits; d++, key /= 10) *last-- = (char)('0' + key % 10);
        }
    }
}

/* ---- connections ---- */

static void conn_watch(Conn *c, int op, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, op, c->fd, &ev) < 0) die("epoll_ctl");
}

static void conn_connect(Conn *c) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int one = 1;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof addr) < 0) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* The answer to the one request is awaited: it listens from then on. */
static void listener_open(Conn *c, int number) {
    char words[512], answer[1024];
    c->listens = 1;
    conn_connect(c);
    int n = snprintf(words, sizeof words - 2, opt.listen, number);
    memcpy(words + n, "\r\n", 2);
    if (write(c->fd, words, (size_t)n + 2) < 0 || read(c->fd, answer, sizeof answer) <= 0)
        die("listener");
    if (answer[0] == '-') { fprintf(stderr, "load: listener: %.100s", answer); exit(1); }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    conn_watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void listener_read(Conn *c) {
    static char drop[256 * 1024];
    ssize_t n = read(c->fd, drop, sizeof drop);
    if (n == 0) errno = ECONNRESET;
    if (n == 0 || (n < 0 && errno != EAGAIN)) die("listener");
}

static void conn_open(Conn *c) {
    conn_connect(c);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->out = malloc(tmpl.len * opt.pipeline);
    c->in = malloc(READ_BUFFER);
    for (size_t i = 0; i < opt.pipeline; i++)
        memcpy(c->out + i * tmpl.len, tmpl.bytes, tmpl.len);
    conn_watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Writes what is left of the batch; asks to be woken when the socket is full. */
static void conn_flush(Conn *c) {
    ssize_t n = write(c->fd, c->out + c->batch_bytes - c->unsent, c->unsent);

    if (n < 0 && errno != EAGAIN) die("write");
    if (n > 0) c->unsent -= (size_t)n;
    if (!c->unsent == !c->wants_out) return;
    c->wants_out = c->unsent > 0;
    conn_watch(c, EPOLL_CTL_MOD, c->wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Starts the next batch, shortened so that the phase sends exactly its number of requests. */
static void conn_next_batch(Conn *c) {
    size_t count = opt.pipeline < to_send ? opt.pipeline : to_send;
    if (count == 0) return;
    to_send -= count;
    batch_keys(c, count);
    c->batch_bytes = c->unsent = count * tmpl.len;
    c->waiting = count * tmpl.replies;
    conn_flush(c);
}

/* Consumes one header line: a simple reply is over with it, a bulk has bytes to skip, and an
 * aggregate stands for as many further elements. */
static void reply_line(Conn *c, const char *line) {
    long n = 0;
    if (c->items == 0) c->items = 1;
    c->items--;
    switch (line[0]) {
    case '-':
        if (errors++ == 0) fprintf(stderr, "load: server says %.*s\n",
                                   (int)(strchr(line, '\r') - line), line);
        break;
    case '$': case '=': case '!':
        n = atol(line + 1);
        if (n >= 0) c->skip = (size_t)n + 2;
        break;
    case '%':
        c->items += 2 * (size_t)atol(line + 1);
        break;
    case '*': case '~': case '>':
        n = atol(line + 1);
        if (n > 0) c->items += (size_t)n;
        break;
    }
}

/* Passes over `len` bytes of replies and counts the complete ones. A line cut in two by the end
 * of the buffer is moved to its start and completed by the next read. */
static void replies_skip(Conn *c, size_t len) {
    size_t at = 0;
    while (at < len) {
        if (c->skip) {
            size_t take = c->skip < len - at ? c->skip : len - at;
            c->skip -= take;
            at += take;
        } else {
            char *end = memchr(c->in + at, '\n', len - at);
            if (!end) break;
            reply_line(c, c->in + at);
            at = (size_t)(end + 1 - c->in);
        }
        if (c->skip == 0 && c->items == 0) {
            if (c->waiting == 0) { fprintf(stderr, "load: more replies than requests\n"); exit(1); }
            c->waiting--;
            to_receive--;
        }
    }
    c->have = len - at;
    memmove(c->in, c->in + at, c->have);
}

static void conn_read(Conn *c) {
    ssize_t n = read(c->fd, c->in + c->have, READ_BUFFER - c->have);
    if (n < 0 && errno == EAGAIN) return;
    if (n == 0) errno = ECONNRESET;
    if (n <= 0) die("read");
    replies_skip(c, c->have + (size_t)n);
    if (c->waiting == 0) conn_next_batch(c);
}

/* Sends `count` requests and returns when every reply is in. */
static void run_phase(size_t count) {
    struct epoll_event events[256];

    to_send = count;
    to_receive = count * tmpl.replies;
    for (int i = 0; i < opt.conns; i++) conn_next_batch(&conns[i]);
    while (to_receive) {
        int n = epoll_wait(epoll_fd, events, 256, -1);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (c->listens) { listener_read(c); continue; }
            if (c->unsent && (events[i].events & EPOLLOUT)) conn_flush(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) conn_read(c);
        }
    }
}

/* ---- measuring ---- */

/* CPU time of the measured process: every thread, also those that ended, user and system. */
static uint64_t cpu_ns(void) {
    struct timespec t;
    clockid_t clock;

    if (!opt.pid) return 0;
    if ((errno = clock_getcpuclockid(opt.pid, &clock)) || clock_gettime(clock, &t) < 0)
        die("CPU clock of --pid");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static volatile uint64_t *map_counter(void) {
    static uint64_t none[2];
    if (!opt.counter) return none;
    int fd = open(opt.counter, O_RDONLY);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) die(opt.counter);
    return at;
}

static void hook(const char *command) {
    if (command && system(command) != 0) { fprintf(stderr, "load: %s failed\n", command); exit(1); }
}

/* Runs another generator to its end, its output thrown away. */
static void run_other(char **argv) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) die(argv[0]);
}

static void measure(char **argv) {
    volatile uint64_t *counter = map_counter();

    if (!opt.run && opt.warmup) run_phase(opt.warmup);
    hook(opt.before);
    usleep(20000);                      /* let the server finish what the warm-up left behind */
    uint64_t cpu = cpu_ns(), allocs = counter[0], frees = counter[1], start = now_ns();
    if (opt.run) run_other(argv);
    else run_phase(opt.requests);
    uint64_t wall = now_ns() - start;
    usleep(2000);                       /* and go back to sleep: its clock is exact then */
    cpu = cpu_ns() - cpu, allocs = counter[0] - allocs, frees = counter[1] - frees;
    hook(opt.after);
    double seconds = (double)wall / 1e9;
    printf("requests=%zu seconds=%.6f rps=%.0f cpu_ns=%llu allocs=%llu frees=%llu errors=%llu\n",
           opt.requests, seconds, (double)opt.requests / seconds, (unsigned long long)cpu,
           (unsigned long long)allocs, (unsigned long long)frees, (unsigned long long)errors);
}

static void usage(void) {
    fprintf(stderr, "usage: load [-p port] [-c connections] [-P pipeline] [-n requests]\n"
                    "            [-w warmup] [-r keys] [-d value bytes] [--seq] [--seed n]\n"
                    "            [--listeners n --listen words]\n"
            "            [--pid pid] [--counter file] [--before cmd] [--after cmd]\n"
            "            [-t name | -- command args... | --run -- program args...]\n");
    exit(1);
}

static void parse_options(int argc, char **argv) {
    static const struct option names[] = {
        {"seq", no_argument, NULL, 's'},       {"seed", required_argument, NULL, 'S'},
        {"pid", required_argument, NULL, 'i'}, {"counter", required_argument, NULL, 'C'},
        {"run", no_argument, NULL, 'R'},       {"before", required_argument, NULL, 'B'},
        {"after", required_argument, NULL, 'A'},
        {"listeners", required_argument, NULL, 'l'},
        {"listen", required_argument, NULL, 'L'}, {0}};
    int o;
    while ((o = getopt_long(argc, argv, "p:c:P:n:w:r:d:t:", names, NULL)) != -1) {
        switch (o) {
        case 'p': opt.port = atoi(optarg); break;
        case 'c': opt.conns = atoi(optarg); break;
        case 'P': opt.pipeline = strtoul(optarg, NULL, 10); break;
        case 'n': opt.requests = strtoul(optarg, NULL, 10); break;
        case 'w': opt.warmup = strtoul(optarg, NULL, 10); break;
        case 'r': opt.range = strtoull(optarg, NULL, 10); break;
        case 'd': opt.data = atoi(optarg); break;
        case 't': opt.preset = optarg; break;
        case 's': opt.seq = 1; break;
        case 'S': opt.seed = strtoull(optarg, NULL, 10); break;
        case 'i': opt.pid = atoi(optarg); break;
        case 'C': opt.counter = optarg; break;
        case 'R': opt.run = 1; break;
        case 'l': opt.listeners = atoi(optarg); break;
        case 'L': opt.listen = optarg; break;
        case 'B': opt.before = optarg; break;
        case 'A': opt.after = optarg; break;
        default: usage();
        }
    }
    if (opt.listeners < 0 || !opt.listen != !opt.listeners) usage();
    if (opt.conns < 1 || !opt.pipeline || !opt.range || opt.data < 1 || opt.requests < 1) usage();
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    if (opt.run) {
        if (optind == argc) usage();
        measure(argv + optind);
        return 0;
    }
    template_build(argc - optind, argv + optind);
    for (uint64_t k = opt.range - 1; k || !key_digits; k /= 10) key_digits++;
    key_state = opt.seq ? 0 : opt.seed * 0x2545f4914f6cdd1du;
    epoll_fd = epoll_create1(0);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    conns = calloc((size_t)opt.conns + (size_t)opt.listeners, sizeof *conns);
    for (int i = 0; i < opt.listeners; i++) listener_open(&conns[opt.conns + i], i);
    for (int i = 0; i < opt.conns; i++) conn_open(&conns[i]);
    measure(NULL);
    return errors ? 2 : 0;
}
