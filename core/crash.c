/* crash.c - the report of a crash: who was running what for whom, and where.
 *
 * The handler runs on a stack of its own, so a module that recursed without end is reported too.
 * It works on a process that is broken in unknown ways: it allocates nothing, takes no lock of
 * ours, and reads what others left behind through the kernel, which answers EFAULT where a load
 * would fault. The report is made of parts; one that faults all the same is given up and the next
 * one goes on, so the first lines, which name the culprit, are out whatever follows. snprintf and
 * dladdr are not promised to be safe in a handler, and a report that ends early is the worst that
 * has come of it.
 *
 * Then the signal is raised again with its default action, so the exit status and a core file are
 * those of the crash itself. */
#define _GNU_SOURCE
#include "crash.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <keel.h>

#include "command.h"
#include "config.h"
#include "ctx.h"
#include "log.h"
#include "module.h"
#include "stats.h"
#include "symbol.h"

enum { FRAMES_MAX = 64, ARGS_SHOWN = 16, ARG_BYTES = 128, HANDLER_STACK = 128 * 1024,
       NESTED_MAX = 8 };

const void *volatile crash_command;
KeelCtx *volatile crash_ctx;
const void *volatile crash_module;

static pid_t crash_main_pid;
static volatile pid_t crash_thread;      /* that reports; 0: none */
static volatile int crash_nested;
static sigjmp_buf crash_next_part;
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* The crash at hand, for the parts. */
static struct Crash {
    int signal;               /* 0: a panic */
    const siginfo_t *why;
    const ucontext_t *cpu;
    const char *file;         /* of a panic */
    int line;
    const char *text;
    void *caller;             /* of keel_panic() */
    void *frames[FRAMES_MAX];
    int frame_count;
} crash;

/* --- writing and reading ------------------------------------------------------------------- */

static void KEEL_PRINTF(1, 2) say(const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) return;
    if ((size_t)len >= sizeof(text)) len = sizeof(text) - 1;
    log_raw(text, (size_t)len);
}

/* Copies memory that may not be there. Returns how many bytes could be read. Where the system call
 * is forbidden the bytes are read directly; a fault then ends the part. */
static size_t peek(void *to, const void *from, size_t len) {
    struct iovec local = {to, len}, remote = {(void *)(uintptr_t)from, len};
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got >= 0) return (size_t)got;
    if (errno != ENOSYS && errno != EPERM) return 0;
    memcpy(to, from, len);
    return len;
}

static pid_t thread_id(void) {
    return (pid_t)syscall(SYS_gettid);
}

static const char *base_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "?";
}

/* --- the first lines ----------------------------------------------------------------------- */

/* The module of the innermost frame that belongs to one: who crashed, while crash_module and the
 * command tell who was asked to run. */
static const Module *module_of_frames(void) {
    for (int i = 0; i < crash.frame_count; i++) {
        const Module *module = module_of_address(crash.frames[i]);
        if (module && module != &module_core) return module;
    }
    return NULL;
}

/* What the loop's thread is doing is no other thread's fault. */
static bool on_main_thread(void) {
    return thread_id() == getpid();
}

static void part_module(void) {
    const KeelCommandRef *command = on_main_thread() ? crash_command : NULL;
    const Module *asked = command ? command->module : on_main_thread() ? crash_module : NULL;
    const Module *found = module_of_frames();
    /* A loader's callbacks run those of the modules that it brought. */
    if (!asked || (found && found->loader_owner == asked)) asked = found;
    if (!asked) {
        say("Module: none, it was the server itself\n");
        return;
    }
    say("Module: %s %s (%s)\n", asked->name, asked->decl.version ? asked->decl.version : "?",
        asked->path && asked->path[0] ? asked->path : "linked in");
    if (found && found != asked && found != asked->loader_owner) {
        say("Module at fault, by its frames: %s\n", found->name);
    }
    if (!command) {
        say("In: %s\n", on_main_thread() ? "a callback (timer, hook, load ...), no command"
                                         : "a thread of its own");
    }
}

