/* symbol.c - names of functions that a shared object does not export, for crash reports.
 *
 * Modules hide all but one symbol, so dladdr() knows none of their handlers; the file still does,
 * unless it was stripped. It may have been replaced since it was loaded: every field is checked
 * against the file's size, and a wrong name is the worst that can come of it. */
#include "symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Image {
    const char *bytes;
    size_t len;
} Image;

/* Whether `count` records of `size` bytes lie in the file from `at` on. */
static bool image_has(const Image *image, uint64_t at, uint64_t count, uint64_t size) {
    uint64_t total;
    if (__builtin_mul_overflow(count, size, &total)) return false;
    return at <= image->len && total <= image->len - at;
}

/* Section header `i`; the caller has checked that all headers lie in the file. */
static const Elf64_Shdr *image_section(const Image *image, const Elf64_Ehdr *head, uint32_t i) {
    if (i >= head->e_shnum) return NULL;
    return (const Elf64_Shdr *)(image->bytes + head->e_shoff) + i;
}

/* The function symbol of this table that covers `offset`; its name is checked to end inside the
 * string table. */
static const Elf64_Sym *table_find(const Image *image, const Elf64_Shdr *table,
                                   const Elf64_Shdr *strings, size_t offset) {
    size_t count = table->sh_size / sizeof(Elf64_Sym);
    const Elf64_Sym *symbols = (const Elf64_Sym *)(image->bytes + table->sh_offset);
    for (size_t i = 0; i < count; i++) {
        const Elf64_Sym *s = &symbols[i];
        if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || offset < s->st_value) continue;
        if (offset - s->st_value >= s->st_size || s->st_name >= strings->sh_size) continue;
        const char *name = image->bytes + strings->sh_offset + s->st_name;
        if (memchr(name, '\0', strings->sh_size - s->st_name)) return s;
    }
    return NULL;
}

/* Only 64-bit images of our own byte order are looked into: the linker took no others. Headers and
 * tables must be aligned, as they are read in place. */
static bool image_find(const Image *image, size_t offset, char *name, size_t room, size_t *into) {
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)image->bytes;
    if (image->len < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return false;
    if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_shentsize != sizeof(Elf64_Shdr) ||
        head->e_shoff % 8 || !image_has(image, head->e_shoff, head->e_shnum, sizeof(Elf64_Shdr))) {
        return false;
    }
    for (uint32_t i = 0; i < head->e_shnum; i++) {
        const Elf64_Shdr *table = image_section(image, head, i);
        if (table->sh_type != SHT_SYMTAB || table->sh_offset % 8) continue;
        const Elf64_Shdr *strings = image_section(image, head, table->sh_link);
        if (!strings || !image_has(image, table->sh_offset, table->sh_size, 1) ||
            !image_has(image, strings->sh_offset, strings->sh_size, 1)) {
            continue;
        }
        const Elf64_Sym *found = table_find(image, table, strings, offset);
        if (!found) continue;
        size_t len = strnlen(image->bytes + strings->sh_offset + found->st_name, room - 1);
        memcpy(name, image->bytes + strings->sh_offset + found->st_name, len);
        name[len] = '\0';
        *into = offset - found->st_value;
        return true;
    }
    return false;
}

bool symbol_find(const char *path, size_t offset, char *name, size_t room, size_t *into) {
    struct stat st;
    bool found = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        Image image = {.len = (size_t)st.st_size};
        void *map = mmap(NULL, image.len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            image.bytes = map;
            found = image_find(&image, offset, name, room, into);
            munmap(map, image.len);
        }
    }
    close(fd);
    return found;
}
