#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What other runtimes have been caught by, and no other file here tries: see
# oci-tests/advisories.list.
. "$(dirname "$0")/../support/lib.sh"

# a directory of the host, and what it is like
marker() {
	mkdir -p "$T/marker/sub"
	echo secret >"$T/marker/file"
	digest >"$T/before"
}
digest() {
	find "$T/marker" -printf '%p %y %m %U %G %s %T@\n' | sort
	find "$T/marker" -type f -exec cat {} +
}
unharmed() {
	digest >"$T/after"
	cmp "$T/before" "$T/after" || fail "the host's directory was changed: $(ls -lR "$T/marker")"
}

# ---- paths

t_creation_race() {
	# what is missing is made while another process swaps its parent for a link
	bundle
	marker
	mkdir -p "$T/vol/d"
	ln -s "$T/marker" "$T/vol/l"
	echo x >"$T/file"
	cfg --arg v "$T/vol" --arg f "$T/file" '.mounts += [{destination: "/vol", type: "bind", source: $v, options: ["rbind"]}] +
		[range(4) | {destination: ("/vol/d/e" + tostring), type: "tmpfs", source: "t"},
			{destination: ("/vol/d/a/b" + tostring), type: "tmpfs", source: "t"}] +
		[range(4) | {destination: ("/vol/d/c/f" + tostring), type: "bind", source: $f, options: ["bind"]}]'
	args true
	python3 - "$T/vol" <<-'EOF' &
		import ctypes, sys, time
		libc = ctypes.CDLL(None)
		a, b = ((sys.argv[1] + n).encode() for n in ("/d", "/l"))
		end = time.time() + 6
		while time.time() < end:
		    libc.renameat2(-100, a, -100, b, 2)
	EOF
	racer=$!
	n=0
	while kill -0 $racer 2>/dev/null && [ $n -lt 300 ]; do
		timeout 20 "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
		n=$((n + 1))
		[ "$(ls "$T/marker")" = "$(printf 'file\nsub')" ] || break
		# anew: of the two names one is the directory
		for d in "$T/vol/d" "$T/vol/l"; do
			[ -L "$d" ] || rm -rf "$d"/[a-e]* 2>/dev/null || true
		done
	done
	kill $racer 2>/dev/null || true
	wait
	unharmed
	# the link was met, and led to a place inside
	[ -e "$B/rootfs$T/marker" ] || fail "the race was not won in $n runs"
}
t_null_and_pipes() {
	# standard streams are not taken for the image's idea of /dev/null
	marker
	bundle --arg s "$T/marker/file" '.process.user = {uid: 1000, gid: 1000} |
		.mounts |= map(select(.destination | startswith("/dev") | not)) |
		.mounts += [{destination: "/host", type: "bind", source: $s, options: ["bind"]}]'
	mkdir -p "$B/rootfs/dev"
	ln -s /host "$B/rootfs/dev/null"
	sh_args 'for n in 0 1; do readlink /proc/$$/fd/$n; done; echo x >&2'
	echo in | hull run -b "$B" "$TAG" 2>/dev/null | cat >"$T/out" || true
	unharmed
	hasnt "$(cat "$T/out")" host
	# and where hull may make the device itself
	rm -rf "$B"
	bundle --arg s "$T/marker/file" '.process.user = {uid: 1000, gid: 1000}'
	sh_args 'for n in 0 1; do readlink /proc/$$/fd/$n; done; echo x >&2'
	out=$(echo in | hull run -b "$B" "$TAG" 2>"$T/err" | cat)
	eq "$(echo "$out" | sed 's/:.*//' | tr '\n' ' ')" 'pipe pipe '
	eq "$(stat -c %u "$T/err")" 0 "owner of the caller's file"
}
t_passwd_of_the_host() {
	bundle
	echo 'root:x:0:0:root:/of-the-host:/bin/sh' >"$T/passwd"
	# shellcheck disable=SC2016
	for to in "$T/passwd" ../../../passwd ../../../../../../../../../..$T/passwd; do
		ln -sf "$to" "$B/rootfs/etc/passwd"
		eq "$(run_sh 'echo $HOME')" / "passwd -> $to"
	done
	# what the kernel follows without a path
	ln -sf /proc/self/fd/0 "$B/rootfs/etc/passwd"
	eq "$(run_sh 'echo $HOME' <"$T/passwd")" / 'passwd -> /proc/self/fd/0'
}
t_exec_with_a_fake_procfs() {
	# what the container has put over its /proc changes nothing for exec
	bundle '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"]) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
		.process.oomScoreAdj = 123 | .process.apparmorProfile = ""'
	started 'mount -t tmpfs t /proc && mkdir -p /proc/self/attr/apparmor /proc/self/fd /proc/thread-self/attr /proc/sys && cd /proc/self &&
		for f in oom_score_adj attr/exec attr/current attr/apparmor/exec uid_map gid_map setgroups status loginuid; do echo fake >$f; done; touch /proc/ready; sleep 1000'
	wait_for 10 hull exec "$TAG" test -e /proc/ready
	jq '.process | .args = ["sh", "-c", "cat /proc/self/oom_score_adj /proc/self/attr/exec; sleep 1000"] | .capabilities |= with_entries(.value = ["CAP_KILL"]) | .oomScoreAdj = 321' \
		"$B/config.json" >"$T/p.json"
	hull exec -d --pid-file "$T/pid" --process "$T/p.json" "$TAG" >"$T/o" 2>&1 </dev/null
	pid=$(cat "$T/pid")
	eq "$(cat "/proc/$pid/oom_score_adj")" 321
	has "$(cat "/proc/$pid/status")" 'CapEff:	0000000000000020'
	has "$(cat "/proc/$pid/status")" 'NoNewPrivs:	1'
	wait_for 5 grep -q 'fake' "$T/o"
	hull delete -f "$TAG"
}
t_masks_of_the_default_config() {
	bundle
	for p in /proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list \
		/proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware; do
		jq -e --arg p $p '.linux.maskedPaths | index($p)' "$B/config.json" >/dev/null || fail "'$p' is not masked"
	done
	for p in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
		jq -e --arg p $p '.linux.readonlyPaths | index($p)' "$B/config.json" >/dev/null || fail "'$p' is not read-only"
	done
	# shellcheck disable=SC2016
	eq "$(run_sh 'for p in /proc/keys /proc/timer_list /proc/sched_debug; do [ ! -s $p ] || cat $p; done; ls /sys/firmware;
		for p in /proc/sys/kernel/domainname /proc/sysrq-trigger; do [ ! -e $p ] || ! { echo >>$p; } 2>/dev/null || echo WRITABLE; done')" ''
}
t_source_of_a_read_only_bind() {
	# a mount point below it is not made in the source
	mkdir "$T/src"
	bundle --arg s "$T/src" '.mounts += [{destination: "/m", type: "bind", source: $s, options: ["bind", "ro"]},
		{destination: "/m/below", type: "tmpfs", source: "t"}]'
	refuses 'mounts[' hull run -b "$B" "$TAG"
	eq "$(ls -A "$T/src")" ''
	mkdir "$T/src/below"
	eq "$(run_sh 'touch /m/x 2>&1 | grep -o Read-only; touch /m/below/x && echo ok' | tr '\n' ' ')" 'Read-only ok '
	eq "$(ls -A "$T/src")" below
	eq "$(ls -A "$T/src/below")" ''
}
t_host_mounts_without_a_namespace() {
	bundle 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = [] | .root.readonly = false |
		.linux.maskedPaths = [] | .linux.readonlyPaths = []'
	args true
	for prop in shared private slave; do
		unshare -m --propagation private sh -euc "mount --make-r$prop /
			cat /proc/self/mountinfo >\"\$2/before\"
			\"\$0\" --root \"\$1\" run -b \"\$2\" \"\$3\" || true
			cat /proc/self/mountinfo >\"\$2/after\"" "$HULL" "$T/root" "$B" "$TAG" 2>/dev/null
		cmp "$B/before" "$B/after"
	done
}

