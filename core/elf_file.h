/* elf_file.h - shared objects read as files, before the dynamic linker maps them.
 *
 * dlopen() maps a file before it knows whether the file is whole, and touching a page past the end
 * of a cut file kills the process with SIGBUS. So everything that the linker will follow is
 * compared with the file's size here, and what a module exports and needs is known before any of
 * its constructors runs. */
#ifndef CORE_ELF_FILE_H
#define CORE_ELF_FILE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ElfFile {
    const char *path;            /* borrowed */
    const unsigned char *bytes;  /* the mapped file */
    size_t size;
    const ElfW(Phdr) *segments;
    size_t segment_count;
    const ElfW(Sym) *symbols;
    size_t symbol_count;
    const char *names;           /* NUL-terminated at names_size - 1 */
    size_t names_size;
} ElfFile;

/* Maps and checks a file. 0, to be paired with elf_close(); -1 with a message that names the path
 * and what is wrong. Never blocks (a FIFO is refused) and trusts nothing in the file. */
int elf_open(ElfFile *file, const char *path, char *error, size_t room);
void elf_close(ElfFile *file);

/* Whether the object defines this dynamic symbol for others. */
bool elf_exports(const ElfFile *file, const char *symbol);
/* The first `len` bytes of an exported object as the file holds them, relocations not applied; NULL
 * when it is not exported, is smaller, or is not in the file. */
const void *elf_bytes_of(const ElfFile *file, const char *symbol, size_t len);
/* The next strong undefined symbol that starts with `prefix`; *at is 0 at first. NULL: no more. */
const char *elf_undefined(const ElfFile *file, const char *prefix, size_t *at);

#endif
