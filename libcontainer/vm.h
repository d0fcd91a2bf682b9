/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_VM_H
#define HULL_LIBCONTAINER_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "libcontainer/process/process.h"
#include "libcontainer/state.h"
#include "rootfs/rootfs.h"
#include "spec/spec.h"

struct arena;
struct err;
struct hull_create_options;
struct strbuf;

/*
 * Isolation by a microVM. The pipeline is the one of every container; it works
 * on the host's view of config.json, and its last step executes hull-vmm. The
 * rest of config.json is applied in the guest, by hull-agent.
 */

/**
 * struct vm - what create and run know of a microVM before it is there.
 * @full:    config.json as it was written, but for vm_resolve()
 * @host:    the part of it that the host applies
 * @process: what the monitor applies to itself before it is executed
 * @left:    per mount, for rootfs_open()
 * @links:   vm_resolve() has found some on the way to mounts
 * @cwd:     process.cwd, where links lead there; or NULL
 * @kvm_fd, @kernel_fd, @initrd_fd, @image_fd: for the guest; -1: none
 * @vmm_fd:  hull-vmm
 * @listen_fd: vm.sock; @exit_fd: vm.exit
 * @proc_fd: the container's own procfs, opened by the child
 * @config_fd: sealed memory that tells hull-vmm all this, from vm_ready()
 * @memory_bytes: of the guest
 * @cmdline: further kernel parameters, or NULL
 * @no_new_keyring: hull_create_options.no_new_keyring
 * @inherited: rlimits alone: of this process
 * @filter: linux.seccomp, compiled here, where the outcome can be kept
 */
struct vm {
	const struct spec *full;
	struct spec host;
	struct spec_process process;
	enum rootfs_left *left;
	bool links;
	const char *cwd;
	int kvm_fd;
	int kernel_fd;
	int initrd_fd;
	int image_fd;
	int vmm_fd;
	int listen_fd;
	int exit_fd;
	int proc_fd;
	int config_fd;
	uint64_t memory_bytes;
	uint32_t vcpus;
	const char *cmdline;
	bool no_new_keyring;
	struct spec_process inherited;
	struct seccomp_prog filter;
};

#define VM_SOCKET "vm.sock"
#define VM_EXIT_FILE "vm.exit"

/* ---- vm_choose.c */

/**
 * vm_chosen() - does this container go into a microVM? The bundle may ask for
 * one (a `vm` object, the annotation run.hull.isolation), and nothing in it
 * takes back what the caller asked for.
 *
 * Return: 1, 0, -EINVAL.
 */
int vm_chosen(const struct hull_create_options *opt, const struct spec *spec,
	      struct err *err);

/**
 * vm_check() - refuse what a VM cannot do, all of it at once, each with its
 * place in config.json.
 */
int vm_check(const struct spec *spec, struct err *err);

/**
 * vm_check_process() - the same for one process, the container's or exec's.
 * @spec: the container's
 *
 * Return: @all->code: 0, or -ENOTSUP with the problems added to @all.
 */
int vm_check_process(const struct spec *spec, const struct spec_process *p,
		     struct err *all);

/**
 * vm_prepare() - all that can be decided and opened before anything is made.
 * @vm: released by vm_release(), also on failure
 * @root_path: absolute host path of root.path
 */
int vm_prepare(struct vm *vm, struct arena *arena,
	       const struct hull_create_options *opt, const struct spec *full,
	       const char *root_path, struct err *err);

/* ---- vm_links.c */

/**
 * vm_place() - where a path of the container leads by links of its image. What
 * is not there is taken as it is written.
 * @root_fd: of the image, borrowed
 * @before, @count: mounts that are there by then, with such destinations: what
 *                  lies in them is not the image's
 * @out: of PATH_MAX bytes: absolute, clean
 *
 * Return: 1 when there are links on the way, 0, or -errno (-ELOOP: too many;
 * -EILSEQ: it is not UTF-8; -ENAMETOOLONG).
 */
int vm_place(int root_fd, const struct spec_mount *before, size_t count,
	     const char *path, char *out);

/**
 * vm_resolve() - replace @vm->full by a copy in which the destinations of
 * mounts are where they lead by links of the image. Those of proc and sysfs
 * stay, since no link may lead there.
 */
int vm_resolve(struct vm *vm, struct arena *arena, const char *root_path,
	       struct err *err);

/** vm_add_config() - config.json's text with the destinations of @vm->full. */
int vm_add_config(const struct vm *vm, const char *config, size_t len,
		  struct strbuf *out);

/* ---- vm_view.c */

/**
 * vm_view() - fill in @vm->host, @vm->process and @vm->left from @vm->full:
 * mounts that are filesystems of the guest's own, /dev, masks, sysctls and all
 * that concerns the workload's process are the guest's; binds, namespaces,
 * limits and hooks outside are the host's.
 */
int vm_view(struct vm *vm, struct arena *arena, struct err *err);

/**
 * vm_process() - what a process of hull-vmm applies to itself: of the container
 * only what the host alone can do (LSM label, OOM score).
 */
