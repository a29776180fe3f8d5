/* elf_file.c - checks of a shared object before dlopen(): whole, for this machine, readable.
 *
 * What is followed is what the dynamic linker follows: the ELF header, the program headers, the
 * dynamic section, and from there symbols, names, hash tables and relocations. Section headers,
 * which the linker ignores, are compared with the file's size too, because they lie at the end of
 * the file and so tell of a cut that spared the segments.
 *
 * All offsets come from the file, so each is compared with what is left before it is used, never
 * after an addition that could wrap. A file that passes can still hold bad code; it cannot make the
 * linker read or write outside of what the file describes. */
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header of the running program, from the static linker: the class, byte order and machine
 * that modules must have. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#define SYM_BIND(info) ((info) >> 4)

/* The relocation that adds the load address: the one kind that DT_RELACOUNT may count. */
#if defined(__x86_64__)
#define RELATIVE R_X86_64_RELATIVE
#elif defined(__aarch64__)
#define RELATIVE R_AARCH64_RELATIVE
#endif

/* Where the message of the file at hand goes. */
typedef struct Check {
    ElfFile *file;
    char *error;
    size_t room;
} Check;

static int fail(const Check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(const Check *c, const char *format, ...) {
    int n = snprintf(c->error, c->room, "%s ", c->file->path);
    if (n > 0 && (size_t)n < c->room) {
        va_list args;
        va_start(args, format);
        vsnprintf(c->error + n, c->room - (size_t)n, format, args);
        va_end(args);
    }
    return -1;
}

static const char *machine_name(unsigned machine) {
    static const struct {
        unsigned machine;
        const char *name;
    } known[] = {{EM_X86_64, "x86-64"}, {EM_386, "i386"},   {EM_AARCH64, "aarch64"},
                 {EM_ARM, "arm"},       {EM_RISCV, "riscv"}, {EM_PPC64, "ppc64"},
                 {EM_S390, "s390"},     {EM_NONE, "none"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].machine == machine) return known[i].name;
    }
    return "an unknown machine";
}

/* `count` things of `each` bytes at `offset` of the file; NULL unless all of them are inside it and
 * aligned as the processor may want them. */
static const void *inside(const ElfFile *f, uint64_t offset, uint64_t count, size_t each) {
    if (offset > f->size || count > (f->size - offset) / each) return NULL;
    if (each > 1 && offset % sizeof(void *) != 0 && offset % each != 0) return NULL;
    return f->bytes + offset;
}

/* The same for an address of the loaded image: found in the bytes of one PT_LOAD segment. *left,
 * unless NULL, gets the bytes from there to the end of the segment's part of the file. */
static const void *at_address(const ElfFile *f, uint64_t address, uint64_t len, uint64_t *left) {
    for (size_t i = 0; i < f->segment_count; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_type != PT_LOAD || address < s->p_vaddr) continue;
        uint64_t skip = address - s->p_vaddr;
        if (skip > s->p_filesz || len > s->p_filesz - skip) continue;
        if (left) *left = s->p_filesz - skip;
        return f->bytes + s->p_offset + skip;
    }
    return NULL;
}

/* Whether the loaded image has `len` bytes at this address, zeroed ones included, in a segment with
 * these flags. */
static bool in_image(const ElfFile *f, uint64_t address, uint64_t len, unsigned flags) {
    for (size_t i = 0; i < f->segment_count; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_type != PT_LOAD || address < s->p_vaddr) continue;
        if ((s->p_flags & flags) != flags) continue;
        uint64_t skip = address - s->p_vaddr;
        if (skip <= s->p_memsz && len <= s->p_memsz - skip) return true;
    }
    return false;
}

static int map_file(const Check *c) {
    ElfFile *f = c->file;
    int result = -1;
    /* Not to wait for the other end of a FIFO. */
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(c, "cannot be opened: %s", strerror(errno));
    struct stat st;
    if (fstat(fd, &st) != 0) {
        fail(c, "cannot be examined: %s", strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        fail(c, "is a directory, not a shared object");
    } else if (!S_ISREG(st.st_mode)) {
        fail(c, "is not a regular file");
    } else if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
        fail(c, "does not have execute permissions");
    } else if (st.st_size < (off_t)sizeof(ElfW(Ehdr))) {
        fail(c, "is not a shared object: it has %lld bytes", (long long)st.st_size);
    } else {
        f->size = (size_t)st.st_size;
        void *bytes = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            fail(c, "cannot be read: %s", strerror(errno));
        } else {
            f->bytes = bytes;
            result = 0;
        }
    }
    close(fd);
    return result;
}