# ---- programs, descriptors, terminals

t_set_user_id() {
	cp "$HULL" "$T/suid"
	chmod 4755 "$T/suid"
	chmod o+x "$(dirname "$T")"
	if rc=0 && setpriv --reuid 1000 --regid 1000 --clear-groups "$T/suid" --root "$T/root" list >"$T/o" 2>&1; then
		fail "it works: $(cat "$T/o")"
	fi
	has "$(cat "$T/o")" 'must not be set-user-ID'
}
t_programs_executed() {
	command -v strace >/dev/null || skip 'no strace'
	bundle '.process.user = {uid: 1000, gid: 1000}'
	args /bin/busybox true
	strace -f -qq -e trace=execve,execveat -o "$T/all" "$HULL" --root "$T/root" run -b "$B" "$TAG"
	grep 'execve.*= 0$' "$T/all" >"$T/trace"
	# hull, itself once more from where nobody can write, the workload
	eq "$(grep -c . "$T/trace")" 3 "programs in $(cat "$T/trace")"
	has "$(sed -n 2p "$T/trace")" 'execveat('
	has "$(sed -n 3p "$T/trace")" '"/bin/busybox"'
}
t_gate_takes_no_descriptors() {
	bundle
	sh_args 'echo started; sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	pid=$(state pid)
	before=$(find "/proc/$pid/fd" -type l | wc -l)
	cat >"$T/bomb.py" <<-'EOF'
		import array, os, socket, struct, sys
		def talk(data, fds=0):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(5)
		    s.connect(sys.argv[1])
		    anc = []
		    if fds:
		        f = [os.open("/etc", os.O_RDONLY)] * fds
		        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", f))]
		    try:
		        s.sendmsg([data], anc)
		        s.shutdown(socket.SHUT_WR)
		        if s.recv(1):
		            sys.exit("an answer to %r" % data[:16])
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		magic = 0x48474154
		for length in 0xffffffff, 0x80000000, 1, 4096:
		    talk(struct.pack("II", magic, length))
		    talk(struct.pack("II", magic, length), 253)
		talk(struct.pack("II", magic, 64) + b"y" * 64)
		talk(b"\0" * 8)
		talk(b"GATE")
		talk(b"x" * 100000)
		talk(struct.pack("I", magic), 253)
	EOF
	timeout 60 python3 "$T/bomb.py" "$T/root/$TAG/gate.sock" || fail "the gate hung, or answered"
	eq "$(state status)" created
	eq "$(find "/proc/$pid/fd" -type l | wc -l)" "$before" 'descriptors of init'
	eq "$(cat "$T/out")" ''
	hull start "$TAG"
	wait_for 5 grep -q started "$T/out"
	hull delete -f "$TAG"
}
t_input_pushed_back() {
	bundle
	args probe push
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" sti
	hasnt "$out" ' ok'
	started
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" exec "$TAG" probe push 2>/dev/null)
	hull delete -f "$TAG"
	has "$out" sti
	hasnt "$out" ' ok'
}

