#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# isolation 'vm', the host's side: hull with a stand-in for hull-vmm that needs
# no KVM guest (support/fakevmm.c)
. "$(dirname "$0")/../support/lib.sh"

# hull beside a kernel, an initrd and a monitor that are none
fake() {
	[ -c /dev/kvm ] || skip 'needs /dev/kvm'
	stand_in_runs
	real=${HULL%/*}
	mkdir -p "$T/bin"
	cp "$real/hull" "$real/hull-net" "$T/bin/"
	cp "$TESTS/fakevmm" "$T/bin/hull-vmm"
	echo kernel >"$T/bin/vmlinux"
	echo initrd >"$T/bin/initrd.cpio"
	ln -s hull "$T/bin/hull-vm"
	HULL=$T/bin/hull
	"$HULL" features | jq -e .vm.enabled >/dev/null ||
		skip "no microVM here: $("$HULL" features | jq -r .vm.reason)"
	bundle "$@"
}
vm() { # PLAY: what the stand-in plays
	args true "fake:$1"
	shift
	hull --isolation vm run "$@" -b "$B" "$TAG"
}
fact() { # name
	sed -n "s/^$1=//p" "$T/facts"
}
no_vm() { # what is missing
	refuses "$1" hull --isolation vm run -b "$B" "$TAG"
}

t_selection() {
	fake
	args true fake:exit=3
	status 3 hull --isolation vm run -b "$B" "$TAG"
	status 3 hull run --isolation vm -b "$B" "$TAG"
	status 3 "$T/bin/hull-vm" --root "$T/root" run -b "$B" "$TAG"
	status 3 env "PATH=$T/bin:$PATH" hull-vm --root "$T/root" run -b "$B" "$TAG"
	refuses 'is for hull' "$T/bin/hull-vm" --root "$T/root" run --isolation process -b "$B" "$TAG"
	cfg '.annotations = {"run.hull.isolation":"vm"}'
	status 3 hull run -b "$B" "$TAG"
	refuses 'annotations["run.hull.isolation"]: the bundle asks for a microVM' \
		hull run --isolation process -b "$B" "$TAG"
	# nothing in a bundle turns vm into process
	cfg '.annotations = {"run.hull.isolation":"process"} | .vm = {}'
	status 3 hull run -b "$B" "$TAG"
	cfg 'del(.annotations)'
	status 3 hull run -b "$B" "$TAG"
	refuses 'vm: the bundle asks for a microVM' hull --isolation process run -b "$B" "$TAG"
	cfg 'del(.vm)'
	refuses "a kernel is only for isolation 'vm'" hull run --kernel /k -b "$B" "$TAG"
}
t_kernel() {
	fake
	rm "$T/bin/vmlinux"
	no_vm "cannot open the guest's kernel"
	cfg '.vm = {"kernel":{"path":"/nonexistent"}}'
	no_vm "vm.kernel.path: cannot open '/nonexistent': no such file"
	cfg --arg k "$T" '.vm.kernel.path = $k'
	no_vm 'is a directory'
	mkfifo "$T/fifo"
	cfg --arg k "$T/fifo" '.vm.kernel.path = $k'
	no_vm 'is not a regular file'
	echo k >"$T/kernel"
	cfg --arg k "$T/kernel" '.vm.kernel = {"path":$k,"parameters":["a=b","quiet"]}'
	vm facts >"$T/facts"
	eq "$(fact cmdline)" 'a=b quiet'
	eq "$(fact kernel-writable)" 0
	cfg '.vm.kernel.path = "/nonexistent"'
	vm 'exit=0' --kernel "$T/kernel"
	cfg '.vm.kernel.parameters = [range(300) | "parameter"]'
	refuses 'vm.kernel.parameters: longer than' vm 'exit=0' --kernel "$T/kernel"
	rm "$T/bin/initrd.cpio"
	refuses "cannot open the guest's initrd" vm 'exit=0' --kernel "$T/kernel"
	cfg --arg k "$T/kernel" '.vm.kernel = {"path":$k,"initrd":$k}'
	vm 'exit=0'
	rm "$T/bin/hull-vmm"
	no_vm "cannot open hull's monitor 'hull-vmm'"
}
# modules in the order in which they load, each once, those built in left out
t_mkinitrd() {
	mkinitrd=$(dirname "$HULL")/hull-mkinitrd
	[ -x "$mkinitrd" ] || skip "no $mkinitrd here"
	mkdir -p "$T/m/kernel"
	echo kernel/virtiofs.ko >"$T/m/modules.builtin"
	for m in virtio_mmio.ko.xz vsock.ko.xz vmw_vsock_virtio_transport.ko.xz common.ko.xz virtio-rng.ko.xz more.ko.xz; do
		echo "contents of $m" >"$T/m/kernel/$m"
	done
	cat >"$T/m/modules.dep" <<-END
		kernel/virtio_mmio.ko.xz:
		kernel/common.ko.xz: kernel/vsock.ko.xz
		kernel/vsock.ko.xz:
		kernel/more.ko.xz: kernel/vsock.ko.xz
		kernel/virtio-rng.ko.xz:
		kernel/vmw_vsock_virtio_transport.ko.xz: kernel/common.ko.xz kernel/vsock.ko.xz
	END
	echo program >"$T/init"
	"$mkinitrd" --init "$T/init" "$T/base"
	"$mkinitrd" --initrd "$T/base" --modules "$T/m" --module more "$T/all"
	size=$(stat -c %s "$T/base")
	eq "$((size % 4))" 0
	cmp -n "$size" "$T/base" "$T/all"
	mkdir "$T/x"
	tail -c +$((size + 1)) "$T/all" | (cd "$T/x" && busybox cpio -i 2>/dev/null)
	eq "$(cat "$T/x/modules/list")" 'virtio_mmio.ko.xz
vsock.ko.xz
common.ko.xz
vmw_vsock_virtio_transport.ko.xz
virtio-rng.ko.xz
more.ko.xz'
	eq "$(cat "$T/x/modules/common.ko.xz")" 'contents of common.ko.xz'
	: >"$T/m/modules.builtin"
	refuses "no module 'virtiofs'" "$mkinitrd" --initrd "$T/base" --modules "$T/m" "$T/none"
	[ ! -e "$T/none" ]
}
t_no_kvm() {
	fake
	args true fake:exit=0
	mkdir "$T/dev"
	# a private /dev without it; what is made there goes with the namespace
	refuses "cannot open '/dev/kvm'" unshare -m sh -c '
		mount --bind /dev/null /dev/kvm && rm -f "$0/x" 2>/dev/null
		mount -t tmpfs none /dev && exec "$@"' "$T/dev" \
		"$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG"
	refuses 'is not of version 12' unshare -m sh -c '
		mount --bind /dev/null /dev/kvm && exec "$@"' sh \
		"$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG"
}
t_what_a_vm_cannot_do() {
	fake '.linux.namespaces = [.linux.namespaces[] |
		if .type == "ipc" then .path = "/proc/1/ns/ipc" else . end]'
	no_vm 'linux.namespaces[2].path: a VM'
	bundle_fresh '.linux.namespaces = [.linux.namespaces[] | select(.type != "network")]'
	no_vm 'linux.namespaces: no "network": a VM needs a network namespace'
	bundle_fresh '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = "/proc/self/ns/net" else . end]'
	no_vm "this is hull's own network"
	bundle_fresh '.linux.devices = [{"path":"/dev/null","type":"c","major":1,"minor":3},
		{"path":"/dev/kvm","type":"c","major":10,"minor":232}]'
	no_vm "linux.devices[1]: '/dev/kvm': a VM's guest has no device of the host"
	bundle_fresh '.mounts += [{"destination":"/proc/uptime","type":"bind","source":"/etc/hosts","options":["bind"]}]'
	no_vm "'/proc/uptime' lies in '/proc', which a VM's guest mounts itself"
	bundle_fresh .
	refuses 'descriptors cannot be passed' hull --isolation vm run --preserve-fds 1 -b "$B" "$TAG" 3</dev/null
}
bundle_fresh() {
	rm -rf "$B"
	bundle "$@"
}
t_monitor() {
	fake '.process.user = {"uid":1000,"gid":1000} | .process.cwd = "/made" |
		.linux.seccomp = {"defaultAction":"SCMP_ACT_ERRNO"} |
		.process.rlimits = [{"type":"RLIMIT_NOFILE","soft":7,"hard":7}]'
	vm facts >"$T/facts"
	eq "$(fact euid)" 0
	eq "$(fact uid)" 65534
	eq "$(fact pid)" 1
	eq "$(fact nnp)" 1
	eq "$(fact seccomp)" 0
	eq "$(fact sysadmin)" 0
	eq "$(fact files-raised)" 1
	eq "$(fact tty)" 0
	eq "$(fact kernel-writable)" 0
	# the guest's own are not mounted here, and no node is made
	eq "$(fact proc)" 0
	eq "$(fact dev-null)" 0
	eq "$(fact network)" '[]'
	# libseccomp has done its work once, here, and not in each guest
	case $(fact filter | tr -d 0-9a-f) in '""') ;; *) fail "filter: $(fact filter)" ;; esac
	[ "$(fact filter | wc -c)" -gt 40 ] || fail "filter: $(fact filter)"
	[ -n "$(ls "$T/root/.cache/seccomp")" ] || fail 'the filter was not kept'
	[ -d "$B/rootfs/made" ] || fail 'process.cwd was not made'
	[ -z "$(ls "$B/rootfs/dev")" ] || fail "left in the image's /dev: $(ls "$B/rootfs/dev")"
}
# The monitor in the hands of its guest (support/attackvmm.c): each of its
# barriers has to hold when the other one is broken. With both broken the
# namespaces still hide paths, processes and devices, but not what a file handle
# names: by-handle opens the root of the host's file system then.
attacker() {
	fake '.root.readonly = false'
	cp "$TESTS/attackvmm" "$T/bin/hull-vmm"
	# code that halts: it does not come to more
	python3 - "$T/bin/vmlinux" <<-'EOF'
		import struct, sys
		at = 0x1000000
		head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, at, 64, 0, 0, 64, 56, 1, 0, 0, 0)
		load = struct.pack("<IIQQQQQQ", 1, 5, 120, at, at, 3, 4096, 4096)
		open(sys.argv[1], "wb").write(head + load + b"\xf4\xeb\xfd".ljust(65536, b"\0"))
	EOF
	echo secret >"$T/secret"
	chmod 644 "$T/secret"
	chmod 755 "$T"
	touch "$B/rootfs/attack.out"
	chmod 666 "$B/rootfs/attack.out"
}
attack() { # ROLE BROKEN ATTACK
	echo "$1 $2 $3 $$ $T/secret" >"$B/rootfs/attack"
	: >"$B/rootfs/attack.out"
	timeout 20 "$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG" >"$T/out" 2>&1 && rc=0 || rc=$?
	hasnt "$(cat "$T/out")" 'timed out'
	eq "$(ls "$T/root")" '' "left behind after $*"
}
done_by() { # ROLE BROKEN: what of all attacks succeeded
	attack "$1" "$2" all
	[ "$(wc -l <"$B/rootfs/attack.out")" -ge 17 ] || fail "$*: $(cat "$B/rootfs/attack.out" "$T/out")"
	sed -n 's/: done//p' "$B/rootfs/attack.out" | tr '\n' ' '
}
t_jail_without_filter() {
	[ "$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')" -ge 2 ] ||
		skip 'no Landlock here'
	attacker
	for role in main loop vcpu gate; do
		eq "$(done_by $role filter)" '' "$role"
	done
	# it serves files to its guest, and is root for that
	eq "$(done_by fs filter)" 'read-own plant become-root ' fs
}
t_jail_filter_alone() {
	attacker
	for role in main loop vcpu gate fs; do
		for what in read-host signal-host open-kvm read-own plant execute mount clone-tree \
			open-disk change-root new-net raw-socket set-clock by-handle \
			trace-neighbour read-neighbour become-root; do
			attack $role process $what
			case $role:$what in
			fs:read-own | fs:plant) eq "$(cat "$B/rootfs/attack.out")" "$what: done" "$role" ;;
			fs:read-host | fs:open-kvm | fs:open-disk)
				eq "$(cat "$B/rootfs/attack.out")" "$what: refused" "$role" ;;
			*) eq "$(cat "$B/rootfs/attack.out")" "$what:" "$role was not killed" ;;
			esac
		done
	done
}
t_jail_broken() {
	attacker
	for role in main fs; do
		all=" $(done_by $role both)"
		# the attacks are real ones
		for what in read-own plant execute by-handle trace-neighbour read-neighbour become-root; do
			has "$all" " $what "
		done
		for what in read-host signal-host open-kvm open-disk mount clone-tree; do
			hasnt "$all" " $what "
		done
	done
}
t_user_namespace() {
	fake '.linux.namespaces += [{"type":"user"}] |
		.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":1000}] |
		.linux.gidMappings = [{"containerID":0,"hostID":100000,"size":1000}]'
	chmod 755 "$T" "$B" "$B/rootfs"
	vm facts >"$T/facts"
	eq "$(fact euid)" 0
	eq "$(fact uid)" 999
	eq "$(fact gid)" 999
}
t_size() {
	fake '.linux.resources.memory = {"limit":268435456} | .linux.resources.cpu = {"quota":250000,"period":100000}'
	vm facts >"$T/facts"
	eq "$(fact vcpus)" 3
	[ "$(fact memory)" -gt 268435456 ] || fail 'the limit leaves nothing to the kernel'
	cfg '.vm = {"hwConfig":{"vcpus":2,"memory":134217728}}'
	vm facts >"$T/facts"
	eq "$(fact vcpus)" 2
	eq "$(fact memory)" 134217728
}
t_binds_over_memory() {
	fake '.mounts += [{"destination":"/run","type":"tmpfs","source":"tmpfs"},
		{"destination":"/run/secrets/x","type":"bind","source":"/etc/hosts","options":["bind","ro"]}]'
	vm 'exit=0'
	[ ! -e "$B/rootfs/run/secrets" ] || fail 'the image has a place for the bind'
}
# the image's links decide what lies in what, and the guest is told the same
t_mounts_behind_links() {
	echo of-the-image >"$T/v"
	fake --arg v "$T/v" '.mounts += [{"destination":"/run","type":"tmpfs","source":"tmpfs"},
		{"destination":"/var/run/app","type":"bind","source":$v,"options":["rbind","rprivate"]}]'
	rmdir "$B/rootfs/var/run" 2>/dev/null || true
	ln -s ../run "$B/rootfs/var/run"
	ln -s proc "$B/rootfs/knl"
	vm facts >"$T/facts"
	[ ! -e "$B/rootfs/run/app" ] || fail 'the bind is in the image, and hidden in the guest'
	eq "$(fact destination | tail -n 2)" '"/run"
"/run/app"'
	cfg '.mounts[-2].destination = "/var/run" | .mounts[-1].destination = "/run/app" |
		.process.cwd = "/var/run/work"'
	vm facts >"$T/facts"
	[ ! -e "$B/rootfs/run/app" ] || fail 'the bind is in the image, and hidden in the guest'
	[ ! -e "$B/rootfs/run/work" ] || fail 'process.cwd was made in the image'
	eq "$(fact destination | tail -n 2)" '"/run"
"/run/app"'
	cfg '.mounts[-1].destination = "/knl/uptime"'
	no_vm "'/proc/uptime' lies in '/proc', which a VM's guest mounts itself"
}
# one in a volume cannot be followed before that is mounted
t_mounts_behind_links_of_volumes() {
	mkdir -p "$T/v/d" "$T/w"
	ln -s /run "$T/v/run"
	ln -s d "$T/v/l"
	fake --arg v "$T/v" --arg w "$T/w" '.mounts += [{"destination":"/run","type":"tmpfs","source":"tmpfs"},
		{"destination":"/v","type":"bind","source":$v,"options":["rbind"]},
		{"destination":"/v/run/x","type":"bind","source":$w,"options":["rbind"]}]'
	no_vm "'/v/run/x' is '/run/x' by a link in another mount: a VM's guest, which mounts '/run' itself"
	cfg '.mounts[-1].destination = "/v/l/x"'
	vm exit=0
	[ -d "$T/v/d/x" ]
}
t_life() {
	fake
	args true fake:wait
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(state status)" created
	eq "$(state isolation)" vm
	refuses 'has not been started' hull exec "$TAG" true
	refuses 'while it runs' hull update --cpu-share 100 "$TAG"
	hull start "$TAG"
	eq "$(state status)" running
	refuses 'already running' hull start "$TAG"
	hull ps --format json "$TAG" | jq -e --argjson p "$(state pid)" 'index($p) != null and (index(1) | not)' >/dev/null
	has "$(hull ps "$TAG")" 'a b?'
	refuses "not for the processes of a microVM's guest" hull ps "$TAG" -ef
	hull pause "$TAG"
	eq "$(state status)" paused
	hull resume "$TAG"
	hull kill "$TAG" TERM
	wait_for 5 is_stopped
	eq "$(state exit.signal)" 15
	hull delete "$TAG"
}
is_stopped() {
	[ "$(state status)" = stopped ]
}
t_signal_before_start() {
	fake
	args true fake:wait
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	hull kill "$TAG" TERM
	wait_for 5 is_stopped
	eq "$(state exit.code)" 143
	hull delete "$TAG"
}
t_failures() {
	fake
	args true fake:fail
	refuses 'exec: "x": the guest has none' hull --isolation vm run -b "$B" "$TAG"
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	refuses 'exec: "x": the guest has none' hull start "$TAG"
	eq "$(state status)" stopped
	has "$(state exit.vm)" 'exec: "x": the guest has none'
	hull delete "$TAG"
	# a monitor that cannot be told to start does not stay
	args true fake:wait
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	mv "$T/bin/hull-net" "$T/bin/none"
	refuses "cannot open hull's helper 'hull-net'" hull start "$TAG"
	mv "$T/bin/none" "$T/bin/hull-net"
	eq "$(state status)" stopped
	has "$(state exit.vm)" "cannot open hull's helper 'hull-net'"
	refuses "has stopped: cannot open hull's helper" hull start "$TAG"
	hull delete "$TAG"
	args true fake:panic
	status 126 hull --isolation vm run --keep -b "$B" "$TAG"
	eq "$(state exit.code)" 126
	eq "$(state exit.vm)" 'guest kernel ?panic'
	hull delete "$TAG"
}
# found missing before a guest is up, where the guest could only say the same
t_program() {
	fake
	no_program() { # text program
		args "$2"
		refuses "unable to start container process: exec: \"$2\": $1" \
			hull --isolation vm create -b "$B" "$TAG" </dev/null
	}
	no_program 'executable file not found in $PATH' nonexistent
	no_program 'stat /bin/nonexistent: no such file or directory' /bin/nonexistent
	no_program 'stat /no/such/thing: no such file or directory' /no/such/thing
	no_program 'stat /etc/passwd/x: not a directory' /etc/passwd/x
	no_program 'permission denied' /etc/passwd
	no_program 'is a directory' /etc
	ln -s /proc/self/exe "$B/rootfs/bin/self"
	for p in /proc/self/exe /bin/self self /dev/shm/made/later ./relative; do
		args "$p" fake:exit=3
		status 3 hull --isolation vm run -b "$B" "$TAG"
	done
	args relative fake:exit=3
	cfg '.process.env = ["PATH=/bin:"]'
	status 3 hull --isolation vm run -b "$B" "$TAG"
}
t_stdin_is_binary_clean() {
	fake
	head -c 300000 /dev/urandom >"$T/in"
	vm cat <"$T/in" >"$T/back"
	cmp "$T/in" "$T/back"
}
t_terminal() {
	fake '.process.terminal = true'
	args true fake:facts
	"$TESTS/ptyrun" "$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG" >"$T/out" 2>&1
	tr -d '\r' <"$T/out" >"$T/facts"
	eq "$(fact tty)" 1
	[ ! -e "$B/rootfs/dev/console" ] || fail 'the image has a console'
}
t_exec() {
	fake
	args true fake:wait
	hull --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	status 7 hull exec -u 5:6 -e A=B --cwd /x "$TAG" fake:ok 'a "b' >"$T/out" </dev/null
	head -1 "$T/out" >"$T/json"
	eq "$(jq -c '[.args,.user.uid,.user.gid,.cwd,.terminal]' "$T/json")" '[["fake:ok","a \"b"],5,6,"/x",false]'
	eq "$(jq -r '.env[-1]' "$T/json")" 'A=B'
	eq "$(jq -c '.capabilities.bounding|sort' "$T/json")" "$(jq -c '.process.capabilities.bounding|sort' "$B/config.json")"
	has "$(cat "$T/out")" 'euid=0'
	# limits that the configuration does not set are the caller's
	(ulimit -Sc 7 && status 7 hull exec "$TAG" fake:ok </dev/null) | head -1 |
		jq -r '.rlimits[] | "\(.type) \(.soft)"' >"$T/limits"
	has "$(cat "$T/limits")" 'RLIMIT_CORE 3584'
	has "$(cat "$T/limits")" "RLIMIT_NOFILE $(jq .process.rlimits[0].soft "$B/config.json")"
	eq "$(grep -c NOFILE "$T/limits")" 1
	refuses 'no such program in the guest' hull exec "$TAG" fake:fail
	refuses 'descriptors cannot be passed' hull exec --preserve-fds 1 "$TAG" fake:ok 3</dev/null
	refuses 'process.apparmorProfile: confines the monitor' hull exec --apparmor other "$TAG" fake:ok
	refuses 'process.selinuxLabel: confines the monitor' hull exec --process-label other "$TAG" fake:ok
	jq '.process | .args = ["fake:ok"] | .execCPUAffinity = {initial: "0"}' "$B/config.json" >"$T/process.json"
	refuses 'process.execCPUAffinity' hull exec --process "$T/process.json" "$TAG"
	refuses 'resources.memory.swap' hull update --memory-swap 123456789 "$TAG"
	jq '.process | .args = ["fake:ok"] | .scheduler = {"policy":"SCHED_BATCH","nice":3} |
		.ioPriority = {"class":"IOPRIO_CLASS_BE","priority":4} | .oomScoreAdj = 100' \
		"$B/config.json" >"$T/process.json"
	status 7 hull exec --process "$T/process.json" "$TAG" >"$T/out" </dev/null
	head -1 "$T/out" >"$T/json"
	eq "$(jq -c '[.scheduler.policy,.scheduler.nice,.ioPriority.class,.oomScoreAdj]' "$T/json")" \
		'["SCHED_BATCH",3,"IOPRIO_CLASS_BE",100]'
	"$TESTS/ptyrun" "$HULL" --root "$T/root" exec -t "$TAG" fake:ok >"$T/out" 2>&1 || true
	has "$(cat "$T/out")" 'tty=1'
	hull delete -f "$TAG"
}
t_events_and_update() {
	fake
	args true fake:wait
	hull --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(hull events --stats "$TAG" | jq -c .data.guest)" '{"memory":{"usage":42}}'
	hull update --memory 100000000 "$TAG"
	refuses 'the microVM was made with' hull update --memory 99999999999 "$TAG"
	# and no byte of it reaches a terminal as an escape
	refuses 'in the guest: 4242 is not liked?[2J' hull update --memory 42420000 --memory-swap 42420000 "$TAG"
	hull delete -f "$TAG"
}
t_update_is_rolled_back() {
	need_v2
	fake '.linux.resources.cpu = {"shares":1024}'
	args true fake:wait
	hull --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	cg=/sys/fs/cgroup/hull-test/$TAG
	before=$(cat "$cg/cpu.weight")
	refuses 'is not liked' hull update --cpu-share 4096 --memory 42420000 "$TAG"
	eq "$(cat "$cg/cpu.weight")" "$before"
	hull delete -f "$TAG"
}
t_host_limits() {
	need_v2
	fake '.linux.resources.memory = {"limit":134217728,"swap":134217728} | .linux.resources.pids = {"limit":3}'
	args true fake:wait
	hull --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	cg=/sys/fs/cgroup/hull-test/$TAG
	[ "$(cat "$cg/memory.max")" -gt 134217728 ] || fail 'no room for the monitor'
	eq "$(cat "$cg/memory.swap.max")" 0
	eq "$(cat "$cg/pids.max")" 512
	hull delete -f "$TAG"
}
t_network() {
	fake
	ip netns add "$TAG" || skip 'no network namespaces'
	n=${TAG#hull-}
	ip -n "$TAG" link add "$n" address 02:00:00:00:00:07 mtu 1400 type veth peer name "p$n" ||
		{ ip netns del "$TAG" && skip 'no veth'; }
	ip -n "$TAG" link set "p$n" netns 1
	ip link set "p$n" up
	ip -n "$TAG" address add 10.77.0.2/24 dev "$n"
	ip -n "$TAG" link set "$n" up
	ip -n "$TAG" link set "$n" arp off
	ip -n "$TAG" route add default via 10.77.0.1 metric 5
	ip -n "$TAG" route add 10.79.0.0/16 via 10.77.0.9 tos 0x10 mtu lock 1300
	ip -n "$TAG" neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev "$n" nud permanent
	cfg --arg p "/run/netns/$TAG" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = $p else . end]'
	rc=0
	vm facts >"$T/facts" 2>"$T/refused" || rc=$?
	tc -n "$TAG" qdisc show >"$T/left"
	ip netns del "$TAG"
	! grep -q 'clsact\|redirect' "$T/refused" || skip "this kernel: $(cat "$T/refused")"
	eq "$rc" 0
	eq "$(fact nets)" 1
	eq "$(fact net0)" '02:00:00:00:00:07,1400,1'
	fact network >"$T/net"
	eq "$(jq -c '.[0]|[.name,.mac,.mtu,.up]' "$T/net")" "[\"$n\",\"02:00:00:00:00:07\",1400,true]"
	eq "$(jq -c '[.[0].addresses[]|select(.prefix == 24)|[.address,.scope]]' "$T/net")" '[["10.77.0.2",0]]'
	eq "$(jq -c '.[0].noarp' "$T/net")" true
	eq "$(jq -c '[.[0].routes[]|[.gateway,.metric,.tos]]' "$T/net")" '[["10.77.0.1",5,null],["10.77.0.9",null,16]]'
	eq "$(jq -c '[.[0].routes[1].metrics[]|[.index,.value]]' "$T/net")" '[[1,4],[2,1300]]'
	eq "$(jq -c '.[0].neighbours' "$T/net")" '[{"address":"10.77.0.9","mac":"02:00:00:00:00:09"}]'
	hasnt "$(cat "$T/left")" clsact
}
# what a guest would not get, or not so, is said before anything is changed
t_network_refused() {
	fake
	ip netns add "$TAG" || skip 'no network namespaces'
	n=${TAG#hull-}
	ip -n "$TAG" link add "$n" type veth peer name "p$n" || { ip netns del "$TAG" && skip 'no veth'; }
	ip -n "$TAG" link set "p$n" up
	ip -n "$TAG" link set "$n" up
	ip -n "$TAG" address add 10.77.0.2/24 dev "$n"
	cfg --arg p "/run/netns/$TAG" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = $p else . end]'
	while read -r what; do
		# shellcheck disable=SC2086
		ip -n "$TAG" ${what%% |*} 2>"$T/unmade" || continue
		vm wait >"$T/out" 2>&1 || true
		# shellcheck disable=SC2086
		ip -n "$TAG" $(echo "${what%% |*}" | sed 's/ add / del /')
		grep -qF -- "${what#*| }" "$T/out" || echo "$what: $(cat "$T/out")" >>"$T/wrong"
		echo "$what" >>"$T/made"
	done <<-'EOF'
		rule add pref 100 from 10.77.0.2 lookup main | a policy rule of priority 100 is there: a microVM cannot have it
		-6 rule add pref 9 lookup main | a policy rule of priority 9 is there
		route add 10.79.0.0/16 via 10.77.0.9 congctl cubic | a route with a congestion control algorithm of its own is there
		route add 10.79.0.0/16 via 10.77.0.9 table 7 | a route of another table than main is there
		route add blackhole 10.79.0.0/16 | a route that leads nowhere
	EOF
	{ tc -n "$TAG" qdisc show; ip -n "$TAG" -o link; } >"$T/left"
	ip netns del "$TAG"
	[ ! -e "$T/wrong" ] || fail "$(cat "$T/wrong")"
	[ -e "$T/made" ] || skip "nothing of this can be made here: $(cat "$T/unmade")"
	hasnt "$(cat "$T/left")" clsact
	hasnt "$(cat "$T/left")" hull-vm
}
# an interface that outlives its containers: one at a time has it
t_network_of_others() {
	fake
	ip netns add "$TAG" || skip 'no network namespaces'
	n=${TAG#hull-}
	ip -n "$TAG" link add "$n" type veth peer name "p$n" || { ip netns del "$TAG" && skip 'no veth'; }
	cfg --arg p "/run/netns/$TAG" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = $p else . end]'
	args true fake:wait
	rc=0
	hull --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/refused" 2>&1 || rc=$?
	if [ $rc = 0 ]; then
		ip -n "$TAG" -o link >"$T/links"
		hull events --stats "$TAG" | jq -c '[.data.network_interfaces[].Name] | sort' >"$T/stats"
		cfg '.linux.cgroupsPath += "-2"'
		hull --isolation vm run -b "$B" "$TAG-2" </dev/null >"$T/second" 2>&1 || true
		hull state "$TAG" | jq -r .status >"$T/first"
		# what made it a microVM is no more known than its pid
		rm "$T/root/$TAG/state.json"
		hull delete -f "$TAG"
		tc -n "$TAG" qdisc show >"$T/left"
	fi
	ip netns del "$TAG"
	! grep -q 'clsact\|redirect' "$T/refused" || skip "this kernel: $(cat "$T/refused")"
	eq "$rc" 0
	has "$(cat "$T/links")" hull-vm0
	eq "$(cat "$T/stats")" "[\"p$n\",\"$n\"]"
	has "$(cat "$T/second")" 'another microVM has the interfaces of this network namespace'
	eq "$(cat "$T/first")" running
	hasnt "$(cat "$T/left")" clsact
}

cases "$@"
