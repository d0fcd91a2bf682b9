/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <elf.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/mem/mem.h"

#define MAX_SEGMENTS 64
#define MAX_NOTES (64U << 10)

/* Xen's public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY */
#define NOTE_PHYS32_ENTRY 18

struct elf {
	const struct guest_mem *mem;
	int fd;
	uint64_t bytes;
	Elf64_Ehdr head;
	Elf64_Phdr segment[MAX_SEGMENTS];
};

static int check_head(const struct elf *elf, struct err *err)
{
	const Elf64_Ehdr *h = &elf->head;

	if (h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
		return err_set(err, -ENOEXEC,
			       "kernel is not an ELF file for x86-64");
	if (h->e_type != ET_EXEC)
		return err_set(err, -ENOEXEC,
			       "kernel is an ELF file of type %u, not an "
			       "executable",
			       h->e_type);
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum ||
	    h->e_phnum > MAX_SEGMENTS)
		return err_set(err, -ENOEXEC,
			       "kernel has %u program headers of %u bytes",
			       h->e_phnum, h->e_phentsize);
	return 0;
}

/* [off, off + len) lies in the file; no sum that could wrap */
static bool in_file(const struct elf *elf, uint64_t off, uint64_t len)
{
	return off <= elf->bytes && len <= elf->bytes - off;
}

static bool overlaps(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return !SABOTAGED("elf_segment") && a->p_memsz &&
	       a->p_paddr < b->p_paddr + b->p_memsz &&
	       b->p_paddr < a->p_paddr + a->p_memsz;
}

static int check_segment(const struct elf *elf, unsigned int n, struct err *err)
{
	const Elf64_Phdr *p = &elf->segment[n];

	if (p->p_filesz > p->p_memsz || !in_file(elf, p->p_offset, p->p_filesz))
		return err_set(err, -ENOEXEC,
			       "kernel segment %u is not whole in the file", n);
	if (p->p_paddr < X86_HIGH_START)
		return err_set(err, -ENOEXEC,
			       "kernel segment %u at 0x%llx lies below 1 MiB",
			       n, (unsigned long long)p->p_paddr);
	if (p->p_paddr >= MEM_GAP_START ||
	    !mem_ptr(elf->mem, p->p_paddr, p->p_memsz))
		return err_set(err, -ENOSPC,
			       "kernel segment %u (0x%llx bytes at 0x%llx) "
			       "does not fit into the guest's memory",
			       n, (unsigned long long)p->p_memsz,
			       (unsigned long long)p->p_paddr);
	for (unsigned int i = 0; i < n; i++)
		if (elf->segment[i].p_type == PT_LOAD &&
		    overlaps(&elf->segment[i], p))
			return err_set(err, -ENOEXEC,
				       "kernel segments %u and %u overlap", i,
				       n);
	return 0;
}

