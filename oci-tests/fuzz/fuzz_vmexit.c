/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcontainer/vm.h"
#include "microvm/vmm.h"
#include "oci-tests/fuzz/parse.h"

/*
 * vm.exit, perhaps written in the hands of a guest. First byte: bit 0, how the
 * monitor ended is known and follows; bit 1, the record is of its full length;
 * bit 7, its head is right. The rest is the record.
 */

static char dir[] = "/tmp/hull-fuzz-exit.XXXXXX";
static int dir_fd = -1;

static void at_end(void)
{
	unlinkat(dir_fd, VM_EXIT_FILE, 0);
	rmdir(dir);
}

static void put(const void *data, size_t size)
{
	int fd;

	if (dir_fd < 0) {
		if (!mkdtemp(dir))
			abort();
		dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(at_end);
	}
	fd = openat(dir_fd, VM_EXIT_FILE,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void check(const struct hull_exit *was, const struct hull_exit *e)
{
	for (const char *c = e->vm_end; *c; c++) {
		fuzz_check(c < e->vm_end + sizeof(e->vm_end) - 1);
		fuzz_check(*c >= 0x20 && *c < 0x7f);
	}
	fuzz_check(e->oom_known || !e->oom);
	fuzz_check(e->status_known == was->status_known);
	/* it may only say which signal an exit status stands for */
	if (e->status == was->status)
		return;
	fuzz_check(was->status_known && WIFEXITED(was->status));
	fuzz_check(WIFSIGNALED(e->status));
	fuzz_check(WEXITSTATUS(was->status) == 128 + WTERMSIG(e->status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = { data, size };
	uint8_t how = tape_u8(&t);
	struct hull_exit was = { .recorded = true,
				 .status_known = how & 1,
				 .status = how & 1 ? tape_u16(&t) : 0 };
	struct hull_exit e = was;
	struct vm_exit record;
	size_t len =
		t.left < sizeof(record) && !(how & 2) ? t.left : sizeof(record);

	tape_bytes(&t, &record, sizeof(record));
	if (how & 0x80) {
		record.magic = VM_CONFIG_MAGIC;
		record.size = sizeof(record);
	}
	put(&record, len);
	vm_end(dir_fd, &e);
	check(&was, &e);
	return 0;
}
