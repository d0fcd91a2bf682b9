/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"

#define PAGE 4096ULL
#define INITRD_MAX_GPA 0x80000000ULL /* boot protocol: initrd_addr_max */
#define BZIMAGE_MAGIC_OFFSET 0x202

/* What Linux takes until its first process runs: of the memory before its
 * image, where the allocator begins, and of the memory's top, beside the 64
 * bytes that describe each page. */
#define EARLY_LOW_BYTES (8ULL << 20)
#define EARLY_TOP_BYTES (3ULL << 20)
#define BYTES_PER_PAGE_BYTE (PAGE / 64)

int x86_read_at(int fd, uint64_t offset, void *to, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)to + done, len - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read the file");
		if (!n)
			return err_set(err, -ENOEXEC,
				       "file ends before its contents do");
		done += (size_t)n;
	}
	return 0;
}

static int regular_size(int fd, const char *what, uint64_t *bytes,
			struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot look at the %s", what);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -ENOEXEC, "%s is not a regular file", what);
	*bytes = (uint64_t)st.st_size;
	return 0;
}

int x86_load_kernel(const struct guest_mem *mem, int fd,
		    struct x86_kernel *kernel, struct err *err)
{
	char head[BZIMAGE_MAGIC_OFFSET + 4];
	uint64_t bytes;
	int rc = regular_size(fd, "kernel", &bytes, err);

	if (rc)
		return rc;
	memset(kernel, 0, sizeof(*kernel));
	if (bytes < sizeof(head))
		return err_set(err, -ENOEXEC, "kernel has %llu bytes only",
			       (unsigned long long)bytes);
	rc = x86_read_at(fd, 0, head, sizeof(head), err);
	if (!rc && !memcmp(head, ELFMAG, SELFMAG))
		rc = x86_load_elf(mem, fd, bytes, kernel, err);
	else if (!rc && !memcmp(head + BZIMAGE_MAGIC_OFFSET, "HdrS", 4))
		rc = x86_load_bzimage(mem, fd, bytes, kernel, err);
	else if (!rc)
		return err_set(err, -ENOEXEC,
			       "kernel is neither an ELF file nor a bzImage");
	if (!rc && kernel->protocol == X86_LINUX64 &&
	    kernel->end > X86_IDENTITY_BYTES)
		rc = err_set(err, -ENOSPC,
			     "it ends at 0x%llx, but 1 GiB is mapped at its "
			     "entry",
			     (unsigned long long)kernel->end);
	return rc ? err_wrap(err, "cannot load the kernel") : 0;
}

void x86_use_large(const struct guest_mem *mem, uint64_t start, uint64_t end)
{
	uint64_t from = start >= EARLY_LOW_BYTES ? start - EARLY_LOW_BYTES : 0;

	mem_use_large(mem, from, end - from);
}

/* The initrd ends at the top in a guest of up to 2 GiB. */
static void use_large_top(const struct guest_mem *mem,
			  const struct x86_initrd *initrd)
{
	const struct mem_region *r = &mem->region[mem->region_count - 1];
	uint64_t early = EARLY_TOP_BYTES;
	uint64_t top = r->gpa + r->len;

	for (unsigned int i = 0; i < mem->region_count; i++)
		early += mem->region[i].len / BYTES_PER_PAGE_BYTE;
	if (top - initrd->gpa < initrd->len + PAGE)
		early += top - initrd->gpa;
	else
		mem_use_large(mem, initrd->gpa, initrd->len);
	if (early <= r->len)
		mem_use_large(mem, top - early, early);
}

int x86_load_initrd(const struct guest_mem *mem, int fd,
		    const struct x86_kernel *kernel, struct x86_initrd *initrd,
		    struct err *err)
{
	uint64_t top = mem->region[0].len;
	uint64_t bytes, room;
	int rc;

	*initrd = (struct x86_initrd){ 0 };
	if (fd < 0)
		return 0;
	rc = regular_size(fd, "initrd", &bytes, err);
	if (rc || !bytes)
		return rc;
	if (top > INITRD_MAX_GPA)
		top = INITRD_MAX_GPA;
	room = top > kernel->end ? top - kernel->end : 0;
	/* a page at the end may be lost to the alignment */
	if (room < PAGE || bytes > room - PAGE)
		return err_set(err, -ENOSPC,
			       "initrd of %llu bytes does not fit into the "
			       "guest's memory above the kernel",
			       (unsigned long long)bytes);
	initrd->gpa = (top - bytes) & ~(PAGE - 1);
	initrd->len = bytes;
	use_large_top(mem, initrd);
	rc = x86_read_at(fd, 0, mem_ptr(mem, initrd->gpa, bytes), bytes, err);
	return rc ? err_wrap(err, "cannot load the initrd") : 0;
}
