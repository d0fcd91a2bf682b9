/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_MEM_MEM_H
#define HULL_MICROVM_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Below 4 GiB the top gigabyte belongs to devices, APICs and the TSS pages. */
#define MEM_GAP_START 0xc0000000ULL
#define MEM_GAP_END 0x100000000ULL
#define MEM_MIN_BYTES (32ULL << 20)
#define MEM_MAX_BYTES (1ULL << 40)
#define MEM_REGIONS 2
/* What a processor's tables map in one entry instead of 512. */
#define MEM_LARGE (2ULL << 20)

/**
 * struct mem_region - guest-physical memory that is one piece of the memfd.
 * @gpa:  first guest-physical address
 * @len:  bytes, a multiple of the page size
 * @host: where it is mapped here; @offset: where it starts in the memfd
 */
struct mem_region {
	uint64_t gpa;
	uint64_t len;
	uint64_t offset;
	uint8_t *host;
};

/**
 * struct guest_mem - all memory of a guest. One memfd, mapped MAP_SHARED, so
 * that another process (the fs server) can map the same pages.
 */
struct guest_mem {
	int fd;
	unsigned int region_count;
	struct mem_region region[MEM_REGIONS];
};

#define GUEST_MEM_INIT   \
	{                \
		.fd = -1 \
	}

/**
 * mem_init() - make the memfd (sealed against resizing) and map it.
 * @bytes: multiple of 1 MiB, MEM_MIN_BYTES..MEM_MAX_BYTES
 *
 * Return: 0, -EINVAL (size), -ENOMEM, or -errno of memfd_create(2), mmap(2).
 */
int mem_init(struct guest_mem *mem, uint64_t bytes, struct err *err);

/**
 * mem_attach() - map a memfd that another process made with mem_init().
 * @fd: taken
 * @bytes: as given to mem_init(); checked against the file's size
 */
int mem_attach(struct guest_mem *mem, int fd, uint64_t bytes, struct err *err);

/** mem_release() - unmap and close; an empty one is fine. */
void mem_release(struct guest_mem *mem);

/**
 * mem_ptr() - host address of guest memory.
 *
 * Return: NULL unless [gpa, gpa + len) lies whole in one region (also when the
 * sum wraps). @len 0 gives a pointer when @gpa is inside a region.
 */
void *mem_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len);

/**
 * mem_use_large() - have the host keep [gpa, gpa + len) in large pages: the
 * guest's first access then costs one fault for MEM_LARGE bytes. For memory
 * that will be filled, all of it: it is the guest's from now on, rounded to
 * whole large pages as far as these lie in a region. What a host does not give
 * in large pages (Linux before 6.1, none free) stays as it is.
 *
 * Once for as much as possible: each call waits for all of the host's
 * processors.
 *
 * Return: is it so? False as well for a range that is not whole in one region.
 */
bool mem_use_large(const struct guest_mem *mem, uint64_t gpa, uint64_t len);

/** mem_read(), mem_write() - copy; -EFAULT when not whole inside. */
int mem_read(const struct guest_mem *mem, uint64_t gpa, void *to, size_t len);
int mem_write(const struct guest_mem *mem, uint64_t gpa, const void *from,
	      size_t len);

#endif