static void part_command(void) {
    const KeelCommandRef *command = crash_command;
    const KeelCtx *ctx = crash_ctx;
    if (!command || !on_main_thread()) return;
    say("Command: %s\n", command->name);
    if (!ctx) return;
    int argc = ctx->argc;
    for (int i = 0; i < argc && i < ARGS_SHOWN; i++) {
        if (ctx->flags & CTX_REDACTED && ctx->redacted >> (i < 63 ? i : 63) & 1) {
            say("argv[%d]: (redacted)\n", i);
            continue;
        }
        KeelStr arg = {0};
        char bytes[ARG_BYTES], quoted[ARG_BYTES * 4 + 3];
        if (peek(&arg, &ctx->argv[i], sizeof(arg)) != sizeof(arg)) break;
        size_t shown = arg.len < sizeof(bytes) ? arg.len : sizeof(bytes);
        if (peek(bytes, arg.ptr, shown) != shown) {
            say("argv[%d]: unreadable, %zu bytes at %p\n", i, arg.len, (const void *)arg.ptr);
            continue;
        }
        keel_quote(quoted, sizeof(quoted), (KeelStr){bytes, shown});
        if (shown == arg.len) say("argv[%d]: %s\n", i, quoted);
        else say("argv[%d]: %s... (%zu more bytes)\n", i, quoted, arg.len - shown);
    }
    if (argc > ARGS_SHOWN) say("(%d more arguments)\n", argc - ARGS_SHOWN);
}

static void part_client(void) {
    const KeelCtx *ctx = crash_ctx;
    if (!crash_command || !ctx || !ctx->client || !on_main_thread()) return;
    KeelClientInfo client = {.size = sizeof(client)};
    keel_client_info(ctx->client, &client);
    say("Client: id=%llu addr=%s laddr=%s fd=%d name=%s db=%d user=%s resp=%d\n",
        (unsigned long long)client.id, client.addr, client.laddr, client.fd, client.name,
        client.db, client.user, client.protocol);
}

static void part_header(void) {
    say("\n\n=== KEEL BUG REPORT START: Cut & paste starting from here ===\n");
    if (crash.signal) {
        say("Keel %s (Redis %s) crashed by signal: %d, si_code: %d (%s)\n", keel_version(),
            keel_redis_version(), crash.signal, crash.why->si_code, strsignal(crash.signal));
    } else {
        say("=== ASSERTION FAILED ===\n==> %s:%d %s\n", base_name(crash.file), crash.line,
            crash.text);
    }
}

static void part_process(void) {
    if (crash.signal && crash.signal != SIGABRT) {
        say("Accessing address: %p\n", crash.why->si_addr);
    }
    if (crash.signal && crash.why->si_code <= 0 && crash.why->si_pid) {
        say("Killed by PID: %ld, UID: %ld\n", (long)crash.why->si_pid, (long)crash.why->si_uid);
    }
    say("Process: %ld%s, thread %ld, up for %lld s\n", (long)getpid(),
        getppid() == crash_main_pid ? " (a child of the server)" : "", (long)thread_id(),
        (long long)((keel_now_ms() - stats.start_ms) / 1000));
}

/* --- frames -------------------------------------------------------------------------------- */

static void *cpu_program_counter(const ucontext_t *cpu) {
#if defined(__x86_64__)
    return (void *)cpu->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)cpu->uc_mcontext.pc;
#else
    (void)cpu;
    return NULL;
#endif
}

/* After a call of a wild pointer no frame can be unwound, but the caller's address still is where
 * the call left it. */
static void *cpu_return_address(const ucontext_t *cpu) {
    void *address = NULL;
#if defined(__x86_64__)
    peek(&address, (const void *)cpu->uc_mcontext.gregs[REG_RSP], sizeof(address));
#elif defined(__aarch64__)
    address = (void *)cpu->uc_mcontext.regs[30];
#endif
    (void)cpu;
    return address;
}