static int check_header(const Check *c) {
    const ElfW(Ehdr) *e = (const void *)c->file->bytes, *our = &__ehdr_start;
    if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0) {
        return fail(c, "is not a shared object: it does not begin as ELF files do");
    }
    if (e->e_ident[EI_CLASS] != our->e_ident[EI_CLASS]) {
        return fail(c, "is for another word size: this server has %zu bits", sizeof(void *) * 8);
    }
    if (e->e_ident[EI_DATA] != our->e_ident[EI_DATA]) {
        return fail(c, "is for the other byte order");
    }
    if (e->e_machine != our->e_machine) {
        return fail(c, "is for another machine: %s (%u), this server runs on %s (%u)",
                    machine_name(e->e_machine), e->e_machine, machine_name(our->e_machine),
                    our->e_machine);
    }
    if (e->e_type != ET_DYN) {
        return fail(c, "is an ELF file of type %u, not a shared object: link it with -shared",
                    e->e_type);
    }
    if (e->e_version != EV_CURRENT || e->e_phentsize != sizeof(ElfW(Phdr)) || !e->e_phnum) {
        return fail(c, "has a damaged ELF header");
    }
    return 0;
}

/* Segments: each inside the file, in order and apart, aligned as the linker demands. */
static int check_segments(const Check *c) {
    ElfFile *f = c->file;
    const ElfW(Ehdr) *e = (const void *)f->bytes;
    f->segments = inside(f, e->e_phoff, e->e_phnum, sizeof(ElfW(Phdr)));
    if (!f->segments) {
        return fail(c, "is cut short: its program headers are not inside its %zu bytes", f->size);
    }
    f->segment_count = e->e_phnum;
    uint64_t end = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < f->segment_count; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_offset > f->size || s->p_filesz > f->size - s->p_offset) {
            return fail(c, "is cut short: segment %zu needs %llu bytes at %llu, the file has %zu",
                        i, (unsigned long long)s->p_filesz, (unsigned long long)s->p_offset,
                        f->size);
        }
        if (s->p_type != PT_LOAD) continue;
        bool aligned = s->p_align && !(s->p_align & (s->p_align - 1)) && s->p_align % page == 0 &&
                       (s->p_vaddr - s->p_offset) % s->p_align == 0;
        if (!aligned || s->p_memsz < s->p_filesz || s->p_vaddr < end ||
            s->p_memsz > (uint64_t)PTRDIFF_MAX / 2 - s->p_vaddr || s->p_vaddr > PTRDIFF_MAX / 2) {
            return fail(c, "is damaged: segment %zu makes no sense", i);
        }
        end = s->p_vaddr + s->p_memsz;
    }
    return end ? 0 : fail(c, "is damaged: it has nothing to load");
}

static int check_sections(const Check *c) {
    const ElfFile *f = c->file;
    const ElfW(Ehdr) *e = (const void *)f->bytes;
    if (!e->e_shoff || !e->e_shnum) return 0; /* stripped of them: nothing to compare */
    const ElfW(Shdr) *sections = e->e_shentsize == sizeof(ElfW(Shdr))
                                     ? inside(f, e->e_shoff, e->e_shnum, sizeof(ElfW(Shdr)))
                                     : NULL;
    if (!sections) {
        return fail(c, "is cut short: its section headers are not inside its %zu bytes", f->size);
    }
    for (size_t i = 0; i < e->e_shnum; i++) {
        const ElfW(Shdr) *s = &sections[i];
        if (s->sh_type == SHT_NOBITS || s->sh_type == SHT_NULL) continue;
        if (s->sh_offset > f->size || s->sh_size > f->size - s->sh_offset) {
            return fail(c, "is cut short: section %zu needs %llu bytes at %llu, the file has %zu",
                        i, (unsigned long long)s->sh_size, (unsigned long long)s->sh_offset,
                        f->size);
        }
    }
    /* A tail of zeros, as a power cut leaves it, reads as unused sections. */
    if (e->e_shstrndx != SHN_UNDEF && e->e_shstrndx < e->e_shnum &&
        sections[e->e_shstrndx].sh_type != SHT_STRTAB) {
        return fail(c, "is damaged: its section headers are not what its header says");
    }
    return 0;
}

/* What the dynamic section tells, each entry once. */
typedef struct Dynamic {
    uint64_t symtab, strtab, strsz, hash, gnu_hash, rela, relasz, relacount, jmprel, pltrelsz;
    uint64_t init, fini, init_array, init_arraysz, fini_array, fini_arraysz;
    bool has_rel; /* addends in place: not on the machines that we know of */
} Dynamic;

