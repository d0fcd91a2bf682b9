#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The configs that engines really wrote, unchanged, over a busybox rootfs; then
# the same with only process.args replaced, checked from inside.
. "$(dirname "$0")/../support/lib.sh"

# the bundle of an engine's config: bind sources as volumes/*
engine() { # name
	mkdir -p "$B/volumes/shm"
	copy_rootfs "$B/rootfs"
	cp "$DATA/$1.json" "$B/config.json"
	for v in resolv.conf hostname hosts .containerenv; do
		echo "volume $v" >"$B/volumes/$v"
	done
	# the place of its cgroup carries the case's tag, so that the census
	# sees it; what the config asks for stays as it is
	cfg --arg cg "/hull-test/$TAG" '.linux.cgroupsPath = $cg'
	if [ "$(((0x$(awk '/CapEff/ {print $2}' /proc/self/status) >> 24) & 1))" = 0 ]; then
		# without CAP_SYS_RESOURCE a hard limit cannot be raised
		hard=$(ulimit -Hn)
		cfg --argjson h "${hard:-1024}" 'if .process.rlimits then
			(.process.rlimits[] | select(.hard > $h) | .hard) = $h else . end'
	fi
	! in_vm || guests_own
}
# what an engine leaves to the host, a guest has of its own: refused, unless the
# config says so
guests_own() {
	lacks=$(jq -c '["network", "uts"] - [.linux.namespaces[].type]' "$B/config.json")
	[ "$lacks" != '[]' ] || return 0
	refuses 'linux.namespaces: no "network": a VM' hull run -b "$B" "$TAG"
	cfg --argjson l "$lacks" '.linux.namespaces += ($l | map({type: .}))'
}
# run it with the probe in place of its program
inside() { # command...
	args "$@"
	cfg '.process.terminal = false'
	hull run -b "$B" "$TAG"
}
caps_of() { # jq path of a list
	jq -r "$1[]?" "$B/config.json"
}
check_caps() {
	has "$1" "CapBnd $(mask bounding)"
	has "$1" "CapEff $(mask effective)"
	has "$1" "CapPrm $(mask permitted)"
	has "$1" "CapInh 0000000000000000"
}
mask() { # set
	caps_of ".process.capabilities.$1" | python3 -c '
import sys
names = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER
SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
CHECKPOINT_RESTORE""".split()
print("%016x" % sum(1 << names.index(l.strip()[4:]) for l in sys.stdin))'
}
check_mounts() { # mountinfo text: each mount is there with its options
	n=$(jq '.mounts | length' "$B/config.json")
	for i in $(seq 0 $((n - 1))); do
		# a bind mount is served to a guest from the host, which enforces it
		! in_vm || jq -e ".mounts[$i].type != \"bind\"" "$B/config.json" >/dev/null || continue
		dest=$(jq -r ".mounts[$i].destination" "$B/config.json")
		later=$(jq -r ".mounts[$i + 1:][] | select(.destination == \"$dest\") | 1" "$B/config.json")
		line=$(echo "$1" | awk -v d="$dest" '$5 == d' | tail -n 1)
		[ -n "$line" ] || fail "nothing is mounted on $dest"
		for o in $(jq -r ".mounts[$i].options[]?" "$B/config.json"); do
			[ -z "$later" ] || continue
			case $o in
			nosuid | noexec | nodev | ro | relatime)
				case ",$(echo "$line" | awk '{print $6}')," in
				*,"$o",*) ;;
				*) fail "$dest lacks $o: $line" ;;
				esac
				;;
			size=65536k | mode=755 | gid=5 | ptmxmode=0666 | ptmxmode=666)
				has "$(echo "$line" | sed 's/=0/=/g')" "$(echo "$o" | sed 's/=0/=/')"
				;;
			esac
		done
	done
}
check_paths() {
	script='export PATH=/bin; for p in $MASKED; do
		if [ -d $p ]; then [ -z "$(ls $p)" ] || echo "not masked: $p";
		elif [ -e $p ]; then [ -z "$(head -c 1 $p)" ] || echo "not masked: $p"; fi; done
		for p in $RO; do [ ! -e $p ] || { t=$(awk -v d=$p "\$5 == d {o = \$6} END {print o}" /proc/self/mountinfo);
		case $t in ro*) ;; *) echo "not read-only: $p $t";; esac; }; done'
	cfg --arg s "$script" '.process.args = ["/bin/sh", "-c", $s] |
		.process.env += ["MASKED=" + (.linux.maskedPaths | join(" ")),
			"RO=" + (.linux.readonlyPaths | join(" "))] | .process.terminal = false'
	eq "$(hull run -b "$B" "$TAG")" ''
}
check_seccomp() { # name of a denied call's number, expected errno
	has "$1" 'Seccomp 2'
	eq "$(inside /bin/probe syscall "$2")" "$3" "system call $2"
}

t_docker_unchanged() {
	engine docker-run
	hull run -b "$B" "$TAG" </dev/null
	[ -d "$B/rootfs/nodir/x" ] || fail 'cwd was not made'
}
t_docker_inside() {
	engine docker-run
	out=$(inside /bin/probe)
	check_caps "$out"
	has "$out" 'hostname 8d0bc8da7693'
	has "$out" 'cwd /nodir/x'
	has "$out" 'oom_score_adj 0'
	has "$out" 'env HOSTNAME=8d0bc8da7693'
	has "$out" 'env HOME=/root'
	has "$out" 'Groups 0'
	has "$out" 'dev_null 20666 103'
	check_mounts "$(inside /bin/cat /proc/self/mountinfo)"
	check_seccomp "$out" 248 EPERM # add_key
	cd=/proc/sys/net/ipv4
	eq "$(inside /bin/cat /etc/resolv.conf $cd/ip_unprivileged_port_start $cd/ping_group_range | tr -s '\t\n ' ' ')" \
		'volume resolv.conf 0 0 2147483647 '
	eq "$(inside /bin/ls -lL /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty | grep -c '^crw-rw-rw-')" 6
	eq "$(inside /bin/sh -c 'mknod /tmp/b b 8 0 && cat /tmp/b 2>&1 | grep -o "not permitted"')" 'not permitted'
	check_paths
}
t_podman_unchanged() {
	engine podman-run
	hull run -b "$B" "$TAG" </dev/null
}
t_podman_inside() {
	engine podman-run
	out=$(inside /bin/probe)
	check_caps "$out"
	has "$out" 'hostname b90b92be8810'
	has "$out" 'Umask 0022'
	has "$out" 'RLIMIT_NOFILE 1024 1024'
	has "$out" 'RLIMIT_NPROC 1024 1024'
	has "$out" 'env container=podman'
	check_mounts "$(inside /bin/cat /proc/self/mountinfo)"
	has "$out" 'Seccomp 2'
	eq "$(inside /bin/probe syscall 462)" ENOSYS 'a call newer than the profile'
	eq "$(inside /bin/cat /run/.containerenv)" 'volume .containerenv'
	check_paths
}
t_podman_pids_limit() {
	engine podman-run
	args sleep 100
	hull run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	eq "$(limit pids pids.max)" 2048
	hull delete -f "$TAG"
}
t_cri_container_unchanged() {
	engine cri-container
	hull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	wait_for 5 grep -q started "$T/out"
	eq "$(cat /proc/"$(state pid)"/oom_score_adj)" 998
	if is_v2; then
		d=/sys/fs/cgroup/hull-test/$TAG
		# a machine needs more than its guest has
		in_vm || eq "$(cat "$d"/memory.max)" 134217728
		eq "$(cat "$d"/memory.swap.max)" 0
		eq "$(cat "$d"/cpu.max)" '50000 100000'
		eq "$(cat "$d"/cpu.weight)" 35
	else
		d=/hull-test/$TAG
		eq "$(cat /sys/fs/cgroup/memory"$d"/memory.limit_in_bytes)" 134217728
		eq "$(cat /sys/fs/cgroup/cpu"$d"/cpu.shares)" 256
		eq "$(cat /sys/fs/cgroup/cpu"$d"/cpu.cfs_quota_us)" 50000
		grep -q "$(state pid)" /sys/fs/cgroup/memory"$d"/cgroup.procs
	fi
	hull delete -f "$TAG"
}
t_cri_container_inside() {
	engine cri-container
	out=$(inside /bin/probe)
	check_caps "$out"
	has "$out" 'Groups 0'
	has "$out" 'oom_score_adj 998'
	check_mounts "$(inside /bin/cat /proc/self/mountinfo)"
	has "$out" 'Seccomp 2'
	check_paths
}
t_cri_sandbox_unchanged() {
	engine cri-sandbox
	hull create -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	hull start "$TAG"
	eq "$(state status)" running
	hull kill "$TAG" 9
	hull kill --all "$TAG" 9
	hull wait "$TAG" || true
	hull delete "$TAG"
	hull delete --force "$TAG"
}
t_cri_sandbox_inside() {
	engine cri-sandbox
	out=$(inside /bin/probe)
	check_caps "$out"
	has "$out" 'NoNewPrivs 1'
	eq "$(inside /bin/sh -c '/bin/touch /x 2>&1 | /bin/grep -o "Read-only file system"')" 'Read-only file system'
	check_mounts "$(inside /bin/cat /proc/self/mountinfo)"
	check_paths
}
t_runc_spec_unchanged() {
	engine runc-spec
	# its terminal needs one
	out=$("$TESTS/ptyrun" -i 'exit 6
' "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>"$T/e") || eq $? 6
	has "$(cat "$T/e")" cooked
	has "$out" '#'
}
t_runc_spec_inside() {
	engine runc-spec
	out=$(inside /bin/probe)
	check_caps "$out"
	# ambient without inheritable gives nothing
	has "$out" 'CapAmb 0000000000000000'
	has "$out" 'NoNewPrivs 1'
	has "$out" 'hostname runc'
	has "$out" 'RLIMIT_NOFILE 1024 1024'
	check_mounts "$(inside /bin/cat /proc/self/mountinfo)"
	check_paths
}
t_runc_spec_rootless_by_root() {
	engine runc-spec-rootless
	out=$(inside /bin/probe)
	has "$out" 'hostname runc'
	has "$out" 'Uid 0'
}
cases "$@"