/* Unwinds into crash.frames, without the handler's own frames. */
static void frames_gather(void) {
    void *all[FRAMES_MAX];
    void *at = crash.cpu ? cpu_program_counter(crash.cpu) : crash.caller;
    Dl_info where;
    if (crash.cpu && !dladdr(at, &where)) {
        crash.frames[crash.frame_count++] = at;
        crash.frames[crash.frame_count++] = cpu_return_address(crash.cpu);
        return;
    }
    int n = backtrace(all, FRAMES_MAX), first = 0;
    while (first < n && all[first] != at) first++;
    if (first == n) crash.frames[crash.frame_count++] = at;
    for (int i = first; i < n; i++) crash.frames[crash.frame_count++] = all[i];
}

static void part_gather(void) {
    if (!crash.frame_count) frames_gather();
}

/* Where an object's file is. The linker knows the server by the title of its process, and a module
 * that replaced another by the name of a copy. */
static const char *object_path(const Dl_info *where, const void *server, const Module *module) {
    if (where->dli_fbase == server) return "/proc/self/exe";
    return module && module->path && *module->path ? module->path : where->dli_fname;
}

/* "object(function+0x1f) [offset for addr2line]", and the module that the object is. A return
 * address may lie behind the last instruction of its function, so it is looked up one before. */
static void say_frame(int number, const char *at, const void *server) {
    const char *inside = at && number ? at - 1 : at;
    Dl_info where;
    if (!at || !dladdr(inside, &where) || !where.dli_fname) {
        say("#%-2d %p\n", number, (const void *)at);
        return;
    }
    const Module *module = where.dli_fbase == server ? NULL : module_of_address(inside);
    size_t offset = (size_t)(inside - (const char *)where.dli_fbase), into = offset;
    char name[128] = "";
    if (where.dli_sname) {
        snprintf(name, sizeof(name), "%s", where.dli_sname);
        into = (size_t)(inside - (const char *)where.dli_saddr);
    } else {
        symbol_find(object_path(&where, server, module), offset, name, sizeof(name), &into);
    }
    size_t cut = (size_t)(at - inside);
    say("#%-2d %s(%s+0x%zx) [+0x%zx]%s%s\n", number,
        where.dli_fbase == server ? "keel" : base_name(object_path(&where, server, module)), name,
        into + cut, offset + cut, module ? " module " : "", module ? module->name : "");
}

static void part_frames(void) {
    Dl_info self = {0};
    dladdr(&crash, &self);
    say("\n------ STACK TRACE ------\n");
    for (int i = 0; i < crash.frame_count; i++) say_frame(i, crash.frames[i], self.dli_fbase);
}

/* --- the rest ------------------------------------------------------------------------------ */

static void part_registers(void) {
    if (!crash.cpu) return;
#if defined(__x86_64__)
    static const struct {
        const char *name;
        int index;
    } registers[] = {{"RAX", REG_RAX}, {"RBX", REG_RBX}, {"RCX", REG_RCX}, {"RDX", REG_RDX},
                     {"RDI", REG_RDI}, {"RSI", REG_RSI}, {"RBP", REG_RBP}, {"RSP", REG_RSP},
                     {"R8 ", REG_R8},  {"R9 ", REG_R9},  {"R10", REG_R10}, {"R11", REG_R11},
                     {"R12", REG_R12}, {"R13", REG_R13}, {"R14", REG_R14}, {"R15", REG_R15},
                     {"RIP", REG_RIP}, {"EFL", REG_EFL}};
    say("\n------ REGISTERS ------\n");
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        say("%s:%016llx%s", registers[i].name,
            (unsigned long long)crash.cpu->uc_mcontext.gregs[registers[i].index],
            i % 4 == 3 ? "\n" : " ");
    }
    say("\n");
