#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hostile images: links, fake files and caller's leaks. "marker" is a host
# directory that must stay as it is, byte for byte.
. "$(dirname "$0")/../support/lib.sh"

marker() {
	mkdir -p "$T/marker/sub"
	echo secret >"$T/marker/file"
	touch "$T/marker/ptmx" "$T/marker/null"
	digest >"$T/digest"
}
digest() {
	find "$T/marker" -printf '%p %m %U %G %s %T@ %l\n' | sort
	find "$T/marker" -type f -exec cat {} +
}
unharmed() {
	digest >"$T/digest2"
	cmp "$T/digest" "$T/digest2" || fail "the host's directory was changed: $(ls -lR "$T/marker")"
}
t_proc_or_sys_is_a_link() {
	marker
	for what in proc sys; do
		for to in "$T/marker" ../marker /nonexistent etc; do
			rm -rf "$B"
			bundle
			rmdir "$B/rootfs/$what"
			ln -s "$to" "$B/rootfs/$what"
			rc=0
			run_sh true >/dev/null 2>"$T/e" || rc=$?
			eq $rc 1 "status with /$what -> $to"
			has "$(cat "$T/e")" 'must be mounted on ordinary directory'
			unharmed
		done
	done
}
t_dev_is_a_link() {
	marker
	# or that would be the first thing in the way
	rm "$T/marker/null"
	digest >"$T/digest"
	for to in "$T/marker" ../../marker; do
		rm -rf "$B"
		bundle
		rmdir "$B/rootfs/dev"
		ln -s "$to" "$B/rootfs/dev"
		run_sh true >/dev/null 2>&1 || true
		unharmed
		# and where nothing is mounted on it
		cfg '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false'
		run_sh true >/dev/null 2>&1 || true
		unharmed
	done
}
t_links_on_the_way_stay_inside() {
	marker
	bundle
	rm -rf "$B/rootfs/var"
	ln -s "$T/marker" "$B/rootfs/var"
	cfg --arg s "$T/marker/sub" '.mounts += [{destination: "/var/a/b", type: "tmpfs", source: "t", options: ["mode=755"]}]'
	run_sh 'touch /var/a/b/x' || true
	unharmed
	rm "$B/rootfs/var"
	ln -s ../../../../../../../../marker "$B/rootfs/var"
	run_sh 'touch /var/a/b/x' || true
	unharmed
	# legal links are followed inside the root
	rm -f "$B/rootfs/var"
	mkdir "$B/rootfs/real"
	ln -s /real "$B/rootfs/var"
	eq "$(run_sh 'grep -c " /real/a/b " /proc/self/mountinfo')" 1
	unharmed
}
t_bind_file_over_a_link() {
	marker
	bundle
	ln -s "$T/marker/file" "$B/rootfs/etc/resolv.conf"
	echo mine >"$T/resolv"
	cfg --arg s "$T/resolv" '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: $s, options: ["bind"]}]'
	run_sh 'echo changed >/etc/resolv.conf' || true
	unharmed
}
t_device_below_a_link() {
	marker
	bundle '.root.readonly = false | .linux.devices = [{"path": "/var/sub/fifo", "type": "p"}]'
	rm -rf "$B/rootfs/var"
	for to in "$T/marker" ../../marker; do
		rm -f "$B/rootfs/var"
		ln -s "$to" "$B/rootfs/var"
		run_sh true || true
		unharmed
	done
}
fake_dev() {
	mkdir -p "$T/dev"
	bundle --arg d "$T/dev" '.mounts |= map(if .destination == "/dev" then {destination: "/dev", type: "bind", source: $d, options: ["bind"]} else . end)'
	mkdir -p "$T/dev/pts" "$T/dev/shm" "$T/dev/mqueue"
}
t_masked_once() {
	bundle '.linux.maskedPaths += ["/root", "/etc/passwd", "/root", "/etc/passwd"]'
	eq "$(run_sh 'grep -c -e " /root " -e " /etc/passwd " /proc/self/mountinfo')" 2
}
t_masks_do_not_trust_the_containers_null() {
	fake_dev
	cfg '.linux.maskedPaths += ["/etc/passwd"] | .linux.readonlyPaths = [] | .root.readonly = false'
	for kind in link file other fifo missing; do
		rm -f "$T/dev/null"
		case $kind in
		# its own namespace's, so that a failure hurts nobody
		link) ln -s /proc/sys/kernel/shmmax "$T/dev/null" ;;
		file) echo fake >"$T/dev/null" ;;
		other) mknod "$T/dev/null" c 1 5 ;;
		fifo) mkfifo "$T/dev/null" ;;
		esac
		# refused, or masked by the real device
		rc=0
		sh_args 'head -c 1 /etc/passwd | wc -c; echo 1234 >/etc/passwd; cat /etc/passwd | wc -c'
		out=$(timeout "$(patience 20)" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null) || rc=$?
		[ $rc = 1 ] || eq "$(echo "$out" | tr '\n' ' ')" '0 0 ' "mask with a $kind"
	done
}
t_console_is_a_link() {
	marker
	for term in true false; do
		rm -rf "$B"
		bundle --argjson t $term '.process.terminal = $t | .mounts |= map(select(.destination != "/dev"))'
		mkdir -p "$B/rootfs/dev/pts"
		ln -s "$T/marker/new" "$B/rootfs/dev/console"
		sh_args true
		"$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
		unharmed
	done
}
t_fake_pts() {
	bundle '.process.terminal = true | .mounts |= map(select(.destination != "/dev" and .destination != "/dev/pts"))'
	mkdir -p "$B/rootfs/dev/pts"
	for n in ptmx 0 1; do ln -s /proc/sys/kernel/shmmax "$B/rootfs/dev/pts/$n"; done
	sh_args 'ls /dev/console'
	rc=0
	"$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" >"$T/o" 2>&1 || rc=$?
	eq $rc 1
	has "$(cat "$T/o")" 'not a devpts filesystem'
}
t_stdio_owner_is_left_alone() {
	marker
	bundle '.process.user = {"uid": 1000, "gid": 1000}'
	sh_args 'echo x'
	hull run -b "$B" "$TAG" >"$T/out"
	eq "$(stat -c %u "$T/out")" 0
}
t_no_proc_in_the_image() {
	# a directory tree that looks like /proc/self/fd must not misdirect
	bundle '.mounts |= map(select(.destination != "/proc")) | .root.readonly = true | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	mkdir -p "$B/rootfs/proc/self/fd/3" "$B/rootfs/proc/self/attr"
	sh_args 'touch /x 2>&1 | grep -o "Read-only"'
	eq "$(hull run -b "$B" "$TAG")" Read-only
	mkdir "$T/src"
	cfg --arg s "$T/src" '.mounts += [{destination: "/m", type: "bind", source: $s, options: ["bind", "ro"]}] | .root.readonly = false'
	sh_args 'touch /m/x 2>&1 | grep -o "Read-only"'
	eq "$(hull run -b "$B" "$TAG")" Read-only
}
t_mounts_over_proc() {
	mkdir "$T/fake"
	for d in /proc /proc/self/attr /proc/sys; do
		for m in '{type: "tmpfs", source: "t"}' "{type: \"bind\", source: \"$T/fake\", options: [\"bind\"]}"; do
			rm -rf "$B"
			bundle ".mounts += [$m + {destination: \"$d\"}]"
			rc=0
			run_sh true >/dev/null 2>"$T/e" || rc=$?
			eq $rc 1 "status of a mount on $d"
		done
	done
}
t_leaked_directory_and_cwd() {
	bundle
	for n in 3 4 5 6 7 8 9; do
		cfg --arg c "/proc/self/fd/$n" '.process.cwd = $c'
		out=$(sh -c "exec $n</; exec '$HULL' --root '$T/root' run -b '$B' '$TAG'" 2>/dev/null) || true
		eq "$out" '' "cwd through descriptor $n"
		hull delete -f "$TAG"
	done
	# in the host's pid namespace "self" means the joining process, too
	for filter in . 'del(.linux.namespaces[] | select(.type == "pid"))'; do
		# a guest has a pid namespace of its own
		! in_vm || [ "$filter" = . ] || break
		cfg '.process.cwd = "/"'
		cfg "$filter"
		started
		for n in 3 4 5 6 7 8 9; do
			rc=0
			sh -c "exec $n</; exec '$HULL' --root '$T/root' exec --cwd /proc/self/fd/$n '$TAG' ls" >"$T/o" 2>/dev/null || rc=$?
			eq $rc 255 "status of exec with cwd in descriptor $n"
			eq "$(cat "$T/o")" ''
		done
		hull delete -f "$TAG"
	done
}
t_program_through_a_descriptor() {
	# execve(2) resolves the path while descriptors are still open
	bundle
	echo inside >"$B/rootfs/tmp/where"
	for n in 3 4 5 6 7 8 9 10 11 12; do
		for up in ../.. ../../.. ../../../.. .; do
			args "/proc/self/fd/$n/$up/bin/busybox" ls /
			rc=0
			out=$(hull run -b "$B" "$TAG" 2>/dev/null) || rc=$?
			[ $rc -ne 0 ] || hasnt "$out" boot
		done
	done
	started
	for n in 3 4 5 6 7 8 9; do
		rc=0
		out=$(hull exec "$TAG" "/proc/self/fd/$n/bin/busybox" ls / 2>/dev/null) || rc=$?
		[ $rc -ne 0 ] || hasnt "$out" boot
	done
	hull delete -f "$TAG"
}
t_own_binary_is_out_of_reach() {
	cp "$HULL" "$T/hull-copy"
	sum=$(sha256sum <"$T/hull-copy")
	bundle
	printf '#!/proc/self/exe\n' >"$B/rootfs/evil"
	chmod 755 "$B/rootfs/evil"
	args /evil
	for _ in 1 2 3; do
		"$T/hull-copy" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
	done
	# a watcher that reopens every program it sees for writing
	cfg '.linux.namespaces |= map(select(.type != "x")) | .process.capabilities |= with_entries(.value += ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])'
	sh_args 'while :; do for p in /proc/[0-9]*; do (exec 9>>$p/exe) 2>/dev/null && case $(readlink $p/exe) in "" | /bin/busybox) ;; *) echo WRITABLE;; esac; done; done'
	"$T/hull-copy" --root "$T/root" run -d -b "$B" "$TAG" </dev/null >"$T/o" 2>&1
	for _ in $(seq 60); do "$T/hull-copy" --root "$T/root" exec "$TAG" true || true; done
	"$T/hull-copy" --root "$T/root" delete -f "$TAG"
	hasnt "$(cat "$T/o")" WRITABLE
	eq "$(sha256sum <"$T/hull-copy")" "$sum"
}
t_not_dumpable_while_joining() {
	bundle '.process.capabilities |= with_entries(.value = ["CAP_KILL"])'
	sh_args "$look_at_others"
	hull run -d -b "$B" "$TAG" </dev/null >"$T/o" 2>&1
	for _ in $(seq 40); do hull exec "$TAG" true; done
	hull delete -f "$TAG"
	hasnt "$(cat "$T/o")" SEEN
}
t_foreign_programs_are_not_run() {
	bundle
	for p in mount iptables ip newuidmap hull; do
		printf '#!/bin/sh\necho RAN >/ran\n' >"$B/rootfs/bin/$p.x"
		mv "$B/rootfs/bin/$p.x" "$B/rootfs/bin/$p"
		chmod 755 "$B/rootfs/bin/$p"
	done
	PATH=$B/rootfs/bin:$PATH "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
	[ ! -e "$B/rootfs/ran" ] || fail 'a program of the image was run'
}
t_passwd_traps() {
	for kind in fifo dir zero huge; do
		rm -rf "$B"
		bundle
		rm -f "$B/rootfs/etc/passwd"
		case $kind in
		fifo) mkfifo "$B/rootfs/etc/passwd" ;;
		dir) mkdir "$B/rootfs/etc/passwd" ;;
		zero) ln -s /dev/zero "$B/rootfs/etc/passwd" ;;
		huge) truncate -s 10G "$B/rootfs/etc/passwd" ;;
		esac
		sh_args 'echo ok'
		eq "$(timeout "$(patience 10)" "$HULL" --root "$T/root" run -b "$B" "$TAG")" ok "passwd is a $kind"
	done
}
t_groups_are_not_inherited() {
	bundle '.process.user = {"uid": 0, "gid": 0}'
	sh_args 'grep Groups /proc/self/status'
	out=$(python3 -c 'import os,sys; os.setgroups([4, 24, 27]); os.execv(sys.argv[1], sys.argv[1:])' "$HULL" --root "$T/root" run -b "$B" "$TAG")
	eq "$(echo "$out" | tr -s '\t ' ' ' | sed 's/ $//')" 'Groups:'
	cfg '.process.user.additionalGids = [5, 6]'
	eq "$(hull run -b "$B" "$TAG" | tr -s '\t ' ' ' | sed 's/ $//')" 'Groups: 5 6'
}
t_ids_at_the_edges() {
	for u in 2147483647 2147483648 4294967294; do
		rm -rf "$B"
		bundle --argjson u $u '.process.user = {"uid": $u, "gid": $u}'
		has "$(run_sh 'grep Uid /proc/self/status')" "$u"
	done
	for u in 4294967295 4294967296 18446744073709551616 -1 1.5 1e3 '"0"'; do
		rm -rf "$B"
		bundle
		sed -i "s/\"uid\": *0/\"uid\": $u/" "$B/config.json"
		refuses process.user.uid hull run -b "$B" "$TAG"
	done
}
t_session_keyring() {
	bundle
	[ -e /proc/keys ] || skip 'the kernel has no keyrings'
	# the caller's session keyring is not the container's, unless it is told so
	cfg '.linux.maskedPaths = []'
	sh_args 'cat /proc/keys'
	has "$(hull run -b "$B" "$TAG")" "_ses.$TAG"
	hasnt "$(hull run --no-new-keyring -b "$B" "${TAG}n")" "_ses.${TAG}n"
}
t_propagation_race() {
	# a volume in which another process swaps a directory for a link to "/"
	bundle
	marker
	mkdir -p "$T/vol/d/x" "$T/marker/x"
	digest >"$T/digest"
	ln -s "$T/marker" "$T/vol/l"
	cfg --arg v "$T/vol" '.mounts += [{destination: "/vol", type: "bind", source: $v, options: ["rbind"]}] +
		[range(4) | {destination: ("/vol/d/x/m" + tostring), type: "tmpfs", source: "t"}]'
	sh_args 'true'
	python3 - "$T/vol" <<-'EOF' &
		import ctypes, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		a, b = (sys.argv[1] + n for n in ("/d", "/l"))
		end = time.time() + 6
		while time.time() < end:
		    libc.renameat2(-100, a.encode(), -100, b.encode(), 2)
	EOF
	racer=$!
	n=0
	while kill -0 $racer 2>/dev/null && [ $n -lt 400 ]; do
		timeout 20 "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
		n=$((n + 1))
	done
	kill $racer 2>/dev/null || true
	wait
	echo "$n runs under the race"
	[ $n -ge 20 ]
	unharmed
}
cases "$@"
