# SPDX-License-Identifier: Apache-2.0
"""What the machine is made of. Data only: a change here makes a new image."""

SUITES = ("trixie", "bookworm")

# what both suites call by the same name
PACKAGES = """
systemd systemd-sysv dbus dbus-user-session libpam-systemd udev kmod
linux-image-amd64 apparmor
procps psmisc util-linux mount iproute2 iptables nftables uidmap acl attr
libcap2-bin e2fsprogs fuse3 busybox-static
jq file strace gcc libc6-dev make pkg-config python3 socat bats time xxd
hyperfine bpftool bubblewrap
runc crun containerd docker.io podman conmon buildah skopeo umoci
netavark aardvark-dns slirp4netns passt
containernetworking-plugins python3-grpcio
qemu-system-x86
libcmocka0 libyajl2 libseccomp2 libcap2 libmnl0
""".split()

SUITE_PACKAGES = {
    "trixie": ["docker-cli", "virtiofsd", "util-linux-extra", "libcgroup3"],
    # docker.io brings the docker command, qemu-system-common has virtiofsd
    "bookworm": ["util-linux-extra", "libcgroup2"],
}

# paths that no test reads: less to unpack and to copy
LEAVE_OUT = """
/usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/*
*/modules/*/kernel/drivers/gpu/* */modules/*/kernel/drivers/media/*
*/modules/*/kernel/drivers/net/wireless/*
*/modules/*/kernel/drivers/net/ethernet/* */modules/*/kernel/drivers/iio/*
*/modules/*/kernel/drivers/infiniband/* */modules/*/kernel/sound/*
""".split()

DISK_SIZE = "12G"             # sparse; /dev/vda, the root
SPARE_BYTES = 64 << 20        # /dev/vdb, empty, for limits on a block device

# tsc=reliable: nobody else moves this TSC, and every other clock is slow here
KERNEL_ARGS = """
console=ttyS0 quiet panic=-1 mitigations=off nowatchdog tsc=reliable
8250.nr_uarts=1 systemd.gpt_auto=0
net.ifnames=0 systemd.unified_cgroup_hierarchy=1 systemd.show_status=0
""".split()

# five levels of page tables (la57) only make an emulated walk longer
QEMU = "qemu-system-x86_64"
QEMU_ARGS = """
-machine q35,memory-backend=ram,sata=off,smbus=off,smm=off,vmport=off
-accel tcg,thread=multi -cpu max,+svm,-la57
-nodefaults -no-user-config -no-reboot -display none -nic none
-device virtio-blk-pci,drive=root -device virtio-blk-pci,drive=spare
-device virtio-rng-pci -device virtio-serial-pci
-device virtserialport,chardev=agent,name=hull.testhost
""".split()

# Run before the state is saved, so that later runs find these in memory.
# The first quota, and the end of the last, change instructions in the middle of
# the scheduler, which an emulator of several processors survives most of the
# time: there is always one.
WARM_UP = r"""
exec >/dev/null 2>&1 </dev/null
systemd-run --quiet --unit=hull-quota -p CPUQuota=100% sleep infinity
for i in 1 2; do
	systemd-run --quiet --wait --pipe --collect -p Delegate=yes \
		env -C /root sh -c true
	tar --version; jq --version; awk 1 /etc/fstab; stat / /root; mount; ps ax
	python3 -c 'import json, os, subprocess, tempfile'
done
modprobe -a overlay fuse loop
loginctl enable-linger rootless
systemctl start user@1000.service
udevadm settle
sync
"""

# seconds
LIMITS = {"build": 1500, "boot": 300, "restore": 90, "copy": 600, "step": 60}
