/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_MICROVM_BARE_H
#define HULL_OCI_TESTS_UNIT_MICROVM_BARE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Kernels for tests: ELF files in memory round a piece of machine code. */
#define BARE_GPA 0x100000ULL

struct bare {
	Elf64_Ehdr head;
	Elf64_Phdr segment[4];
	uint8_t code[4096];
};

static inline void bare_init(struct bare *b, const void *code, size_t len)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->head.e_ident, ELFMAG, SELFMAG);
	b->head.e_ident[EI_CLASS] = ELFCLASS64;
	b->head.e_ident[EI_DATA] = ELFDATA2LSB;
	b->head.e_ident[EI_VERSION] = EV_CURRENT;
	b->head.e_type = ET_EXEC;
	b->head.e_machine = EM_X86_64;
	b->head.e_entry = BARE_GPA;
	b->head.e_phoff = offsetof(struct bare, segment);
	b->head.e_phentsize = sizeof(Elf64_Phdr);
	b->head.e_phnum = 1;
	b->segment[0].p_type = PT_LOAD;
	b->segment[0].p_flags = PF_R | PF_W | PF_X;
	b->segment[0].p_offset = offsetof(struct bare, code);
	b->segment[0].p_paddr = BARE_GPA;
	b->segment[0].p_filesz = sizeof(b->code);
	b->segment[0].p_memsz = 2 * sizeof(b->code);
	memcpy(b->code, code, len < sizeof(b->code) ? len : sizeof(b->code));
}

static inline int bare_fd(const void *data, size_t len)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, data, len) != (ssize_t)len)
		return -1;
	return fd;
}

#endif
