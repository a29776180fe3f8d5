/* module_open.c - a module's library: its file is read and judged, then mapped; and how it is
 * unmapped again.
 *
 * Code that has run may have posted callbacks and may be on the stack, so unmapping waits for the
 * end of the turn. */
#define _GNU_SOURCE /* RTLD_DEFAULT, dlinfo, memfd_create */
#include "elf_file.h"
#include "loop.h"
#include "module_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Libraries that are unmapped at the turn's end. */
typedef struct Closing {
    struct Closing *next;
    void *library;
} Closing;
static Closing *closing;

static void close_library(KeelCtx *c, void *data) {
    (void)c;
    Closing *it = data;
    for (Closing **at = &closing; *at; at = &(*at)->next) {
        if (*at != it) continue;
        *at = it->next;
        break;
    }
    dlclose(it->library);
    keel_free(it);
}

/* Its code has run, so callbacks may be posted, and frames of it may be on the stack. */
void module_close_later(void *library) {
    Closing *it = keel_alloc(sizeof(*it));
    *it = (Closing){closing, library};
    closing = it;
    keel_post(close_library, it);
}

static int note_range(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    Module *m = data;
    struct link_map *map;
    if (dlinfo(m->library, RTLD_DI_LINKMAP, &map) != 0) return 1;
    if (object->dlpi_addr != map->l_addr) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &object->dlpi_phdr[i];
        uintptr_t low = object->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD) continue;
        if (!m->low || low < m->low) m->low = low;
        if (low + p->p_memsz > m->high) m->high = low + p->p_memsz;
    }
    return 1;
}

/* Functions of ours that the file needs and that we do not have: the linker would stop at the first
 * and call it "undefined symbol". */
static int check_imports(const ElfFile *file, char *error, size_t room) {
    char names[256] = "";
    size_t at = 0, len = 0, missing = 0;
    const char *symbol;
    while ((symbol = elf_undefined(file, "keel_", &at))) {
        if (dlsym(RTLD_DEFAULT, symbol)) continue;
        if (missing++ < 3 && len < sizeof(names)) {
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.64s",
                                    missing > 1 ? ", " : "", symbol);
        }
    }
    if (!missing) return 0;
    snprintf(error, room, "%s needs %s%s, which this server does not have: it is for a newer one, "
             "or the name is misspelt", file->path, names, missing > 3 ? " and more" : "");
    return -1;
}

/* What can be told of a native module from its file. */
static int check_native(const ElfFile *file, char *error, size_t room) {
    uint32_t numbers[2];
    const void *bytes = elf_bytes_of(file, "keel_module", sizeof(numbers));
    if (!bytes) {
        snprintf(error, room, "%s exports a keel_module that is not a constant: use KEEL_MODULE",
                 file->path);
        return -1;
    }
    memcpy(numbers, bytes, sizeof(numbers));
    char why[MODULE_REASON_ROOM];
    if (module_check_abi(numbers[0], numbers[1], why, sizeof(why)) != 0) {
        snprintf(error, room, "%s cannot be used: %s", file->path, why);
        return -1;
    }
    if (!elf_bytes_of(file, "keel_module", numbers[0])) {
        snprintf(error, room, "%s cannot be used: its constant is smaller than it says",
                 file->path);
        return -1;
    }
    return check_imports(file, error, room);
}

/* Opens a library of which one may be mapped already: the linker tells libraries apart by their
 * names and inodes, and gives back the one that it has. So it gets a copy in memory, the bytes that
 * were checked, under a name that no mapped one has. */
static void *open_beside(const ElfFile *file) {
    char path[64];
    void *library = NULL, *other;
    const char *slash = strrchr(file->path, '/');
    snprintf(path, sizeof(path), "%s", slash ? slash + 1 : file->path);
    int fd = memfd_create(path, MFD_CLOEXEC), others[16], count = 0;
    for (size_t done = 0; fd >= 0 && done < file->size;) {
        ssize_t n = write(fd, file->bytes + done, file->size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) goto out;
        done += (size_t)n;
    }
    for (;;) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        other = fd < 0 ? NULL : dlopen(path, RTLD_NOW | RTLD_NOLOAD);
        if (!other) break;
        dlclose(other);
        if (count == 16) goto out;
        others[count++] = fd; /* held, so that the next number is another one */
        fd = dup(fd);
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
out:
    if (fd >= 0) close(fd);
    while (count) close(others[--count]);
    return library;
}

/* The loader that knows this kind of object, told by what it exports. */
static const KeelLoader *find_loader(const ElfFile *file, Module **owner) {
    for (Module *m = module_first; m; m = m->next) {
        const KeelLoader *loader;
        for (size_t i = 0; (loader = module_row(m->decl.loaders, m->decl.loader_size, i)); i++) {
            if (m->loading || m->replaced || !elf_exports(file, loader->symbol)) continue;
            *owner = m;
            return loader;
        }
    }
    return NULL;
}

int module_open(Module *m, char *error, size_t room) {
    ElfFile file;
    int result = -1;
    if (elf_open(&file, m->path, error, room) != 0) return -1;
    if (elf_exports(&file, "keel_module")) {
        if (check_native(&file, error, room) != 0) goto out;
    } else if (!(m->loader = find_loader(&file, &m->loader_owner))) {
        snprintf(error, room, "%s exports no keel_module, so it is no module that this server or "
                 "its loaded modules know", m->path);
        goto out;
    }
    m->library = m->replaces ? open_beside(&file) : dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
    if (!m->library) {
        const char *text = dlerror();
        snprintf(error, room, "%s", text ? text : strerror(errno));
        goto out;
    }
    for (const Closing *it = closing; it; it = it->next) {
        if (it->library != m->library) continue;
        snprintf(error, room, "%s is still being unloaded: try again", m->path);
        dlclose(m->library);
        m->library = NULL;
        goto out;
    }
    dl_iterate_phdr(note_range, m);
    result = 0;
out:
    elf_close(&file);
    return result;
}
