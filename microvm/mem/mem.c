/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/mem/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"

#define MIB (1ULL << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* linux/mman.h, since 6.1 */
#endif

/* No size change: a truncated file would turn guest accesses into SIGBUS. */
#define MEM_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int check_size(uint64_t bytes, struct err *err)
{
	if ((bytes < MEM_MIN_BYTES || bytes > MEM_MAX_BYTES || bytes % MIB) &&
	    !SABOTAGED("mem_size"))
		return err_set(err, -EINVAL,
			       "guest memory of %llu bytes is not a multiple "
			       "of 1 MiB from %llu MiB to %llu MiB",
			       (unsigned long long)bytes, MEM_MIN_BYTES / MIB,
			       MEM_MAX_BYTES / MIB);
	return 0;
}

/* What does not fit below the gap follows above it. */
static void lay_out(struct guest_mem *mem, uint64_t bytes)
{
	uint64_t low = bytes < MEM_GAP_START ? bytes : MEM_GAP_START;

	mem->region[0] = (struct mem_region){ .gpa = 0, .len = low };
	mem->region_count = 1;
	if (bytes > low) {
		mem->region[1] = (struct mem_region){
			.gpa = MEM_GAP_END,
			.len = bytes - low,
			.offset = low,
		};
		mem->region_count = 2;
	}
}

/*
 * At a multiple of MEM_LARGE, as the guest sees it: only then can one entry of
 * a table map a large page. NORESERVE: the guest touches what it needs, the
 * cgroup limits what that is.
 */
static void *map_aligned(int fd, const struct mem_region *r)
{
	const size_t room = r->len + MEM_LARGE;
	uint8_t *at = mmap(NULL, room, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t skip;
	void *got;

	if (at == MAP_FAILED)
		return MAP_FAILED;
	skip = -(uintptr_t)at % MEM_LARGE;
	got = mmap(at + skip, r->len, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd,
		   (off_t)r->offset);
	if (got == MAP_FAILED) {
		munmap(at, room);
		return MAP_FAILED;
	}
	if (skip)
		munmap(at, skip);
	munmap(at + skip + r->len, MEM_LARGE - skip);
	return got;
}

/* On failure nothing stays mapped; the descriptor is still the caller's. */
static int map_all(struct guest_mem *mem, int fd, uint64_t bytes,
		   struct err *err)
{
	lay_out(mem, bytes);
	for (unsigned int i = 0; i < mem->region_count; i++) {
		struct mem_region *r = &mem->region[i];
		void *at = map_aligned(fd, r);

		if (at == MAP_FAILED) {
			int rc = err_sys(err, "cannot map guest memory");

			mem_release(mem);
			return rc;
		}
		r->host = at;
	}
	return 0;
}

int mem_init(struct guest_mem *mem, uint64_t bytes, struct err *err)
{
	auto_fd int fd = -1;
	int rc = check_size(bytes, err);

	*mem = (struct guest_mem)GUEST_MEM_INIT;
	if (rc)
		return rc;
	fd = memfd_create("guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(err, "cannot make guest memory");
	if (ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, MEM_SEALS) < 0)
		return err_sys(err, "cannot size guest memory");
	rc = map_all(mem, fd, bytes, err);
	if (!rc)
		mem->fd = take_fd(&fd);
	return rc;
}

int mem_attach(struct guest_mem *mem, int fd, uint64_t bytes, struct err *err)
{
	auto_fd int own = fd;
	struct stat st;
	int seals;
	int rc = check_size(bytes, err);

	*mem = (struct guest_mem)GUEST_MEM_INIT;
	if (rc)
		return rc;
	if (fstat(own, &st) < 0)
		return err_sys(err, "cannot look at guest memory");
	seals = fcntl(own, F_GET_SEALS);
	if (seals < 0 || (seals & MEM_SEALS) != MEM_SEALS ||
	    (uint64_t)st.st_size != bytes)
		return err_set(err, -EINVAL,
			       "guest memory is not a sealed memfd of %llu "
			       "bytes",
			       (unsigned long long)bytes);
	rc = map_all(mem, own, bytes, err);
	if (!rc)
		mem->fd = take_fd(&own);
	return rc;
}

void mem_release(struct guest_mem *mem)
{
	for (unsigned int i = 0; i < mem->region_count; i++)
		if (mem->region[i].host)
			munmap(mem->region[i].host, mem->region[i].len);
	auto_close_fd(&mem->fd);
	*mem = (struct guest_mem)GUEST_MEM_INIT;
}

void *mem_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < mem->region_count; i++) {
		const struct mem_region *r = &mem->region[i];

		/* differences only: no sum that could wrap */
		if (gpa >= r->gpa && gpa - r->gpa < r->len)
			return len <= r->len - (gpa - r->gpa) ||
					       SABOTAGED("mem_bounds")
				       ? r->host + (gpa - r->gpa)
				       : NULL;
	}
	return NULL;
}

bool mem_use_large(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
	uint64_t from = gpa - gpa % MEM_LARGE;
	uint8_t *host = mem_ptr(mem, from, len);
	uint64_t bytes;

	if (!host || !mem_ptr(mem, gpa, len))
		return false;
	/* whole ones, as far as the region goes */
	bytes = (gpa - from + len + MEM_LARGE - 1) / MEM_LARGE * MEM_LARGE;
	while (bytes && !mem_ptr(mem, from, bytes))
		bytes -= MEM_LARGE;
	/* one without any page is none that the kernel would look at */
	for (uint64_t at = 0; at < bytes; at += MEM_LARGE)
		(void)*(volatile uint8_t *)(host + at);
	return bytes && !madvise(host, bytes, MADV_COLLAPSE);
}

int mem_read(const struct guest_mem *mem, uint64_t gpa, void *to, size_t len)
{
	const void *from = mem_ptr(mem, gpa, len);

	if (!from)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}

int mem_write(const struct guest_mem *mem, uint64_t gpa, const void *from,
	      size_t len)
{
	void *to = mem_ptr(mem, gpa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}
