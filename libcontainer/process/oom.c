/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/proc.h"

int process_oom_score(int proc_fd, pid_t pid,
		      const struct spec_process *process, struct err *err)
{
	char path[48], text[16];
	int ret;

	if (!process->oom_score_adj_set)
		return 0;
	snprintf(path, sizeof(path), "%d/oom_score_adj", (int)pid);
	snprintf(text, sizeof(text), "%d", process->oom_score_adj);
	ret = proc_write(proc_fd, path, text);
	if (ret == -EACCES)
		return err_at(err, ret, "process.oomScoreAdj",
			      "cannot be lowered to %s without "
			      "CAP_SYS_RESOURCE: permission denied",
			      text);
	if (ret)
		return err_at(err, ret, "process.oomScoreAdj",
			      "cannot write '%s': %s", path, err_text(ret));
	return 0;
}