# ---- credentials, cgroups, filters

t_groups_of_exec() {
	bundle '.process.user = {uid: 0, gid: 0, additionalGids: [7]}'
	started
	out=$(python3 -c 'import os,sys; os.setgroups([4, 24, 27]); os.execv(sys.argv[1], sys.argv[1:])' \
		"$HULL" --root "$T/root" exec -u 5:6 "$TAG" probe)
	hull delete -f "$TAG"
	eq "$(echo "$out" | sed -n 's/^Groups *//p' | tr -d ' ')" '7'
}
t_release_agent() {
	# a workload that could mount has its own cgroup namespace, and sees only
	# what is read-only; one that has no such right mounts nothing
	bundle '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"]}]'
	# shellcheck disable=SC2016
	out=$(run_sh 'mkdir /tmp/c 2>/dev/null
		for c in memory cpu pids rdma "none,name=x"; do mount -t cgroup -o $c c /tmp && echo MOUNTED; done 2>/dev/null
		for f in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release -o -name cgroup.procs 2>/dev/null); do
			(echo 1 >$f) 2>/dev/null && echo "WROTE $f"; done; echo end')
	eq "$out" end
}
t_calls_of_another_abi() {
	"$TESTS/probe" int80 20 2>/dev/null | grep -qx ok || skip 'the kernel has no 32-bit calls'
	bundle
	for archs in '["SCMP_ARCH_X86_64"]' '["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]'; do
		cfg --argjson a "$archs" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: $a,
			syscalls: [{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]}'
		# 65 is getpgrp there; 111 is vhangup
		hasnt "$(run_sh 'probe int80 65 2>/dev/null || true')" ok
		eq "$(run_sh 'probe syscall 111')" EPERM
	done
}

# ---- resources

t_reader_that_stalls() {
	no_sanitizers 'they take memory of their own'
	bundle '.process.terminal = true'
	sh_args 'head -c 300000000 /dev/zero; sleep 1000'
	mkfifo "$T/pipe"
	"$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" >"$T/pipe" 2>/dev/null &
	exec 8<"$T/pipe"
	wait_for 10 hull state "$TAG"
	sleep 2
	pid=$(pgrep -f "run -b $B $TAG" | while read -r p; do
		case $(tr '\0' ' ' <"/proc/$p/cmdline") in *ptyrun*) ;; *"--root $T/root run"*) echo "$p" ;; esac
	done | head -n 1)
	[ -n "$pid" ] || fail 'where is hull?'
	rss=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
	fds=$(find "/proc/$pid/fd" -type l | wc -l)
	hull delete -f "$TAG"
	exec 8<&-
	wait || true
	[ "$rss" -le 8192 ] || fail "hull takes $rss KiB"
	[ "$fds" -le 16 ] || fail "hull has $fds descriptors"
}
t_names_at_the_edges() {
	bundle
	args true
	# socket paths around the 108 bytes of an address
	for n in 106 107 108 109 300 4094 4095 4096 5000; do
		p=$(printf "%-$((n - ${#T} - 1))s" x | tr ' ' y)
		rc=0
		NOTIFY_SOCKET= hull create --console-socket "$T/$p" -b "$B" "$TAG" >/dev/null 2>"$T/e" || rc=$?
		eq $rc 1 "status with a socket path of $n bytes"
	done
	# destinations and programs around PATH_MAX and NAME_MAX
	for n in 255 256 4094 4095 4096 4097 70000; do
		p=$(printf "%-${n}s" x | tr ' ' y)
		cfg --arg p "$p" '.process.args = [$p] | .mounts = [.mounts[] | select(.source != "edge")]'
		rc=0
		hull run -b "$B" "$TAG" >/dev/null 2>"$T/e" || rc=$?
		eq $rc 1 "status of a program's name of $n bytes"
		cfg --arg p "/$p" '.process.args = ["true"] | .mounts += [{destination: $p, type: "tmpfs", source: "edge"}]'
		rc=0
		hull run -b "$B" "$TAG" >/dev/null 2>"$T/e" || rc=$?
		[ "$n" = 255 ] || eq $rc 1 "status of a destination of $n bytes"
	done
}
cases "$@"
