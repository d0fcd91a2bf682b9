/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/helper.h"
#include "libcontainer/container.h"
#include "libcontainer/protect.h"

/* What a microVM needs from the host, opened before anything is made. */

static const struct {
	const char *what;
	const char *name;
} files[] = {
	[VM_FILE_VMM] = { "hull's monitor", "hull-vmm" },
	[VM_FILE_NET] = { "hull's helper", "hull-net" },
	[VM_FILE_KERNEL] = { "the guest's kernel", "vmlinux" },
	[VM_FILE_INITRD] = { "the guest's initrd", "initrd.cpio" },
};

/* A descriptor through which the file cannot be written, whoever has it. */
static int protect(int path_fd, bool for_reading)
{
	auto_fd int tree_fd = protect_mount(path_fd);
	char path[32];
	int fd;

	if (!for_reading)
		return tree_fd < 0 ? fcntl(path_fd, F_DUPFD_CLOEXEC, 3)
				   : take_fd(&tree_fd);
	/* where mounts are not allowed, as it is */
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 tree_fd < 0 ? path_fd : tree_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int check_file(int fd, bool for_reading)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return protect(fd, for_reading);
}

int vm_open_file(enum vm_file file, struct err *err)
{
	bool for_reading = file == VM_FILE_KERNEL || file == VM_FILE_INITRD;
	auto_fd int found_fd = helper_open(files[file].name);
	int fd = found_fd < 0 ? found_fd : check_file(found_fd, for_reading);

	if (fd < 0)
		return err_code(err, fd, "cannot open %s '%s'",
				files[file].what, files[file].name);
	return fd;
}

int vm_open_kvm(struct err *err)
{
	auto_fd int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version, machine;

	if (kvm_fd < 0)
		return err_sys(err, "no microVM can run here: cannot open "
				    "'/dev/kvm'");
	version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return err_set(err, -ENOTSUP,
			       "no microVM can run here: '/dev/kvm' is not of "
			       "version %d",
			       KVM_API_VERSION);
	machine = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (machine < 0)
		return err_sys(err, "no microVM can run here: KVM_CREATE_VM");
	close(machine);
	return take_fd(&kvm_fd);
}

static int open_named(const char *path, const char *field, struct err *err)
{
	auto_fd int path_fd = open(path, O_PATH | O_CLOEXEC);
	int fd = path_fd < 0 ? -errno : check_file(path_fd, true);

	if (fd == -EINVAL)
		return err_at(err, fd, field, "'%s' is not a regular file",
			      path);
	return fd < 0 ? err_at(err, fd, field, "cannot open '%s': %s", path,
			       err_text(fd))
		      : fd;
}

/* With somebody's own kernel hull's initrd still brings the agent. */
static int open_kernel(struct vm *vm, const struct hull_create_options *opt,
		       struct err *err)
{
	const struct spec_vm *spec = &vm->full->vm;

	if (opt->kernel)
		vm->kernel_fd = open_named(opt->kernel, "--kernel", err);
	else if (spec->kernel_path)
		vm->kernel_fd =
			open_named(spec->kernel_path, "vm.kernel.path", err);
	else
		vm->kernel_fd = vm_open_file(VM_FILE_KERNEL, err);
	if (vm->kernel_fd < 0)
		return vm->kernel_fd;
	if (spec->initrd_path)
		vm->initrd_fd =
			open_named(spec->initrd_path, "vm.kernel.initrd", err);
	else
		vm->initrd_fd = vm_open_file(VM_FILE_INITRD, err);
	return vm->initrd_fd < 0 ? vm->initrd_fd : 0;
}

int vm_open_files(struct vm *vm, const struct hull_create_options *opt,
		  struct err *err)
{
	const char *image = vm->full->vm.image_path;
	int ret;

	vm->kvm_fd = vm_open_kvm(err);
	if (vm->kvm_fd < 0)
		return vm->kvm_fd;
	ret = open_kernel(vm, opt, err);
	if (ret)
		return ret;
	vm->vmm_fd = vm_open_file(VM_FILE_VMM, err);
	if (vm->vmm_fd < 0)
		return vm->vmm_fd;
	if (!image)
		return 0;
	vm->image_fd = open_named(image, "vm.image.path", err);
	return vm->image_fd < 0 ? vm->image_fd : 0;
}