#elif defined(__aarch64__)
    say("\n------ REGISTERS ------\n");
    for (int i = 0; i < 31; i++) {
        say("X%-2d:%016llx%s", i, (unsigned long long)crash.cpu->uc_mcontext.regs[i],
            i % 4 == 3 ? "\n" : " ");
    }
    say("SP:%016llx PC:%016llx\n", (unsigned long long)crash.cpu->uc_mcontext.sp,
        (unsigned long long)crash.cpu->uc_mcontext.pc);
#endif
}

static void part_modules(void) {
    say("\n------ MODULES ------\n");
    for (const Module *m = module_first; m; m = m->next) {
        const KeelMemory *memory = m->decl.self ? &m->decl.self->memory : NULL;
        say("%s %s %s bytes=%lld\n", m->name, m->decl.version ? m->decl.version : "?",
            m->path && m->path[0] ? m->path : "linked-in",
            memory ? (long long)(memory->bytes + memory->other_bytes) : 0);
    }
}

static void part_end(void) {
    say("\n=== KEEL BUG REPORT END. Make sure to include from START to END. ===\n\n"
        "  Where a module is named in the first lines, please report to its author.\n\n");
}

/* --- the handler --------------------------------------------------------------------------- */

static void crash_report(void) {
    static void (*const parts[])(void) = {
        part_header, part_gather, part_module, part_command, part_client, part_process,
        part_frames, part_registers, part_modules, part_end,
    };
    for (volatile size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (sigsetjmp(crash_next_part, 1) == 0) parts[i]();
        else say("(this part of the report could not be made)\n");
    }
    if (settings.daemonize && settings.pidfile && settings.pidfile[0]) unlink(settings.pidfile);
}

static void crash_end(int signal_number) {
    signal(signal_number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), signal_number);
    _exit(128 + signal_number);
}

/* The first thread that crashes reports. Another one waits for its end; the same one again crashed
 * while it reported. */
static bool crash_enter(void) {
    pid_t me = thread_id(), nobody = 0;
    if (__atomic_compare_exchange_n(&crash_thread, &nobody, me, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        return true;
    }
    while (nobody != me) pause();
    return false;
}

static void crash_handler(int signal_number, siginfo_t *why, void *cpu) {
    if (!settings.crash_log_enabled) crash_end(signal_number);
    if (!crash_enter()) {
        if (crash_nested++ < NESTED_MAX) siglongjmp(crash_next_part, 1);
        crash_end(signal_number);
    }
    crash.signal = signal_number;
    crash.why = why;
    crash.cpu = cpu;
    crash_report();
    crash_end(signal_number);
}

/* kill -ALRM shows where a server that seems to hang is, and lets it go on. */
static void alarm_handler(int signal_number, siginfo_t *why, void *cpu) {
    (void)signal_number;
    int error = errno;
    if (crash_thread) return;
    crash.cpu = cpu;
    crash.frame_count = 0;
    if (why->si_pid == 0) say("\n--- WATCHDOG TIMER EXPIRED ---\n");
    else say("\nReceived SIGALRM\n");
    frames_gather();
    part_module();
    part_command();
    part_client();
    part_frames();
    say("--------\n");
    crash.cpu = NULL;
    crash.frame_count = 0;
    errno = error;
}

void crash_install(void) {
    static char stack[HANDLER_STACK];
    void *warm[1];
    crash_main_pid = getpid();
    backtrace(warm, 1);                  /* loads the unwinder now, not in the handler */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
    struct sigaction action = {.sa_sigaction = crash_handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(crash_signals) / sizeof(crash_signals[0]); i++) {
        sigaction(crash_signals[i], &action, NULL);
    }
    action.sa_sigaction = alarm_handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
}

void keel_panic(const char *file, int line, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (settings.crash_log_enabled && crash_enter()) {
        crash.file = file;
        crash.line = line;
        crash.text = text;
        crash.caller = __builtin_return_address(0);
        crash_report();
    } else {
        say("%s:%d %s\n", base_name(file), line, text);
    }
    crash_end(SIGABRT);
    __builtin_unreachable();
}