int vm_process(const struct spec *full, struct arena *arena,
	       struct spec_process *out, struct err *err);

/** vm_size() - decide @vm->vcpus and @vm->memory_bytes. */
void vm_size(struct vm *vm);

/** vm_overhead() - what the monitor itself needs beside the guest's memory. */
uint64_t vm_overhead(uint64_t memory_bytes, uint32_t vcpus);

/**
 * vm_resources() - the host's part of new or first limits: without those on
 * memory and processes, which the guest keeps.
 */
int vm_resources(struct arena *arena, const struct spec_resources *full,
		 struct spec_resources *host, struct err *err);

/* ---- vm_files.c */

/**
 * vm_open_kvm() - open /dev/kvm and make sure that it makes machines.
 *
 * Return: descriptor or -errno, with the reason.
 */
int vm_open_kvm(struct err *err);

enum vm_file { VM_FILE_VMM, VM_FILE_NET, VM_FILE_KERNEL, VM_FILE_INITRD };

/**
 * vm_open_file() - one of hull's own files: beside the program (build tree) or
 * where it was installed.
 *
 * Return: descriptor to execute or read, on a read-only mount of its own; or
 * -errno.
 */
int vm_open_file(enum vm_file file, struct err *err);

/** vm_open_files() - all that @vm needs from the host. */
int vm_open_files(struct vm *vm, const struct hull_create_options *opt,
		  struct err *err);

/* ---- vm_launch.c */

/** vm_init() - a struct vm without anything open. */
void vm_init(struct vm *vm, const struct spec *full);
void vm_release(struct vm *vm);

/**
 * vm_ready() - make vm.sock and vm.exit in the state directory, and what
 * hull-vmm is told.
 * @id: the container's
 * @config, @len: config.json's text
 */
int vm_ready(struct vm *vm, int dir_fd, const char *id, const char *config,
	     size_t len, struct err *err);

/**
 * vm_keep_fds() - in the child: keep what the VMM inherits, at the numbers that
 * vm_ready() has promised, and nothing else.
 * @gate_fd, @sync_fd: updated
 */
int vm_keep_fds(struct vm *vm, int *gate_fd, int *sync_fd, struct err *err);

/** vm_exec() - become hull-vmm. Returns only on failure. */
int vm_exec(const struct vm *vm, int gate_fd, struct err *err);

/**
 * vm_execute() - execve hull-vmm with a clean environment and all signals
 * blocked.
 * @command: "run", "attach"
 * @config_fd: its argument
 * @inherit: descriptors that stay open
 */
int vm_execute(int vmm_fd, const char *command, int config_fd,
	       const int *inherit, size_t count, struct err *err);

/** vm_memfd() - sealed memory: @head, then @tail. Return: descriptor. */
int vm_memfd(const void *head, size_t head_len, const void *tail,
	     size_t tail_len);

/* ---- vm_start.c */

/**
 * vm_start() - the container's network goes to taps, and the guest is told to
 * start its workload.
 * @pidfd: of the monitor
 *
 * Return: as gate_open().
 */
int vm_start(struct ct *ct, int pidfd, struct err *err);

/**
 * vm_leave_network() - once the monitor is gone: the interfaces of a namespace
 * that the container has joined receive for that namespace again. What fails is
 * a warning, since the namespace may not be what it was.
 */
void vm_leave_network(struct ct *ct);

/* ---- vm_agent.c */

/** vm_agent_ps() - the guest's processes; @json: fresh memory. */
int vm_agent_ps(const struct ct *ct, char **json, struct err *err);
/** vm_agent_stats() - the guest's own statistics; @json: fresh memory. */
int vm_agent_stats(const struct ct *ct, char **json, struct err *err);
/** vm_agent_update() - new limits, a `linux.resources` object. */
int vm_agent_update(const struct ct *ct, const char *resources, size_t len,
		    struct err *err);

/* ---- vm_exit.c */

/**
 * vm_end() - add what vm.exit tells to a record of the container's end. The
 * monitor wrote it, perhaps in the hands of its guest: it can name a reason,
 * which signal an exit status of 128 + N stands for, and the status itself
 * where nobody saw it.
 */
void vm_end(int dir_fd, struct hull_exit *e);

/* ---- vm_program.c */

/**
 * vm_find_program() - in the child, at the container's root: the errors of
 * process_resolve() where no guest could find the program either.
 */
int vm_find_program(const struct vm *vm, struct err *err);

/* ---- vm_process.c */

/** vm_process_json() - a process as config.json writes it. */
void vm_process_json(const struct spec_process *p, struct strbuf *out);

/**
 * vm_inherit_limits() - add to @p->rlimits what a process would inherit from
 * this one: the guest's kernel knows nothing of that.
 */
int vm_inherit_limits(struct arena *arena, struct spec_process *p,
		      struct err *err);

/** vm_limits_json() - @p->rlimits alone, an array. */
void vm_limits_json(const struct spec_process *p, struct strbuf *out);

#endif
