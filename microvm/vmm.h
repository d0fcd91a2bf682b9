/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VMM_H
#define HULL_MICROVM_VMM_H

#include <stdint.h>

/*
 * What hull tells hull-vmm: one sealed memfd, named by the only argument of
 * `hull-vmm run FD`. The VMM knows nothing of OCI. Numbers of descriptors are
 * as the VMM finds them at its start; -1 is none.
 */
#define VM_CONFIG_MAGIC 0x4c4c5548u /* "HULL" */
#define VM_CONFIG_VERSION 1

#define VM_TTY 0x1u           /* stdio is a terminal on descriptor 0 */
#define VM_ROOT_READONLY 0x2u /* the fs server answers changes with EROFS */
#define VM_DEBUG 0x4u         /* kernel log to log_fd, statistics at the end */
#define VM_NO_JAIL 0x8u       /* test builds only (HULL_TEST_VMM) */

/**
 * struct vm_config
 * @size: of this struct; @payload_len bytes of JSON follow it: START's members
 *        (microvm/proto/proto.h) but "network" and "hostTimeNs", without braces
 * @memory_bytes: of the guest
 * @kvm_fd: /dev/kvm
 * @kernel_fd, @initrd_fd: files, read-only
 * @proc_fd: procfs of the container's pid namespace, O_PATH
 * @listen_fd: listening unix stream socket: each connection becomes a stream
 *             to the agent
 * @gate_fd: listening start gate: its "go" (base/report.h) carries the network
 *           as JSON and one tap per interface; the answer is a report, or the
 *           end of the connection once the workload runs
 * @exit_fd: regular file that receives a struct vm_exit at the end
 * @log_fd: JSON log lines of hull, or -1
 * @image_fd: raw disk image (vm.image), or -1
 * @uid, @gid: what the vCPU process becomes; @fs_uid, @fs_gid: the fs server
 * @net_slots: slots kept for interfaces, at most VM_MAX_NETS: interface i is
 *             put into slot VM_NET_SLOT(net_slots, i), which is also N in the
 *             guest's platform device "virtio-mmio.N"
 * @log_level: enum log_level of base/log.h
 * @cmdline: NUL-terminated, appended to hull's own kernel parameters
 */
#define VM_SLOTS 19
#define VM_NET_SLOT(net_slots, i) (VM_SLOTS - (net_slots) + (i))
struct vm_config {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t flags;
	uint64_t memory_bytes;
	uint32_t vcpus;
	uint32_t payload_len;
	int32_t kvm_fd;
	int32_t kernel_fd;
	int32_t initrd_fd;
	int32_t proc_fd;
	int32_t listen_fd;
	int32_t gate_fd;
	int32_t exit_fd;
	int32_t log_fd;
	int32_t image_fd;
	uint32_t image_readonly;
	uint32_t uid;
	uint32_t gid;
	uint32_t fs_uid;
	uint32_t fs_gid;
	uint32_t net_slots;
	uint32_t log_level;
	char cmdline[2048];
};

/**
 * struct vm_go - payload of the gate's "go": the interfaces of the container's
 * network namespace. The descriptor of net[i]'s tap is the i-th that is
 * attached. @json_len bytes follow: START's "network" array.
 */
#define VM_MAX_NETS 8
struct vm_net {
	uint8_t mac[6];
	uint16_t mtu;
};
struct vm_go {
	uint32_t magic;
	uint32_t net_count;
	uint32_t json_len;
	struct vm_net net[VM_MAX_NETS];
};

/**
 * struct vm_attach - what `hull-vmm attach FD` finds in its sealed memfd: one
 * more session (exec) over connections to the listening socket of the VM.
 * @size: of this struct; @payload_len bytes of JSON (EXEC's) follow it
 * @flags: VM_TTY
 * @ctl_fd: the session's control stream
 * @stream_fd: for standard input (or the terminal), output, error; -1 for those
 *             that are not needed
 * @report_fd: receives report_send() when the process cannot start; closed once
 *             it runs
 */
struct vm_attach {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t flags;
	uint32_t payload_len;
	int32_t ctl_fd;
	int32_t stream_fd[3];
	int32_t report_fd;
};

/**
 * struct vm_exit - how the VM ended, for the exit record.
 * @status: of the workload as wait(2) has it, valid with @status_known
 * @reason: "" for a workload that ended; else what happened to the VM ("guest
 *          kernel panic", "KVM internal error", ...), NUL-terminated
 * @exits_user, @exits_io...: of all vCPUs, from KVM_RUN
 */
struct vm_exit {
	uint32_t magic;
	uint32_t size;
	int32_t status;
	uint8_t status_known;
	uint8_t oom;
	uint8_t pad[2];
	uint64_t exits_pio;
	uint64_t exits_mmio;
	uint64_t exits_other;
	uint64_t exits_to_started; /* all of them, until the workload ran */
	char reason[256];
};

/* Exit statuses of hull-vmm when there is none of the workload's own. */
#define VMM_EXIT_SETUP 125 /* the VM could not be set up */
#define VMM_EXIT_GUEST 126 /* the guest crashed, or KVM failed */
#define VMM_EXIT_AGENT 127 /* the agent is gone, or breaks the protocol */

#endif
