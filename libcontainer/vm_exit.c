/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/path.h"
#include "microvm/vmm.h"

/* Plain text: it is shown to people. */
static void copy_reason(const char *from, size_t size, char *to)
{
	size_t len = strnlen(from, size - 1);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];

		to[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	to[len] = '\0';
}

/* The first process of a pid namespace cannot end by a signal of its own. */
static bool stands_for(int exited, int status)
{
	return WIFEXITED(exited) && WIFSIGNALED(status) &&
	       WTERMSIG(status) < NSIG &&
	       WEXITSTATUS(exited) == 128 + WTERMSIG(status);
}

static bool is_end(int status)
{
	return !(status & ~0xffff) &&
	       (WIFEXITED(status) ||
		(WIFSIGNALED(status) && WTERMSIG(status) < NSIG));
}

void vm_end(int dir_fd, struct hull_exit *e)
{
	auto_fd int fd = path_open_beneath(
		dir_fd, VM_EXIT_FILE,
		O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
	struct vm_exit got = { 0 };

	_Static_assert(sizeof(got.reason) == sizeof(e->vm_end), "vm_end");
	if (fd < 0 || io_read_full(fd, &got, sizeof(got)) != sizeof(got) ||
	    got.magic != VM_CONFIG_MAGIC || got.size != sizeof(got))
		return;
	copy_reason(got.reason, sizeof(got.reason), e->vm_end);
	if (got.oom) {
		e->oom_known = true;
		e->oom = true;
	}
	if (!got.status_known)
		return;
	if (!e->status_known && is_end(got.status)) {
		e->status = got.status;
		e->status_known = true;
	} else if (e->status_known && stands_for(e->status, got.status)) {
		e->status = got.status & 0xff;
	}
}