static int read_dynamic(const Check *c, Dynamic *out) {
    const ElfFile *f = c->file;
    const ElfW(Dyn) *d = NULL;
    size_t count = 0;
    for (size_t i = 0; i < f->segment_count; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_type != PT_DYNAMIC) continue;
        /* The linker reads it where it is loaded, so that is where it has to be. */
        d = at_address(f, s->p_vaddr, s->p_filesz, NULL);
        if (s->p_vaddr % sizeof(void *) != 0) d = NULL;
        count = s->p_filesz / sizeof(*d);
    }
    if (!d || !count) return fail(c, "is damaged: it has no dynamic section");
    size_t i = 0;
    for (; i < count && d[i].d_tag != DT_NULL; i++) {
        uint64_t v = d[i].d_un.d_val;
        switch (d[i].d_tag) {
        case DT_SYMTAB: out->symtab = v; break;
        case DT_STRTAB: out->strtab = v; break;
        case DT_STRSZ: out->strsz = v; break;
        case DT_HASH: out->hash = v; break;
        case DT_GNU_HASH: out->gnu_hash = v; break;
        case DT_RELA: out->rela = v; break;
        case DT_RELASZ: out->relasz = v; break;
        case DT_RELACOUNT: out->relacount = v; break;
        case DT_JMPREL: out->jmprel = v; break;
        case DT_PLTRELSZ: out->pltrelsz = v; break;
        case DT_INIT: out->init = v; break;
        case DT_FINI: out->fini = v; break;
        case DT_INIT_ARRAY: out->init_array = v; break;
        case DT_INIT_ARRAYSZ: out->init_arraysz = v; break;
        case DT_FINI_ARRAY: out->fini_array = v; break;
        case DT_FINI_ARRAYSZ: out->fini_arraysz = v; break;
        case DT_REL: out->has_rel = true; break;
        default: break;
        }
    }
    return i < count ? 0 : fail(c, "is damaged: its dynamic section has no end");
}

/* The number of dynamic symbols, which only the hash tables tell. 0: they make no sense. The newer
 * kind of table tells nothing where nothing is exported; names follow symbols then as linkers put
 * them. */
static size_t count_symbols(const ElfFile *f, const Dynamic *d) {
    uint64_t left = 0;
    const uint32_t *w;
    if (d->hash) {
        w = at_address(f, d->hash, 8, &left);
        if (!w || d->hash % 4 != 0) return 0;
        uint64_t words = 2 + (uint64_t)w[0] + w[1];
        return words <= left / 4 ? w[1] : 0;
    }
    w = d->gnu_hash && d->gnu_hash % 8 == 0 ? at_address(f, d->gnu_hash, 16, &left) : NULL;
    if (!w) return 0;
    /* Buckets hold the index of their first symbol; the chain of the highest one ends the table.
     * Symbols below `first`, the undefined ones, are not hashed. */
    uint64_t buckets = w[0], first = w[1], bloom = w[2];
    uint64_t head = 4 + bloom * (sizeof(ElfW(Addr)) / 4), words = left / 4;
    if (head > words || buckets > words - head || !bloom || (bloom & (bloom - 1))) return 0;
    const uint32_t *bucket = w + head, *chain = bucket + buckets;
    uint64_t chains = words - head - buckets, last = 0;
    for (uint64_t i = 0; i < buckets; i++) {
        if (bucket[i] > last) last = bucket[i];
    }
    if (last == 0 && d->strtab > d->symtab) return (d->strtab - d->symtab) / sizeof(ElfW(Sym));
    if (last == 0) return first;
    if (last < first) return 0;
    for (uint64_t i = last - first; i < chains; i++) {
        if (chain[i] & 1) return first + i + 1;
    }
    return 0;
}

static int check_symbols(const Check *c, const Dynamic *d) {
    ElfFile *f = c->file;
    f->symbol_count = count_symbols(f, d);
    if (f->symbol_count > f->size / sizeof(ElfW(Sym))) f->symbol_count = 0;
    f->symbols = at_address(f, d->symtab, f->symbol_count * sizeof(ElfW(Sym)), NULL);
    f->names = at_address(f, d->strtab, d->strsz, NULL);
    f->names_size = d->strsz;
    if (!f->symbol_count || !f->symbols || d->symtab % sizeof(void *) != 0 || !f->names ||
        !f->names_size || f->names[f->names_size - 1] != '\0') {
        return fail(c, "is damaged: its dynamic symbols cannot be read");
    }
    for (size_t i = 0; i < f->symbol_count; i++) {
        if (f->symbols[i].st_name >= f->names_size) {
            return fail(c, "is damaged: symbol %zu has no name", i);
        }
    }
    return 0;
}

