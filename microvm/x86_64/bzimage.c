/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <asm/bootparam.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"

/*
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol": the protected-mode
 * part of the file goes to pref_address, and the 64-bit entry is 0x200 bytes
 * into it. The guest unpacks itself; init_size says how much room that takes.
 */
#define SETUP_OFFSET 0x1f1ULL
#define SECTOR 512ULL
#define ENTRY64_OFFSET 0x200ULL
#define VERSION_INIT_SIZE 0x020c /* protocol 2.12: xloadflags */

static int check_header(const struct setup_header *h, struct err *err)
{
	if (h->boot_flag != 0xaa55 || h->version < VERSION_INIT_SIZE)
		return err_set(err, -ENOEXEC,
			       "bzImage has boot protocol %u.%u, needed is "
			       "2.12",
			       h->version >> 8, h->version & 0xff);
	if (!(h->loadflags & LOADED_HIGH) || !(h->xloadflags & XLF_KERNEL_64))
		return err_set(err, -ENOEXEC, "bzImage has no 64-bit entry");
	return 0;
}

/* The place it asks for has room for what it unpacks itself to. */
static int check_place(const struct guest_mem *mem,
		       const struct setup_header *h, uint64_t payload,
		       struct err *err)
{
	uint64_t need = h->init_size > payload ? h->init_size : payload;

	if (h->pref_address < X86_HIGH_START ||
	    h->pref_address >= MEM_GAP_START ||
	    !mem_ptr(mem, h->pref_address, need))
		return err_set(err, -ENOSPC,
			       "bzImage needs 0x%llx bytes at 0x%llx, which "
			       "the guest's memory has not",
			       (unsigned long long)need,
			       (unsigned long long)h->pref_address);
	return 0;
}

int x86_load_bzimage(const struct guest_mem *mem, int fd, uint64_t file_bytes,
		     struct x86_kernel *kernel, struct err *err)
{
	struct setup_header h;
	uint64_t setup, payload, need;
	uint8_t jump;
	int rc;

	if (file_bytes < SETUP_OFFSET + sizeof(h))
		return err_set(err, -ENOEXEC, "bzImage has no setup header");
	rc = x86_read_at(fd, SETUP_OFFSET, &h, sizeof(h), err);
	if (!rc)
		rc = check_header(&h, err);
	if (rc)
		return rc;
	setup = ((h.setup_sects ? h.setup_sects : 4ULL) + 1) * SECTOR;
	if (setup >= file_bytes || file_bytes - setup <= ENTRY64_OFFSET)
		return err_set(err, -ENOEXEC,
			       "bzImage ends within its setup code");
	payload = file_bytes - setup;
	rc = check_place(mem, &h, payload, err);
	if (rc)
		return rc;
	need = h.init_size > payload ? h.init_size : payload;
	x86_use_large(mem, h.pref_address, h.pref_address + need);
	rc = x86_read_at(fd, setup, mem_ptr(mem, h.pref_address, payload),
			 payload, err);
	if (rc)
		return rc;

	/* the header ends where the jump before "HdrS" goes to */
	jump = (uint8_t)(h.jump >> 8);
	kernel->setup_len = 0x202 + (size_t)jump - SETUP_OFFSET;
	if (kernel->setup_len > sizeof(h))
		kernel->setup_len = sizeof(h);
	h.setup_data = 0;
	memcpy(kernel->setup, &h, kernel->setup_len);
	kernel->protocol = X86_LINUX64;
	kernel->start = h.pref_address;
	kernel->end = h.pref_address + need;
	kernel->entry = h.pref_address + ENTRY64_OFFSET;
	return 0;
}
