#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One case for each check that stands behind another, or is about what others
# than the image could do. `make sabotage` takes each out and looks here.
. "$(dirname "$0")/../support/lib.sh"

created() {
	sh_args "${1:-sleep 1000}"
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
}

# ---- hull's own processes, seen from the container and from outside

t_created_init_is_closed() {
	bundle
	created
	eq "$(hull exec "$TAG" sh -c 'for f in /proc/1/fd/* /proc/1/exe; do readlink $f; done; cat /proc/1/environ' 2>/dev/null || true)" ''
	hull delete -f "$TAG"
}
t_joining_process_is_closed() {
	bundle
	started "$look_at_others"
	full_socket "$T/full"
	# it waits for the socket when the new process has the workload's
	# credentials, but not its program yet
	hull exec --pidfd-socket "$T/full" "$TAG" sleep 5 &
	wait_for 10 grep -q -e CLOSED -e SEEN "$T/out"
	kill "$listener"
	wait || true
	hasnt "$(cat "$T/out")" SEEN
	hull delete -f "$TAG"
}
t_program_is_out_of_reach() {
	bundle
	created
	# the same file, but not by a mount through which it could be written
	[ ! -w "/proc/$(state pid)/exe" ] || fail "init's program is writable"
	hull delete -f "$TAG"
}
t_hull_keeps_no_descriptors() {
	bundle
	sh_args 'echo up; sleep 2'
	sh -c 'exec 9</etc; exec "$@"' sh "$HULL" --root "$T/root" run -b "$B" "$TAG" >"$T/out" &
	wait_for 10 grep -q up "$T/out"
	fds=$(readlink "/proc/$!/fd"/*) || true
	wait
	hasnt "$fds" /etc
}
t_no_abstract_sockets() {
	# a container in the host's network namespace would reach them
	bundle '(.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"]} |
		.linux.namespaces |= map(select(.type != "network"))'
	created
	for p in "$(state pid)" $(pgrep -f "$TAG" || true); do
		for s in $(readlink "/proc/$p/fd"/* 2>/dev/null | sed -n 's/socket:\[\(.*\)\]/\1/p'); do
			hasnt "$(awk -v s="$s" '$7 == s {print $8}' /proc/net/unix)" @
		done
	done
	hull delete -f "$TAG"
}
t_hooks_get_no_descriptors() {
	bundle --arg sh "$(command -v sh)" --arg s "readlink /proc/self/fd/* >$T/fds; true" \
		'.hooks.createRuntime = [{path: $sh, args: ["sh", "-c", $s]}]'
	args true
	# a guest is given none, so there is nothing to keep
	in_vm && keep=0 || keep=1
	hull run --preserve-fds $keep -b "$B" "$TAG" 3</etc/passwd
	[ -s "$T/fds" ] || fail 'the hook did not run'
	hasnt "$(cat "$T/fds")" /etc/passwd
}
t_closed_stdio() {
	bundle '.root.readonly = false'
	sh_args 'a=; for n in 0 1 2; do a="$a $(readlink /proc/$$/fd/$n)"; done; echo $a >/fds'
	"$HULL" --root "$T/root" run -b "$B" "$TAG" <&- >&- 2>&-
	eq "$(cat "$B/rootfs/fds")" '/dev/null /dev/null /dev/null'
}
t_exec_gets_no_terminal() {
	bundle
	started
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" exec "$TAG" sh -c 'echo x >/dev/tty && echo has-tty; echo done' 2>/dev/null)
	hull delete -f "$TAG"
	has "$out" done
	hasnt "$out" has-tty
}
t_gate_has_one_owner() {
	bundle
	(umask 000 && created 'echo started; sleep 1000')
	eq "$(stat -c %a "$T/root/$TAG/gate.sock")" 600
	# even with every file open somebody else is not heard
	chmod 755 "$T" "$T/root" "$T/root/$TAG"
	chmod 666 "$T/root/$TAG/gate.sock"
	chmod o+x "$(dirname "$T")"
	setpriv --reuid 1000 --regid 1000 --clear-groups /usr/bin/python3 -c '
import socket, struct, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.send(struct.pack("II", 0x48474154, 0))
    time.sleep(0.5)
except BrokenPipeError:
    pass' "$T/root/$TAG/gate.sock"
	eq "$(state status)" created
	eq "$(cat "$T/out")" ''
	chmod 700 "$T/root/$TAG"
	hull start "$TAG"
	wait_for 5 grep -q started "$T/out"
	hull delete -f "$TAG"
}

# ---- the state directory

# edit FILTER: a changed state.json with the right checksum
edit() {
	jq -c "del(.sum) | $1" "$T/good" | python3 -c '
import sys
text = sys.stdin.read().rstrip("\n")[:-1]
h = 0xcbf29ce484222325
for b in text.encode():
    h = (h ^ b) * 0x100000001b3 % 2**64
print("%s,\"sum\":\"%016x\"}" % (text, h))' >"$T/root/$TAG/state.json"
}
t_state_of_another_process() {
	bundle
	started
	cp "$T/root/$TAG/state.json" "$T/good"
	edit .
	eq "$(state status)" running 'the same, written anew'
	sleep 1000 &
	other=$!
	edit ".pid = $other"
	refuses 'container not running' hull kill "$TAG" TERM
	kill -0 $other
	status=$(state status)
	cp "$T/good" "$T/root/$TAG/state.json"
	kill $other
	eq "$status" stopped
	hull delete -f "$TAG"
}
damaged() { # what: "state" has to refuse what is there
	rc=0
	hull state "$TAG" >"$T/o" 2>"$T/e" || rc=$?
	cp "$T/good" "$T/root/$TAG/state.json"
	chown 0:0 "$T/root/$TAG" "$T/root/$TAG/state.json"
	eq $rc 1 "status with $1"
	has "$(cat "$T/e")" "$2"
}
t_state_is_checked() {
	bundle
	started
	cp "$T/root/$TAG/state.json" "$T/good"
	for f in '.id = "x"' '.pid = 1 | .startTime = 1' ".cgroup.path += \"/../$TAG-x\""; do
		edit "$f"
		damaged "$f" 'is damaged'
	done
	sed 's/"bundle":"/&x/' "$T/good" >"$T/root/$TAG/state.json"
	damaged 'a changed byte' 'wrong checksum'
	chown 1000 "$T/root/$TAG/state.json"
	damaged 'a file of somebody else' 'is damaged'
	chown 1000 "$T/root/$TAG"
	damaged 'a directory of somebody else' 'belongs to uid 1000'
	hull delete -f "$TAG"
}
t_state_root_is_checked() {
	bundle
	args true
	mkdir -m 777 "$T/r"
	chmod 777 "$T/r"
	refuses 'may be written by others' "$HULL" --root "$T/r" run -b "$B" "$TAG"
	chmod 700 "$T/r"
	chown 1000 "$T/r"
	refuses 'belongs to uid 1000' "$HULL" --root "$T/r" run -b "$B" "$TAG"
}
t_one_at_a_time() {
	bundle
	started
	status 124 flock "$T/root/$TAG" timeout 1 "$HULL" --root "$T/root" pause "$TAG"
	eq "$(state status)" running
	hull delete -f "$TAG"
}

# ---- what the process applies to itself

t_ids() {
	bundle '.process.user = {"uid": 1001, "gid": 1002, "additionalGids": [7]}'
	out=$(run_sh probe | tr -s '\t ' ' ')
	has "$out" 'Uid 1001 1001 1001 1001'
	has "$out" 'Gid 1002 1002 1002 1002'
	has "$out" 'Groups 7'
}
t_id_that_changes_nothing() {
	bundle
	started
	refuses 'is not an id' hull exec -u 4294967295 "$TAG" true
	refuses 'is not an id' hull exec -u 0:4294967295 "$TAG" true
	hull delete -f "$TAG"
}
t_capabilities() {
	bundle '.process.capabilities = {bounding: ["CAP_KILL"], effective: ["CAP_KILL"],
		permitted: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: []}'
	sh_args probe
	out=$(setpriv --inh-caps +kill,+chown --ambient-caps +kill,+chown \
		"$HULL" --root "$T/root" run -b "$B" "$TAG")
	for set in CapBnd CapPrm CapEff CapInh; do
		has "$out" "$set 0000000000000020"
	done
	has "$out" 'CapAmb 0000000000000000'
}
t_rlimits() {
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 200, hard: 300}]'
	has "$(run_sh probe)" 'RLIMIT_NOFILE 200 300'
}
t_keyring() {
	[ -e /proc/keys ] || skip 'the kernel has no keyrings'
	bundle '.linux.maskedPaths = []'
	has "$(run_sh 'cat /proc/keys')" "_ses.$TAG"
	sh_args 'cat /proc/keys'
	# the first one's may still be waiting for the garbage collector
	hasnt "$(hull run --no-new-keyring -b "$B" "${TAG}b")" "_ses.${TAG}b"
	# exec does as the container does
	sh_args 'sleep 1000'
	for option in --no-new-keyring ''; do
		# shellcheck disable=SC2086
		hull run -d $option -b "$B" "${TAG}c" </dev/null >/dev/null 2>&1
		out=$(hull exec "${TAG}c" cat /proc/keys)
		[ -n "$option" ] || has "$out" "_ses.${TAG}c"
		[ -z "$option" ] || hasnt "$out" "_ses.${TAG}c"
		hull delete -f "${TAG}c"
	done
}
has_apparmor() {
	grep -qx Y /sys/module/apparmor/parameters/enabled 2>/dev/null
}
t_profile_without_apparmor() {
	! has_apparmor || skip 'AppArmor is there'
	bundle '.process.apparmorProfile = "none-such"'
	refuses 'AppArmor is disabled' hull run -b "$B" "$TAG"
}
t_profile_without_securityfs() {
	has_apparmor || skip 'no AppArmor'
	bundle '.process.apparmorProfile = "unconfined"'
	args cat /proc/self/attr/current
	eq "$(unshare -m sh -c 'umount -l /sys/kernel/security; exec "$@"' _ \
		"$HULL" --root "$T/root" run -b "$B" "$TAG")" unconfined
}
t_passwd_that_is_none() {
	bundle
	rm "$B/rootfs/etc/passwd"
	# found by those who read whatever is there
	line=root:x:0:0:root:/elsewhere:/bin/sh
	mkfifo "$B/rootfs/etc/passwd"
	exec 9<>"$B/rootfs/etc/passwd"
	echo $line >&9
	eq "$(run_sh 'echo $HOME')" / 'HOME from a fifo'
	exec 9>&-
	rm "$B/rootfs/etc/passwd"
	echo $line >"$B/rootfs/etc/passwd"
	eq "$(run_sh 'echo $HOME')" /elsewhere
	truncate -s 10G "$B/rootfs/etc/passwd"
	eq "$(run_sh 'echo $HOME')" / 'HOME from a huge file'
}
deny() { # NAME
	cfg --arg n "$1" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		architectures: ["SCMP_ARCH_X86_64"],
		syscalls: [{names: [$n], action: "SCMP_ACT_ERRNO"}]}'
}
# forge FROM TO [hash]: the filter with "allow" for each errno
forge() {
	python3 - "$@" <<-'EOF'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		start = len(data) - 8 * struct.unpack_from("I", data, 80)[0]
		for at in range(start, len(data), 8):
		    code, _, k = struct.unpack_from("HHI", data, at)
		    if code == 6 and k >> 16 == 5:
		        struct.pack_into("I", data, at + 4, 0x7fff0000)
		insns, mask = bytes(data[start:]), 2**64 - 1
		h = 0x9e3779b97f4a7c15 ^ len(insns)
		for at in range(0, len(insns), 8):
		    h = (h ^ int.from_bytes(insns[at:at + 8], "little")) * 0xff51afd7ed558ccd & mask
		    h ^= h >> 32
		if len(sys.argv) > 3:
		    struct.pack_into("Q", data, 72, h)
		open(sys.argv[2], "wb").write(data)
	EOF
}
t_forged_filter() {
	bundle
	deny getpgrp
	eq "$(run_sh 'probe syscall 111')" EPERM
	f=$(find "$T/root/.cache" -type f)
	cp "$f" "$T/right"
	# with a hash that is right: that it would be used shows the test works
	forge "$T/right" "$f" hash
	eq "$(run_sh 'probe syscall 111')" ok "root's own file"
	chmod 666 "$f"
	eq "$(run_sh 'probe syscall 111')" EPERM 'a file that others can write'
	forge "$T/right" "$f" hash
	chmod 600 "$f"
	chown 1000 "$f"
	eq "$(run_sh 'probe syscall 111')" EPERM "somebody else's file"
	forge "$T/right" "$f"
	chown 0 "$f"
	chmod 600 "$f"
	eq "$(run_sh 'probe syscall 111')" EPERM 'a file whose program was changed'
	# another profile's, of the same length, in its place
	cfg '.linux.seccomp.syscalls[0].names = ["getppid"]'
	rm "$f"
	eq "$(run_sh 'probe syscall 110')" EPERM
	f=$(find "$T/root/.cache" -type f)
	cp "$T/right" "$f"
	eq "$(run_sh 'probe syscall 110')" EPERM "another profile's"
}
t_calls_nobody_knows() {
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names:
		["execve","brk","arch_prctl","set_tid_address","set_robust_list","rseq","prlimit64","readlink","readlinkat","getrandom","mprotect","fstat","newfstatat","write","exit_group","exit","mmap","munmap","uname","ioctl"], action: "SCMP_ACT_ALLOW"}]}'
	args /bin/probe syscall 101
	eq "$(hull run -b "$B" "$TAG")" EPERM
	args /bin/probe syscall 900
	eq "$(hull run -b "$B" "$TAG")" ENOSYS
}

# ---- procfs, devices and mounts

t_covered_procfs() {
	# an outer runtime, or somebody in a shared volume, has covered it
	bundle '.linux.sysctl = {"kernel.shmmax": "12345678"}'
	mkdir -p "$T/sys/kernel"
	echo 1 >"$T/sys/kernel/shmmax"
	sh_args 'cat /proc/sys/kernel/shmmax'
	eq "$(unshare -m sh -c 'mount --bind "$0" /proc/sys && exec "$@"' "$T/sys" \
		"$HULL" --root "$T/root" run -b "$B" "$TAG")" 12345678
	eq "$(cat "$T/sys/kernel/shmmax")" 1
}
t_fake_procfs() {
	bundle
	args true
	mkdir -p "$T/ro" "$T/proc/self"
	cp "$HULL" "$T/ro/hull"
	ln -s "$T/ro/hull" "$T/proc/self/exe"
	refuses 'cannot open /proc' unshare -m sh -euc 'mount --bind "$0/ro" "$0/ro"
		mount -o remount,bind,ro "$0/ro"
		mount --bind "$0/proc" /proc
		exec "$@"' "$T" "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
t_sysctl_of_the_host() {
	# what the host has already, so that it does no harm when it is set
	bundle --arg v "$(cat /proc/sys/vm/swappiness)" '.linux.sysctl = {"vm.swappiness": $v}'
	refuses 'it would change the host' hull run -b "$B" "$TAG"
	cfg '.linux.sysctl |= with_entries(.key = "net.//.vm.swappiness")'
	refuses 'not the name of a kernel parameter' hull run -b "$B" "$TAG"
}
t_mount_on_proc_by_a_link() {
	bundle '.mounts += [{destination: "/l/x", type: "tmpfs", source: "t"}]'
	for to in /proc /proc/self ../proc/sys; do
		rm -f "$B/rootfs/l"
		ln -s $to "$B/rootfs/l"
		cfg --arg d "/l/${to##*/}" '.mounts[-1].destination = "/l/net"'
		refuses 'inside /proc' hull run -b "$B" "$TAG"
	done
}
t_fake_null_of_the_host() {
	bundle
	args true
	echo fake >"$T/null"
	refuses "no null device" unshare -m sh -euc 'mount --bind "$0" /dev/null
		exec "$@"' "$T/null" "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
t_device_in_the_way() {
	for kind in file link other; do
		rm -rf "$B"
		bundle '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false'
		case $kind in
		file) echo fake >"$B/rootfs/dev/null" ;;
		link) ln -s /etc/passwd "$B/rootfs/dev/null" ;;
		other) mknod "$B/rootfs/dev/null" c 1 5 ;;
		esac
		args true
		refuses 'something else is in its place' hull run -b "$B" "$TAG"
	done
}
t_readonly_root_as_a_path() {
	bundle '.root.readonly = false | .linux.readonlyPaths = ["/"]'
	eq "$(run_sh '{ echo x >/x; } 2>/dev/null || echo refused; echo x >/dev/shm/x && echo written' | tr '\n' ' ')" 'refused written '
	eq "$(ls "$B/rootfs/x" 2>/dev/null)" ''
}
t_readonly_and_masked() {
	bundle '.root.readonly = false | .linux.maskedPaths = ["/root"] | .linux.readonlyPaths = ["/etc"]'
	echo x >"$B/rootfs/root/hidden"
	eq "$(run_sh 'ls /root; touch /root/x 2>/dev/null || echo no; touch /etc/x 2>/dev/null || echo no; touch /x && echo yes' | tr '\n' ' ')" 'no no yes '
}
t_bind_attributes() {
	mkdir "$T/src"
	bundle --arg s "$T/src" '.mounts += [{destination: "/m", type: "bind", source: $s, options: ["bind", "ro", "nosuid", "nodev", "noexec"]}]'
	has "$(run_sh 'grep " /m " /proc/self/mountinfo')" ' ro,nosuid,nodev,noexec'
}
t_no_capabilities_named() {
	bundle 'del(.process.capabilities)'
	eq "$(run_sh 'grep ^Cap /proc/self/status | cut -f 2' | sort -u)" 0000000000000000
	started
	eq "$(hull exec "$TAG" sh -c 'grep ^Cap /proc/self/status' | cut -f 2 | sort -u)" 0000000000000000
	echo '{"args": ["grep", "^CapBnd", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}' >"$T/p"
	eq "$(hull exec -p "$T/p" "$TAG" | cut -f 2)" 0000000000000000
	hull delete -f "$TAG"
}
# a chroot(2) is left behind as the host is: else the namespace's root would be
# within reach of exec, and of CAP_SYS_ADMIN
t_hull_in_a_chroot() {
	bundle
	sh_args 'sleep 1000'
	mkdir "$T/top" "$T/plain"
	for d in /*; do # a root that is no mount
		[ ! -d "$d" ] || [ -L "$d" ] || mkdir "$T/plain$d"
		[ ! -L "$d" ] || cp -a "$d" "$T/plain$d"
	done
	in_chroot() { # directory option...
		dir=$1
		shift
		unshare -m --propagation private sh -euc 'top=$0; if [ -e "$top/proc" ]; then
				for d in "$top"/*; do [ -L "$d" ] || mount --rbind "/${d##*/}" "$d"; done
			else mount --rbind / "$top"; fi; exec chroot "$top" "$@"' "$dir" \
			"$HULL" --root "$T/root" run -d "$@" -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
		eq "$(hull exec "$TAG" stat -c %i /)" "$(stat -c %i "$B/rootfs")" "the root in $dir $*"
		hasnt "$(hull exec "$TAG" awk "{print \$5}" /proc/self/mountinfo)" "$T"
		# more than hull exec may, and from outside of all chroots
		eq "$(nsenter --mount="/proc/$(state pid)/ns/mnt" /bin/busybox stat -c %i /)" \
			"$(stat -c %i "$B/rootfs")" "the namespace's root in $dir $*"
		hull delete -f "$TAG"
	}
	in_chroot "$T/top"
	in_chroot "$T/plain"
	cfg '.linux.rootfsPropagation = "shared"'
	in_chroot "$T/top"
	cfg 'del(.linux.rootfsPropagation)'
	in_chroot "$T/plain" --no-pivot
	# nor is a root that was pivoted to one, or moved over the first as initial
	# ramdisks do it
	args true
	unshare -m --propagation private sh -euc 'mount --rbind / "$0" && cd "$0" && pivot_root . mnt &&
		exec chroot . "$@"' "$T/top" "$HULL" --root "$T/root" run -b "$B" "$TAG"
	unshare -m --propagation private sh -euc 'mount --rbind / "$0" && cd "$0" && mount --move . / &&
		exec chroot . "$@"' "$T/top" "$HULL" --root "$T/root" run -b "$B" "$TAG"
	# what the container may do is done in its own namespace only
	hasnt "$(cat /proc/self/mountinfo)" "$T/plain"
}
t_old_root_is_gone() {
	bundle
	eq "$(run_sh "awk '\$5 == \"/\"' /proc/self/mountinfo | wc -l")" 1
	eq "$(run_sh 'ls -id / | cut -d " " -f 1')" "$(run_sh 'ls -id /.. | cut -d " " -f 1')"
	hasnt "$(run_sh 'ls /..')" boot
}
t_no_pivot() {
	# the host's procfs is below: it would entitle to a new one, unmasked
	bundle '.process.user = {"uid": 1000, "gid": 1000}'
	sh_args 'unshare -m -U -r -p -f sh -c "id -u; mount -t proc p /tmp && echo mounted" 2>/dev/null; echo end'
	for o in '' --no-pivot; do
		out=$(hull run $o -b "$B" "$TAG" | tr '\n' ' ')
		[ "$out" != 'end ' ] || skip 'users may not make user namespaces here'
		eq "$out" '0 end ' "a new procfs with '$o'"
	done
}
t_no_mount_namespace() {
	bundle 'del(.linux.namespaces[] | select(.type == "mount"))'
	refuses 'mount namespace' hull run -b "$B" "$TAG"
	for f in '.linux.maskedPaths = ["/root"]' '.linux.readonlyPaths = ["/etc"]' '.root.readonly = true' \
		'.mounts = [{destination: "/mnt", type: "tmpfs", source: "t"}]'; do
		cfg 'del(.mounts, .linux.maskedPaths, .linux.readonlyPaths) | .root.readonly = false'
		cfg "$f"
		refuses 'mount namespace' hull run -b "$B" "$TAG"
	done
}
# Of a host whose mounts are shared, as systemd makes them; in a namespace that
# shares nothing with this machine's.
on_shared() { # SCRIPT, arguments $0: HULL, $1: root, $2: bundle, $3: id
	unshare -m --propagation private sh -euc "mount --make-rshared /
		$1" "$HULL" "$T/root" "$B" "$TAG"
}
t_shared_mounts_of_the_host() {
	bundle
	args true
	on_shared 'cat /proc/self/mountinfo >"$2/before"
		"$0" --root "$1" run -b "$2" "$3"
		cat /proc/self/mountinfo >"$2/after"'
	cmp "$B/before" "$B/after"
}
t_later_mounts_stay_out() {
	bundle
	sh_args 'sleep 1000'
	on_shared 'mount --bind "$2/rootfs" "$2/rootfs"
		"$0" --root "$1" run -d -b "$2" "$3" </dev/null >/dev/null 2>&1
		mount -t tmpfs later "$2/rootfs/tmp"
		"$0" --root "$1" exec "$3" cat /proc/self/mountinfo >"$2/seen"
		"$0" --root "$1" delete -f "$3"'
	has "$(cat "$B/seen")" ' / '
	hasnt "$(cat "$B/seen")" later
}
t_cgroup_path_upwards() {
	bundle --arg cg "/hull-test/$TAG/../$TAG-x" '.linux.cgroupsPath = $cg'
	refuses "has a '..' in it" hull run -b "$B" "$TAG"
}
cases "$@"
