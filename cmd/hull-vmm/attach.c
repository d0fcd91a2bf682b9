/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/run.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/report.h"
#include "cmd/hull-vmm/config.h"
#include "cmd/hull-vmm/end.h"
#include "microvm/jail/jail.h"
#include "microvm/session/session.h"

struct attach {
	struct vm_attach config;
	int next_stream;
};

static int attach_connect(void *arg)
{
	struct attach *a = arg;
	int i = a->next_stream++;

	return i < 3 && a->config.stream_fd[i] >= 0 ? a->config.stream_fd[i]
						    : -EMFILE;
}

/* Once: who waits takes the end of the connection for "it runs". */
static void attach_started(void *arg, const struct err *err)
{
	struct attach *a = arg;

	if (a->config.report_fd < 0)
		return;
	if (err && report_send(a->config.report_fd, err))
		log_warn("nobody waits for the answer");
	auto_close_fd(&a->config.report_fd);
}

static int set_up(struct attach *a, int config_fd, char **payload,
		  int *signals_fd, struct err *err)
{
	const struct jail_process jail = {
		.uid = getuid(),
		.gid = getgid(),
		.files = JAIL_NO_FILES,
	};
	const struct vm_attach *c = &a->config;
	int rc = attach_read(config_fd, &a->config, payload, err);
	int keep[] = { c->ctl_fd, c->report_fd, c->stream_fd[0],
		       c->stream_fd[1], c->stream_fd[2] };

	if (!rc)
		rc = jail_keep_fds(keep, ARRAY_SIZE(keep), err);
	if (rc)
		return rc;
	*signals_fd = block_signals();
	if (*signals_fd < 0)
		return err_code(err, *signals_fd, "cannot block signals");
	rc = jail_process(&jail, err);
	return rc ? rc : jail_thread(JAIL_ATTACH, err);
}

int vmm_attach(int config_fd)
{
	struct attach a = { .config.report_fd = -1 };
	auto_free char *payload = NULL;
	struct session_end end;
	struct err err = { 0 };
	const unsigned int plain = session_plain();
	int own_pid = getpid();
	int signals_fd = -1;
	int rc;

	prctl(PR_SET_NAME, "hull-attach");
	rc = set_up(&a, config_fd, &payload, &signals_fd, &err);
	if (!rc) {
		struct session session = {
			.ctl_fd = a.config.ctl_fd,
			.connect = attach_connect,
			.started = attach_started,
			.arg = &a,
			.exec = true,
			.tty = a.config.flags & VM_TTY,
			.plain = plain,
			.json = payload,
			.json_len = a.config.payload_len,
			.signals_fd = signals_fd,
		};

		rc = session_run(&session, &end, &err);
	}
	if (!rc)
		end_as(own_pid, end.status);
	log_line(LOG_LEVEL_ERROR, "%s", err.msg);
	attach_started(&a, &err);
	return VMM_EXIT_AGENT;
}
