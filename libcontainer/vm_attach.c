/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm_attach.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/report.h"
#include "base/sock.h"
#include "base/str.h"
#include "libcontainer/init.h"
#include "libcontainer/vm.h"
#include "microvm/vmm.h"

/* What hull-vmm finds, by number: stdin alone where there is a terminal. */
enum {
	FD_CONFIG = 3,
	FD_CTL,
	FD_REPORT,
	FD_STREAM,
};

static int connect_all(struct vm_session *s, const struct ct *ct, bool tty,
		       struct err *err)
{
	int *const fds[] = { &s->ctl_fd, &s->stream_fd[0], &s->stream_fd[1],
			     &s->stream_fd[2] };

	for (size_t i = 0; i < (tty ? 2 : ARRAY_SIZE(fds)); i++) {
		*fds[i] = sock_connect_at(ct->dir_fd, VM_SOCKET);
		if (*fds[i] < 0)
			return err_code(err, *fds[i],
					"cannot reach the microVM");
	}
	return 0;
}

static int make_report(struct vm_session *s, struct err *err)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, "cannot make a socket pair");
	s->answer_fd = sv[0];
	s->report_fd = sv[1];
	return 0;
}

static int make_config(struct vm_session *s, const struct spec_process *p,
		       struct err *err)
{
	auto_strbuf struct strbuf json = STRBUF_INIT;
	struct vm_attach a = {
		.magic = VM_CONFIG_MAGIC,
		.version = VM_CONFIG_VERSION,
		.size = sizeof(a),
		.flags = p->terminal ? VM_TTY : 0,
		.ctl_fd = FD_CTL,
		.report_fd = FD_REPORT,
	};

	for (int i = 0; i < 3; i++)
		a.stream_fd[i] = s->stream_fd[i] < 0 ? -1 : FD_STREAM + i;
	vm_process_json(p, &json);
	if (!strbuf_ok(&json))
		return err_set(err, -ENOMEM, "out of memory");
	a.payload_len = (uint32_t)json.len;
	s->config_fd = vm_memfd(&a, sizeof(a), json.s, json.len);
	return s->config_fd < 0
		       ? err_code(err, s->config_fd, "cannot write the process")
		       : 0;
}

int vm_session_open(struct vm_session *s, struct ct *ct,
		    struct spec_process *process, struct err *err)
{
	struct spec_process own;
	int ret;

	*s = (struct vm_session){ .ctl_fd = -1,
				  .stream_fd = { -1, -1, -1 },
				  .report_fd = -1,
				  .answer_fd = -1,
				  .config_fd = -1 };
	s->vmm_fd = vm_open_file(VM_FILE_VMM, err);
	if (s->vmm_fd < 0)
		return s->vmm_fd;
	ret = connect_all(s, ct, process->terminal, err);
	if (!ret)
		ret = make_report(s, err);
	if (!ret)
		ret = vm_inherit_limits(&ct->arena, process, err);
	if (!ret)
		ret = make_config(s, process, err);
	if (!ret)
		ret = vm_process(ct->spec, &ct->arena, &own, err);
	if (ret)
		return ret;
	own.terminal = process->terminal;
	own.console_size_set = process->console_size_set;
	own.console_height = process->console_height;
	own.console_width = process->console_width;
	*process = own;
	return 0;
}

void vm_session_close(struct vm_session *s)
{
	auto_close_fd(&s->vmm_fd);
	auto_close_fd(&s->ctl_fd);
	for (int i = 0; i < 3; i++)
		auto_close_fd(&s->stream_fd[i]);
	auto_close_fd(&s->report_fd);
	auto_close_fd(&s->answer_fd);
	auto_close_fd(&s->config_fd);
}

int vm_session_keep_fds(struct vm_session *s, int *sync_fd, int *slave_fd,
			struct err *err)
{
	int *const keep[] = {
		&s->config_fd,    &s->ctl_fd,       &s->report_fd,
		&s->stream_fd[0], &s->stream_fd[1], &s->stream_fd[2],
		sync_fd,          slave_fd,         &s->vmm_fd,
	};

	return child_keep_fds(FD_CONFIG, keep, ARRAY_SIZE(keep), err);
}

int vm_session_exec(const struct vm_session *s, struct err *err)
{
	const int inherit[] = { s->config_fd,    s->ctl_fd,
				s->report_fd,    s->stream_fd[0],
				s->stream_fd[1], s->stream_fd[2] };

	return vm_execute(s->vmm_fd, "attach", s->config_fd, inherit,
			  ARRAY_SIZE(inherit), err);
}

int vm_session_wait(struct vm_session *s, struct err *err)
{
	auto_close_fd(&s->report_fd);
	return report_read(s->answer_fd, err);
}
