/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/end.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sys.h"

int end_write(int exit_fd, const struct vm_exit *end)
{
	return io_write_full(exit_fd, end, sizeof(*end));
}

void end_as(int own_pid, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (!sig)
		_exit(WEXITSTATUS(status));
	if (own_pid != 1) {
		sys_signal_default(sig);
		kill(own_pid, sig);
		sys_sigmask(SIG_UNBLOCK, SYS_SIGBIT(sig), NULL);
	}
	_exit(128 + sig);
}