/* Relocations are writes that the linker does: each must hit the image and name a symbol. The first
 * `relative` of them name none. */
static int check_relocations(const Check *c, uint64_t address, uint64_t bytes, uint64_t relative) {
    const ElfFile *f = c->file;
    (void)relative;
    if (!bytes) return 0;
    const ElfW(Rela) *r = at_address(f, address, bytes, NULL);
    if (!r || address % sizeof(void *) != 0) {
        return fail(c, "is damaged: its relocations cannot be read");
    }
    for (size_t i = 0; i < bytes / sizeof(*r); i++) {
        uint64_t symbol = sizeof(void *) == 8 ? r[i].r_info >> 32 : r[i].r_info >> 8;
        bool good = symbol < f->symbol_count && in_image(f, r[i].r_offset, sizeof(void *), PF_W);
#ifdef RELATIVE
        if (i < relative && r[i].r_info != RELATIVE) good = false;
#endif
        if (!good) return fail(c, "is damaged: relocation %zu makes no sense", i);
    }
    return 0;
}

/* What the linker calls and protects. */
static int check_code(const Check *c, const Dynamic *d) {
    const ElfFile *f = c->file;
    if ((d->init && !in_image(f, d->init, 1, PF_X)) ||
        (d->fini && !in_image(f, d->fini, 1, PF_X)) ||
        (d->init_arraysz && !in_image(f, d->init_array, d->init_arraysz, 0)) ||
        (d->fini_arraysz && !in_image(f, d->fini_array, d->fini_arraysz, 0))) {
        return fail(c, "is damaged: its initialisers are not in it");
    }
    for (size_t i = 0; i < f->segment_count; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_type != PT_GNU_RELRO || !s->p_memsz) continue;
        /* Some linkers round its end up to a page that the segment does not reach. */
        uint64_t excess = s->p_memsz > s->p_filesz ? s->p_memsz - s->p_filesz : 0;
        if (!in_image(f, s->p_vaddr, s->p_filesz, PF_W) || excess > 65536) {
            return fail(c, "is damaged: segment %zu is not in it", i);
        }
    }
    return 0;
}

int elf_open(ElfFile *file, const char *path, char *error, size_t room) {
    *file = (ElfFile){.path = path};
    Check c = {file, error, room};
    Dynamic d = {0};
    if (map_file(&c) != 0) return -1;
    if (check_header(&c) != 0 || check_segments(&c) != 0 || check_sections(&c) != 0 ||
        read_dynamic(&c, &d) != 0 || check_symbols(&c, &d) != 0 ||
        check_code(&c, &d) != 0 || check_relocations(&c, d.rela, d.relasz, d.relacount) != 0 ||
        (!d.has_rel && check_relocations(&c, d.jmprel, d.pltrelsz, 0) != 0)) {
        elf_close(file);
        return -1;
    }
    return 0;
}

void elf_close(ElfFile *file) {
    if (file->bytes) munmap((void *)(uintptr_t)file->bytes, file->size);
    file->bytes = NULL;
}

static const ElfW(Sym) *find_export(const ElfFile *f, const char *symbol) {
    for (size_t i = 1; i < f->symbol_count; i++) {
        const ElfW(Sym) *s = &f->symbols[i];
        unsigned bind = SYM_BIND(s->st_info);
        if (s->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK) &&
            strcmp(f->names + s->st_name, symbol) == 0) {
            return s;
        }
    }
    return NULL;
}

bool elf_exports(const ElfFile *file, const char *symbol) {
    return find_export(file, symbol) != NULL;
}

const void *elf_bytes_of(const ElfFile *file, const char *symbol, size_t len) {
    const ElfW(Sym) *s = find_export(file, symbol);
    if (!s || s->st_size < len) return NULL;
    return at_address(file, s->st_value, len, NULL);
}

const char *elf_undefined(const ElfFile *file, const char *prefix, size_t *at) {
    size_t len = strlen(prefix);
    for (size_t i = *at ? *at : 1; i < file->symbol_count; i++) {
        const ElfW(Sym) *s = &file->symbols[i];
        if (s->st_shndx != SHN_UNDEF || SYM_BIND(s->st_info) != STB_GLOBAL) continue;
        if (strncmp(file->names + s->st_name, prefix, len) != 0) continue;
        *at = i + 1;
        return file->names + s->st_name;
    }
    return NULL;
}
