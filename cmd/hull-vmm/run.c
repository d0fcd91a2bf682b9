/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "cmd/hull-vmm/config.h"
#include "cmd/hull-vmm/end.h"
#include "cmd/hull-vmm/gate.h"
#include "cmd/hull-vmm/machine.h"
#include "microvm/jail/jail.h"
#include "microvm/proto/proto.h"
#include "microvm/session/session.h"

#define AGENT_MS 60000    /* from the first instruction to HELLO */
#define SHUTDOWN_MS 10000 /* from EXITED to the reset: the guest syncs */
#define SETTLE_MS 1000    /* for the machine's end to be seen */
#define MAX_FILES 8192

/**
 * struct run - the whole of a VM's life.
 * @end: what goes into the exit record
 * @plain: session_plain()
 * @code: exit status when there is none of the workload
 */
struct run {
	struct vm_config config;
	char *payload;
	struct machine machine;
	struct gate gate;
	struct vm_exit end;
	unsigned int plain;
	int signals_fd;
	int own_pid;
	int code;
};

int block_signals(void)
{
	const uint64_t ours = SYS_SIGBIT(SIGCHLD) | SYS_SIGBIT(SIGPIPE);
	int fd;

	if (sys_sigmask(SIG_SETMASK, ~0ULL, NULL) < 0)
		return -errno;
	fd = sys_signalfd(~ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* ---- how it ended */

static void copy_reason(struct run *run, const char *why)
{
	size_t len = strnlen(why, sizeof(run->end.reason) - 1);

	memcpy(run->end.reason, why, len);
	run->end.reason[len] = '\0';
	for (char *p = run->end.reason; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

/* The machine ended before the workload did: the reset of a kernel that
 * panicked, or what KVM could not go on with. */
static int machine_failed(struct run *run, struct err *err)
{
	const struct machine *m = &run->machine;

	run->code = VMM_EXIT_GUEST;
	if (m->vm.ending != VM_RESET)
		return err_set(err, -EIO, "%s", m->vm.reason);
	if (m->klog.panic[0])
		return err_set(err, -EIO, "guest kernel panic: %s",
			       m->klog.panic);
	return err_set(err, -EIO, "%s before the workload had ended",
		       m->vm.reason);
}

static int agent_failed(struct run *run, int rc, struct err *err,
			const char *what)
{
	if (machine_wait(&run->machine, -1, SETTLE_MS) == 0)
		return machine_failed(run, err);
	run->code = VMM_EXIT_AGENT;
	return err_code(err, rc, "%s", what);
}

/* ---- until the workload may start */

/* Who waits at the gate as a process ends by these, and with this status. */
#define TOLD                                                               \
	(SYS_SIGBIT(SIGHUP) | SYS_SIGBIT(SIGINT) | SYS_SIGBIT(SIGQUIT) |   \
	 SYS_SIGBIT(SIGTERM) | SYS_SIGBIT(SIGUSR1) | SYS_SIGBIT(SIGUSR2) | \
	 SYS_SIGBIT(SIGALRM))

static int told_to_end(struct run *run, struct err *err)
{
	struct signalfd_siginfo si = { 0 };

	if (read(run->machine.told_fd, &si, sizeof(si)) != sizeof(si))
		return err_sys(err, "cannot read a signal");
	run->code = 128 + (int)si.ssi_signo;
	return err_set(err, -EINTR, "signal %u before the start", si.ssi_signo);
}

static int check_hello(const struct proto_msg *msg, struct err *err)
{
	struct proto_hello hello;

	if (msg->type != PROTO_HELLO)
		return err_set(err, -EPROTO,
			       "the guest's agent does not say hello");
	memcpy(&hello, msg->data, sizeof(hello));
	hello.kernel[sizeof(hello.kernel) - 1] = '\0';
	if (hello.version != PROTO_VERSION)
		return err_set(err, -EPROTO,
			       "the guest's agent speaks version %u, not %d",
			       hello.version, PROTO_VERSION);
	return 0;
}

static int wait_agent(struct run *run, struct err *err)
{
	struct machine *m = &run->machine;
	struct proto_msg msg;
	int rc = machine_wait(m, m->agent_event, AGENT_MS);

	if (rc == 0)
		return machine_failed(run, err);
	if (rc == -EINTR)
		return told_to_end(run, err);
	if (rc < 0)
		return agent_failed(run, rc, err,
				    "waiting for the guest's agent");
	rc = proto_recv(m->agent_fd, AGENT_MS, &msg);
	if (rc <= 0)
		return agent_failed(run, rc ? rc : -EPIPE, err,
				    "the guest's agent says nothing");
	rc = check_hello(&msg, err);
	proto_msg_release(&msg);
	if (rc)
		run->code = VMM_EXIT_AGENT;
	return rc;
}

static int wait_go(struct run *run, struct err *err)
{
	int rc = machine_wait(&run->machine, run->gate.done_event, -1);

	if (rc == 0)
		return machine_failed(run, err);
	if (rc == -EINTR)
		return told_to_end(run, err);
	if (rc < 0)
		return err_code(err, rc, "waiting at the start gate");
	auto_close_fd(&run->machine.told_fd);
	if (run->gate.conn < 0)
		*err = run->gate.err;
	return run->gate.conn < 0 ? run->gate.err.code : 0;
}

static int add_nets(struct run *run, const char **json, struct err *err)
{
	const struct vm_net *nets;
	int count = gate_check(&run->gate, &run->config, &nets, json, err);

	for (int i = 0; i < count; i++) {
		int rc = machine_add_net(&run->machine, (unsigned int)i,
					 take_fd(&run->gate.taps[i]), &nets[i],
					 err);

		if (rc)
			return rc;
	}
	return count < 0 ? count : 0;
}

static int start_json(const struct run *run, const char *network,
		      struct strbuf *out, struct err *err)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	strbuf_add(out, "{");
	strbuf_addn(out, run->payload, run->config.payload_len);
	strbuf_addf(out, ",\"network\":%s,\"hostTimeNs\":%lld%09ld}", network,
		    (long long)now.tv_sec, now.tv_nsec);
	if (!strbuf_ok(out))
		return err_code(err, -ENOMEM, "cannot start the workload");
	return 0;
}

/* ---- the workload */

static int session_connect(void *arg)
{
	return machine_connect(arg);
}

static void note_started(struct run *run)
{
	struct vm_counts n = vm_counts(&run->machine.vm);

	run->end.exits_to_started = n.pio + n.mmio + n.other;
}

/* struct session has one argument for both of its callbacks. */
static struct run *run_of(struct machine *m)
{
	return (struct run *)((char *)m - offsetof(struct run, machine));
}

static void session_started(void *arg, const struct err *err)
{
	struct run *run = run_of(arg);

	if (!err)
		note_started(run);
	gate_answer(&run->gate, err);
}

/* Else the agent has said why, and ends its guest at once. */
static bool is_lost(int rc)
{
	return rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT ||
	       rc == -EPROTO;
}

static int run_workload(struct run *run, const char *network, struct err *err)
{
	auto_strbuf struct strbuf json = STRBUF_INIT;
	struct session_end end;
	int rc = start_json(run, network, &json, err);
	struct session session = {
		.ctl_fd = run->machine.agent_fd,
		.connect = session_connect,
		.started = session_started,
		.arg = &run->machine,
		.tty = run->config.flags & VM_TTY,
		.plain = run->plain,
		.signals_fd = run->signals_fd,
	};

	if (rc)
		return rc;
	session.json = json.s;
	session.json_len = json.len;
	rc = session_run(&session, &end, err);
	/* the agent ends the guest once its last word has been heard */
	shutdown(run->machine.agent_fd, SHUT_RDWR);
	if (rc) {
		struct err why = *err;

		if (is_lost(rc) &&
		    machine_wait(&run->machine, -1,
				 rc == -EPIPE ? SETTLE_MS : 0) == 0)
			return machine_failed(run, err);
		*err = why;
		run->code = VMM_EXIT_AGENT;
		return rc;
	}
	run->end.status = end.status;
	run->end.status_known = 1;
	run->end.oom = end.oom;
	return 0;
}

static int live(struct run *run, struct err *err)
{
	const char *network;
	int rc = wait_agent(run, err);

	if (!rc)
		rc = wait_go(run, err);
	if (!rc)
		rc = add_nets(run, &network, err);
	if (!rc)
		rc = jail_thread(JAIL_SESSION, err);
	if (!rc)
		rc = run_workload(run, network, err);
	if (rc)
		return rc;
	/* what the workload wrote into shared mappings is written back now */
	if (machine_wait(&run->machine, -1, SHUTDOWN_MS))
		log_warn("the guest did not shut down in time");
	return 0;
}

/* ---- the process */

static int lock_up(const struct run *run, struct err *err)
{
	const struct jail_process jail = {
		.uid = run->config.uid,
		.gid = run->config.gid,
		.files = JAIL_NO_FILES,
		.nofile = MAX_FILES,
	};

	close(run->config.kvm_fd);
	close(run->config.kernel_fd);
	close(run->config.proc_fd);
	if (run->config.initrd_fd >= 0)
		close(run->config.initrd_fd);
	return jail_process(&jail, err);
}

static int watch_told(struct run *run, struct err *err)
{
	int fd = sys_signalfd(TOLD, SFD_CLOEXEC | SFD_NONBLOCK);

	run->machine.told_fd = fd;
	return fd < 0 ? err_sys(err, "cannot watch for signals") : 0;
}

/* Only what the configuration names; the caller may have left more open. */
static int close_others(const struct vm_config *c, struct err *err)
{
	int keep[] = { c->kvm_fd,  c->kernel_fd, c->initrd_fd,
		       c->proc_fd, c->listen_fd, c->gate_fd,
		       c->exit_fd, c->log_fd,    c->image_fd };

	return jail_keep_fds(keep, ARRAY_SIZE(keep), err);
}

static int set_up(struct run *run, int config_fd, struct err *err)
{
	const struct vm_config *c = &run->config;
	int rc = config_read(config_fd, &run->config, &run->payload, err);

	if (!rc)
		rc = close_others(c, err);
	if (rc)
		return rc;
	if (c->log_fd >= 0)
		log_use_fd(c->log_fd, LOG_FORMAT_JSON,
			   c->log_level > LOG_LEVEL_DEBUG
				   ? LOG_LEVEL_DEBUG
				   : (enum log_level)c->log_level);
	run->signals_fd = block_signals();
	if (run->signals_fd < 0)
		return err_code(err, run->signals_fd, "cannot block signals");
	rc = machine_init(&run->machine, c, err);
	if (!rc)
		rc = watch_told(run, err);
	if (!rc)
		rc = lock_up(run, err);
	if (!rc)
		rc = gate_start(&run->gate, c->gate_fd, err);
	if (!rc)
		rc = machine_start(&run->machine, err);
	return rc ? rc : jail_thread(JAIL_MAIN, err);
}

static void log_counts(struct run *run, const struct vm_counts *n)
{
	auto_strbuf struct strbuf line = STRBUF_INIT;
	const struct vm *vm = &run->machine.vm;

	strbuf_addf(&line,
		    "exits: pio %llu, mmio %llu, other %llu; %llu until the "
		    "workload ran; per slot",
		    (unsigned long long)n->pio, (unsigned long long)n->mmio,
		    (unsigned long long)n->other,
		    (unsigned long long)run->end.exits_to_started);
	for (unsigned int i = 0; i < MMIO_SLOTS; i++)
		strbuf_addf(&line, " %llu",
			    (unsigned long long)vm->slot_exits[i]);
	if (strbuf_ok(&line))
		log_line(log_level_get(), "%s", line.s);
}

static void write_record(struct run *run)
{
	struct vm_counts n = vm_counts(&run->machine.vm);

	run->end.magic = VM_CONFIG_MAGIC;
	run->end.size = sizeof(run->end);
	run->end.exits_pio = n.pio;
	run->end.exits_mmio = n.mmio;
	run->end.exits_other = n.other;
	if (end_write(run->config.exit_fd, &run->end))
		log_warn("cannot write the exit record");
	if (run->config.flags & VM_DEBUG)
		log_counts(run, &n);
}

int vmm_run(int config_fd)
{
	static struct run run; /* too large for a stack */
	struct err err = { 0 };
	int rc;

	run.own_pid = getpid();
	run.plain = session_plain();
	run.code = VMM_EXIT_SETUP;
	run.gate.conn = -1;
	run.config.exit_fd = -1;
	prctl(PR_SET_NAME, "hull-vmm");
	rc = set_up(&run, config_fd, &err);
	if (!rc)
		rc = live(&run, &err);
	if (rc) {
		copy_reason(&run, err.msg);
		/* whoever waits at the gate says it, once; and who has told
		 * it to end need not be told */
		if (run.gate.conn < 0 && rc != -EINTR)
			log_line(LOG_LEVEL_ERROR, "%s", err.msg);
		gate_answer(&run.gate, &err);
	}
	if (run.config.exit_fd >= 0)
		write_record(&run);
	if (!run.end.status_known)
		return run.code;
	end_as(run.own_pid, run.end.status);
}