/* All are checked before any is loaded. Fresh memory is zero already. */
static int load_segments(const struct elf *elf, struct x86_kernel *kernel,
			 struct err *err)
{
	kernel->start = UINT64_MAX;
	kernel->end = 0;
	for (unsigned int i = 0; i < elf->head.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segment[i];
		int rc;

		if (p->p_type != PT_LOAD || !(p->p_memsz | p->p_filesz))
			continue;
		rc = check_segment(elf, i, err);
		if (rc)
			return rc;
		if (p->p_paddr < kernel->start)
			kernel->start = p->p_paddr;
		if (p->p_paddr + p->p_memsz > kernel->end)
			kernel->end = p->p_paddr + p->p_memsz;
	}
	if (!kernel->end)
		return err_set(err, -ENOEXEC, "kernel has nothing to load");
	x86_use_large(elf->mem, kernel->start, kernel->end);
	for (unsigned int i = 0; i < elf->head.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segment[i];
		int rc;

		if (p->p_type != PT_LOAD || !p->p_filesz)
			continue;
		rc = x86_read_at(elf->fd, p->p_offset,
				 mem_ptr(elf->mem, p->p_paddr, p->p_filesz),
				 p->p_filesz, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Entries are loaded bytes of a segment, not its zeroed end. */
static bool is_loaded(const struct elf *elf, uint64_t gpa)
{
	for (unsigned int i = 0; i < elf->head.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segment[i];

		if (p->p_type == PT_LOAD && gpa >= p->p_paddr &&
		    gpa - p->p_paddr < p->p_filesz)
			return true;
	}
	return false;
}

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* One PT_NOTE segment. Return: true with @entry set. */
static bool find_entry_note(const uint8_t *notes, size_t len, uint64_t *entry)
{
	size_t at = 0;

	while (len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t left;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		left = len - at;
		if (note.n_namesz > left || align4(note.n_namesz) > left ||
		    note.n_descsz > left - align4(note.n_namesz))
			return false;
		if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == 4 &&
		    !memcmp(notes + at, "Xen", 4) &&
		    (note.n_descsz == 4 || note.n_descsz == 8)) {
			*entry = 0;
			memcpy(entry, notes + at + 4, note.n_descsz);
			return true;
		}
		at += align4(note.n_namesz);
		left = len - at;
		if (align4(note.n_descsz) > left)
			return false;
		at += align4(note.n_descsz);
	}
	return false;
}

static int find_pvh_entry(const struct elf *elf, uint64_t *entry,
			  struct err *err)
{
	for (unsigned int i = 0; i < elf->head.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segment[i];
		auto_free uint8_t *notes = NULL;
		int rc;

		if (p->p_type != PT_NOTE || !p->p_filesz)
			continue;
		if (p->p_filesz > MAX_NOTES ||
		    !in_file(elf, p->p_offset, p->p_filesz))
			return err_set(err, -ENOEXEC,
				       "kernel's notes are not whole in the "
				       "file");
		notes = malloc(p->p_filesz);
		if (!notes)
			return err_code(err, -ENOMEM, "cannot read notes");
		rc = x86_read_at(elf->fd, p->p_offset, notes, p->p_filesz, err);
		if (rc)
			return rc;
		if (find_entry_note(notes, p->p_filesz, entry) &&
		    is_loaded(elf, *entry))
			return 0;
	}
	return err_set(
		err, -ENOEXEC,
		"kernel's entry 0x%llx is not a loaded physical address, "
		"and it has no PVH entry",
		(unsigned long long)elf->head.e_entry);
}

/*
 * Linux gives its 64-bit entry as a physical address. An entry elsewhere is a
 * virtual one, of a kernel that can be started through PVH only.
 */
int x86_load_elf(const struct guest_mem *mem, int fd, uint64_t file_bytes,
		 struct x86_kernel *kernel, struct err *err)
{
	struct elf elf = { .mem = mem, .fd = fd, .bytes = file_bytes };
	int rc = x86_read_at(fd, 0, &elf.head, sizeof(elf.head), err);

	if (!rc)
		rc = check_head(&elf, err);
	if (!rc && !in_file(&elf, elf.head.e_phoff,
			    elf.head.e_phnum * sizeof(Elf64_Phdr)))
		rc = err_set(err, -ENOEXEC,
			     "kernel's program headers are not whole in the "
			     "file");
	if (!rc)
		rc = x86_read_at(fd, elf.head.e_phoff, elf.segment,
				 elf.head.e_phnum * sizeof(Elf64_Phdr), err);
	if (!rc)
		rc = load_segments(&elf, kernel, err);
	if (rc)
		return rc;
	if (is_loaded(&elf, elf.head.e_entry)) {
		kernel->protocol = X86_LINUX64;
		kernel->entry = elf.head.e_entry;
		return 0;
	}
	kernel->protocol = X86_PVH;
	return find_pvh_entry(&elf, &kernel->entry, err);
}
