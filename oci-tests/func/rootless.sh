#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Containers of an ordinary user: no privilege but a user namespace.
. "$(dirname "$0")/../support/lib.sh"

# u: $UID_ (a user of this machine) with nothing, in directories it can reach
setup() {
	USER_=$(awk -F: '$3 >= 1000 && $3 < 60000 {print $1; exit}' /etc/passwd)
	[ -n "$USER_" ] || skip "this machine has no ordinary user"
	UID_=$(id -u "$USER_") GID_=$(id -g "$USER_")
	chmod go+x "$(dirname "$T")"
	mkdir -p "$T/bin" "$T/run"
	cp "$(dirname "$HULL")"/hull* "$T/bin/"
	chown "$UID_:$GID_" "$T" "$T/run"
	u true 2>/dev/null || skip "cannot become $USER_"
	u unshare -U true 2>/dev/null || skip "users may not make user namespaces here"
}
u() {
	setpriv --reuid "$UID_" --regid "$GID_" --clear-groups \
		env -i PATH="$PATH" HOME="$T" XDG_RUNTIME_DIR="${XDG:-$T/run}" \
		${HULL_SABOTAGE:+"HULL_SABOTAGE=$HULL_SABOTAGE"} "$@"
}
uhull() {
	u "$T/bin/hull" --root "$T/root" "$@"
}
ubundle() { # [FILTER [ARGS]]
	setup
	mkdir -p "$B"
	copy_rootfs "$B/rootfs"
	chown -R "$UID_:$GID_" "$B"
	uhull spec --rootless -b "$B"
	cfg '.process.terminal = false | .linux.resources = {}'
	[ $# -eq 0 ] || cfg "$@"
}
urun() { # SCRIPT
	sh_args "$1"
	uhull run -b "$B" "$TAG"
}
# an /etc/subuid of its own, for one command
with_subids() { # LINE COMMAND...
	echo "$1" >"$T/subid"
	shift
	unshare -m sh -c 'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid &&
		exec "$@"' "$T/subid" "$@"
}
is_stopped() {
	[ "$(uhull state "$TAG" | jq -r .status)" = stopped ]
}
two_maps='(.linux.uidMappings, .linux.gidMappings) += [{containerID: 1, hostID: 100000, size: 65536}]'

t_life() {
	ubundle
	sh_args 'sleep 1000'
	uhull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	eq "$(uhull state "$TAG" | jq -r .status)" created
	uhull start "$TAG"
	eq "$(uhull exec "$TAG" sh -c 'id -u; cat /proc/1/comm')" "0
sleep"
	eq "$(uhull list -q)" "$TAG"
	eq "$(uhull state "$TAG" | jq -r .owner)" "$USER_"
	uhull kill "$TAG" KILL
	wait_for 5 is_stopped
	# the status stays readable for others than the parent since Linux 6.15
	! kernel_at_least 6 15 || eq "$(uhull state "$TAG" | jq -r .exit.signal)" 9
	uhull delete "$TAG"
	eq "$(uhull list -q)" ""
	sh_args 'exit 3'
	status 3 uhull run -b "$B" "$TAG"
	hull list -q >/dev/null || : # root's own states are elsewhere
}

# as in hardening.sh
t_created_init_is_closed() {
	ubundle
	sh_args 'sleep 1000'
	uhull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(uhull exec "$TAG" sh -c 'for f in /proc/1/fd/* /proc/1/exe; do readlink $f; done; cat /proc/1/environ' 2>/dev/null || true)" ''
	uhull delete -f "$TAG"
}
t_exec_in_created() {
	ubundle
	sh_args 'echo begun; sleep 1000'
	uhull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(uhull exec "$TAG" sh -c 'id -u; hostname; readlink /proc/self/ns/pid | sed s/.*://')" "0
$(jq -r .hostname "$B/config.json")
$(readlink "/proc/$(uhull state "$TAG" | jq .pid)/ns/pid" | sed s/.*://)"
	# and it still waits to be started
	eq "$(uhull state "$TAG" | jq -r .status)$(cat "$T/out")" created
	uhull start "$TAG"
	wait_for 5 grep -q begun "$T/out"
	eq "$(uhull exec "$TAG" cat /proc/1/comm)" sleep
	uhull delete -f "$TAG"
}
t_joining_process_is_closed() {
	ubundle
	sh_args "$look_at_others"
	uhull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	full_socket "$T/full"
	chmod 666 "$T/full"
	uhull exec --pidfd-socket "$T/full" "$TAG" sleep 5 &
	wait_for 10 grep -q -e CLOSED -e SEEN "$T/out"
	kill "$listener" || true
	wait || true
	hasnt "$(cat "$T/out")" SEEN
	uhull delete -f "$TAG"
}

# whoever enters a container's user namespace can be traced by its root, unless
# it has seen to that before
t_hull_net_is_closed() {
	no_sanitizers 'their look for leaks fails without /proc'
	command -v strace >/dev/null || skip 'no strace'
	ubundle '.linux.namespaces += [{type: "network"}]'
	sh_args 'sleep 1000'
	uhull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	# as hull does it, with the namespace in descriptor 3
	rc=0
	u sh -c 'exec 3<"/proc/$0/ns/net" && exec strace -qq -e trace=setns,prctl -o "$1/run/trace" "$1/bin/hull-net"' \
		"$(uhull state "$TAG" | jq .pid)" "$T" >"$T/stats" 2>&1 || rc=$?
	uhull delete -f "$TAG"
	eq "$rc $(cat "$T/stats")" '0 []' 'of a namespace that has only lo'
	grep -q 'CLONE_NEWUSER) *= 0' "$T/run/trace"
	has "$(sed '/CLONE_NEWUSER/,$d' "$T/run/trace")" PR_SET_DUMPABLE
}
t_mounts_and_devices() {
	ubundle
	urun 'set -e; echo >/dev/null; head -c1 /dev/urandom >/dev/null
		[ -c /dev/tty ]; [ -d /sys/class ]; [ -e /proc/self ]
		if mknod /dev/x c 1 3 2>/dev/null; then exit 1; fi
		if touch /sys/x 2>/dev/null; then exit 2; fi
		if touch /x 2>/dev/null; then exit 3; fi'
	# a network of its own: a new sysfs can be had, and lo is up
	cfg '.linux.namespaces += [{type: "network"}] | .mounts |= map(
		if .destination == "/sys" then
			{destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]}
		else . end)'
	eq "$(urun 'ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1')" "lo
1"
}

# the same attacks as security/t_proc_or_sys_is_a_link
linked() { # DIRECTORY COMMAND...
	what=$1
	shift
	for to in "$T/marker" ../marker /nonexistent etc; do
		rm -rf "$B/rootfs/$what"
		ln -s "$to" "$B/rootfs/$what"
		refuses 'not a directory' "$@"
		eq "$(ls -A "$T/marker")" ''
	done
	rm "$B/rootfs/$what"
	mkdir "$B/rootfs/$what"
}
t_proc_or_sys_is_a_link() {
	ubundle '.linux.namespaces += [{type: "network"}] | .mounts |= map(if .destination == "/sys"
		then {destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]} else . end)'
	mkdir "$T/marker"
	args true
	linked proc uhull run -b "$B" "$TAG"
	linked sys uhull run -b "$B" "$TAG"
	# as root of somebody's user namespace
	cfg 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
	linked proc u unshare -Ur "$T/bin/hull" --root "$T/root" run -b "$B" "$TAG"
	linked sys u unshare -Ur "$T/bin/hull" --root "$T/root" run -b "$B" "$TAG"
}
t_host_cgroups_are_read_only() {
	# /sys is the host's, bound with all that is below it
	# shellcheck disable=SC2016
	try='for m in $(awk "\$5 ~ \"^/sys\" && / - cgroup/ {print \$5}" /proc/self/mountinfo); do
		[ ! -d $m ] || touch $m/x 2>&1 | grep -v "Read-only"; done; echo end'
	# the default: a mount of the container's own cgroup covers the host's
	ubundle
	eq "$(urun "$try")" end
	# without a namespace for it the kernel refuses, or nothing can be written
	cfg 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	out=$(urun "$try" 2>"$T/e") || has "$(cat "$T/e")" 'operation not permitted'
	[ -z "$out" ] || eq "$out" end 'without a cgroup namespace'
	# and without that mount it takes a mount that is read-only to its end
	cfg '.mounts |= map(select(.type | startswith("cgroup") | not)) | (.mounts[] | select(.destination == "/sys") | .options) += ["rro"]'
	eq "$(urun "$try")" end 'with rro'
	# shellcheck disable=SC2016
	eq "$(urun 'awk "\$5 ~ \"^/sys\" && \$6 !~ /^ro/ {print \$5}" /proc/self/mountinfo; echo end')" \
		end 'mounts that can be written'
}
t_tty() {
	ubundle '.process.terminal = true'
	sh_args 'tty; stat -c %u /dev/pts/0'
	out=$(u script -qec "$T/bin/hull --root $T/root run -b $B $TAG" /dev/null </dev/null |
		tr -d '\r\000')
	has "$out" /dev/pts/0
}

# as Podman calls it: root in the user's namespace, in whose /run nobody made
# hull's directory before
t_root_of_a_namespace() {
	ubundle '(.linux.uidMappings, .linux.gidMappings)[0].hostID = 0'
	sh_args 'sleep 1000'
	unshare -m sh -c 'mount -t tmpfs -o mode=755 none /run && exec "$@"' _ \
		setpriv --reuid "$UID_" --regid "$GID_" --clear-groups \
		env XDG_RUNTIME_DIR="$T/run" unshare -Ur sh -ec '
			"$1" create -b "$2" "$3" </dev/null >"$2/out" 2>&1
			"$1" start "$3"; "$1" state "$3"; "$1" delete -f "$3"' _ \
		"$T/bin/hull" "$B" "$TAG" >"$T/state" || fail "$(cat "$B/out" "$T/state")"
	eq "$(jq -r .status "$T/state")" running
}

# users have a group of their own, and with it a umask of 002
t_group_may_write_the_root() {
	ubundle
	mkdir -p "$T/root"
	chmod 775 "$T/root"
	chown "$UID_:$UID_" "$T/root"
	eq "$(urun 'echo hi')" hi
	chown "$UID_:0" "$T/root"
	has "$(urun 'echo hi' 2>&1 || true)" 'may be written by others'
	chown "$UID_:$UID_" "$T/root"
	chmod 777 "$T/root"
	has "$(urun 'echo hi' 2>&1 || true)" 'may be written by others'
}
t_needs_userns() {
	ubundle 'del(.linux.uidMappings, .linux.gidMappings) |
		.linux.namespaces |= map(select(.type != "user"))'
	refuses "linux.namespaces: without root a container needs a user namespace" \
		uhull run -b "$B" "$TAG"
	cfg '.linux.namespaces += [{type: "user"}]'
	refuses "linux.uidMappings" uhull run -b "$B" "$TAG"
}

t_limits_refused() {
	ubundle --arg cg "/hull-test-of-root/$TAG" \
		'.linux.cgroupsPath = $cg | .linux.resources.memory.limit = 67108864'
	refuses "linux.resources.memory.limit: needs a cgroup" uhull run -b "$B" "$TAG"
	cfg '.linux.resources = {unified: {"pids.max": "10"}}'
	refuses "linux.resources.unified" uhull run -b "$B" "$TAG"
	cfg '.linux.resources = {devices: [{allow: false, access: "rwm"}]}'
	urun true
	refuses "cannot create cgroup" uhull --rootless false run -b "$B" "$TAG"
}

# what the user namespace of another container owns is joined after that
t_joins_another_container() {
	ubundle
	sh_args 'sleep 1000'
	uhull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	pid=$(uhull state "$TAG" | jq -r .pid)
	cfg --arg p "/proc/$pid/ns/" 'del(.linux.uidMappings, .linux.gidMappings) |
		.linux.namespaces |= map(if .type == "mount" then . else .path = $p + .type end)'
	sh_args 'for n in user ipc uts pid; do readlink /proc/self/ns/$n; done; cat /proc/1/comm'
	uhull run -b "$B" "$TAG-2" >"$T/in" || fail "$(cat "$T/in")"
	eq "$(cat "$T/in")" "$(for n in user ipc uts pid; do u readlink "/proc/$pid/ns/$n"; done)
sleep"
	uhull delete -f "$TAG"
}

t_nothing_holds_it_together() {
	ubundle --arg cg "/hull-test-of-root/$TAG" '.linux.cgroupsPath = $cg'
	urun true 2>"$T/e"
	hasnt "$(cat "$T/e")" discouraged
	cfg '.linux.namespaces |= map(select(.type != "pid")) |
		(.mounts[] | select(.destination == "/proc")) |=
			{destination: "/proc", type: "none", source: "/proc", options: ["rbind"]} |
		del(.linux.maskedPaths, .linux.readonlyPaths)'
	urun true 2>"$T/e"
	has "$(cat "$T/e")" 'Such configuration is strongly discouraged'
}

t_cgroup_mount_without_a_cgroup() {
	ubundle --arg cg "/hull-test-of-root/$TAG" '.linux.cgroupsPath = $cg |
		del(.linux.namespaces[] | select(.type == "cgroup")) |
		.mounts |= map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup",
			type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"]}]'
	# the one that hull was in, and the container with it
	eq "$(urun 'grep -w "$$" /sys/fs/cgroup/cgroup.procs; awk '"'"'$2 == "/sys/fs/cgroup" {o = $4} END {print substr(o, 1, 2)}'"'"' /proc/mounts')" "1
ro"
}

t_cgroup_of_somebody_else() {
	ubundle
	mkdir "$(cg2)/$TAG"
	rc=0
	out=$(urun 'echo fine' 2>&1) || rc=$?
	left=$(ls -d "$(cg2)/$TAG" || :)
	rmdir "$(cg2)/$TAG"
	eq "$out" fine
	eq $rc 0
	eq "$left" "$(cg2)/$TAG"
}

t_busy_cgroup_of_somebody_else() { # root's container of the same name, for one
	ubundle
	mkdir "$(cg2)/$TAG"
	sleep 100 &
	p=$!
	echo $p >"$(cg2)/$TAG/cgroup.procs"
	rc=0
	out=$(urun 'echo fine' 2>&1) || rc=$?
	kill -0 $p || fail 'its process was killed'
	kill $p
	wait $p || true
	rmdir "$(cg2)/$TAG"
	eq "$out" fine
	eq $rc 0
}

t_groups_denied() {
	ubundle
	urun 'grep -q deny /proc/self/setgroups'
	cfg '.process.user.additionalGids = [10]'
	refuses "process.user.additionalGids" uhull run -b "$B" "$TAG"
}

t_oom_and_rlimits() {
	ubundle '.process.oomScoreAdj = 500 |
		.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 200, hard: 300}]'
	eq "$(urun 'cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn')" "500
200
300"
	sh_args 'sleep 1000'
	uhull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(uhull exec "$TAG" sh -c 'cat /proc/self/oom_score_adj; ulimit -n')" "500
200"
	uhull delete -f "$TAG"
	cfg '.process.oomScoreAdj = -500'
	refuses "process.oomScoreAdj: cannot be lowered" uhull run -b "$B" "$TAG"
	cfg 'del(.process.oomScoreAdj) | .process.rlimits[0].hard = 99999999'
	refuses "process.rlimits[0]" uhull run -b "$B" "$TAG"
}

t_subids() {
	[ -u /usr/bin/newuidmap ] || skip "newuidmap is not installed"
	ubundle "$two_maps"
	cfg '.process.user = {uid: 7, gid: 7, additionalGids: [10]}'
	sh_args 'sleep 1000'
	with_subids "$USER_:100000:65536" setpriv --reuid "$UID_" --regid "$GID_" --clear-groups \
		"$T/bin/hull" --root "$T/root" run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 ||
		fail "$(cat "$T/out")"
	pid=$(uhull state "$TAG" | jq -r .pid)
	eq "$(awk '/^Uid/ {print $2}' "/proc/$pid/status")" 100006
	eq "$(uhull exec "$TAG" sh -c 'id -u; id -g; id -G')" "7
7
7 10"
	eq "$(uhull exec -u 0:0 "$TAG" id -u)" 0
	uhull delete -f "$TAG"
}

t_subids_refused() {
	[ -u /usr/bin/newuidmap ] || skip "newuidmap is not installed"
	ubundle "$two_maps"
	sh_args true
	refuses "linux.uidMappings: newuidmap has refused the mapping: newuidmap: uid range" \
		with_subids "$USER_:200000:65536" setpriv --reuid "$UID_" --regid "$GID_" \
		--clear-groups "$T/bin/hull" --root "$T/root" run -b "$B" "$TAG"
	# somebody else's id, by the user's own map
	cfg '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	refuses "linux.uidMappings" uhull run -b "$B" "$TAG"
}

t_state_root() {
	ubundle
	urun true
	u "$T/bin/hull" run -b "$B" "$TAG"
	[ "$(stat -c '%a %u' "$T/run/hull")" = "1700 $UID_" ] || fail "$(stat "$T/run/hull")"
	XDG=/proc/none
	refuses "state root '/proc/none/hull'" u "$T/bin/hull" run -b "$B" "$TAG"
	XDG=
	mkdir -m 700 "$T/root-s"
	refuses "root-s" u "$T/bin/hull" --root "$T/root-s" run -b "$B" "$TAG"
	mkdir -p "$T/others"
	chmod 755 "$T/others"
	refuses "belongs to uid 0" u "$T/bin/hull" --root "$T/others" run -b "$B" "$TAG"
}

# hull in a container of hull's, twice without root
t_nested() {
	no_sanitizers 'their libraries are not in the rootfs'
	ubundle '.root.readonly = false | del(.linux.maskedPaths, .linux.readonlyPaths) |
		.process.noNewPrivileges = false | .process.env += ["XDG_RUNTIME_DIR=/run"]'
	all=$(uhull features | jq -c .linux.capabilities)
	cfg --argjson a "$all" '.process.capabilities = {bounding: $a, effective: $a, permitted: $a}'
	mkdir -p "$B/rootfs/inner/rootfs"
	cp -a "$B/rootfs/bin" "$B/rootfs/inner/rootfs/"
	for d in dev proc sys tmp; do mkdir "$B/rootfs/inner/rootfs/$d"; done
	cp "$T"/bin/hull "$B/rootfs/bin/"
	jq '.process.args = ["sh", "-c", "id -u; exit 5"] | .process.capabilities = {} |
		(.linux.uidMappings, .linux.gidMappings) |= map(.hostID = 0)' \
		"$B/config.json" >"$B/rootfs/inner/config.json"
	chown -R "$UID_:$GID_" "$B/rootfs"
	args /bin/hull run -b /inner inner
	eq "$(uhull run -b "$B" "$TAG" || echo "status $?")" "0
status 5"
	# the inner one in the same user namespace
	jq 'del(.linux.uidMappings, .linux.gidMappings) |
		.linux.namespaces |= map(select(.type != "user"))' \
		"$B/rootfs/inner/config.json" >"$B/rootfs/inner/new"
	mv "$B/rootfs/inner/new" "$B/rootfs/inner/config.json"
	eq "$(uhull run -b "$B" "$TAG" || echo "status $?")" "0
status 5"
}

t_systemd_user() {
	need_systemd
	need_v2
	ubundle '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 30}}'
	first() { awk -F : -v u="$USER_" '$1 == u {print $2; exit}' "$1"; }
	cfg --argjson u "$(first /etc/subuid)" --argjson g "$(first /etc/subgid)" '
		.linux.uidMappings += [{containerID: 1, hostID: $u, size: 1000}] |
		.linux.gidMappings += [{containerID: 1, hostID: $g, size: 1000}]'
	[ -S "/run/user/$UID_/bus" ] || skip "$USER_ has no systemd running"
	XDG=/run/user/$UID_
	sh_args 'sleep 1000'
	uhull --systemd-cgroup run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 ||
		fail "$(cat "$T/out")"
	pid=$(uhull state "$TAG" | jq -r .pid)
	cg=$(cut -d : -f 3 "/proc/$pid/cgroup")
	eq "$cg" "/user.slice/user-$UID_.slice/user@$UID_.service/user.slice/hull-$TAG.scope"
	eq "$(cat "/sys/fs/cgroup$cg/memory.max")" 67108864
	eq "$(cat "/sys/fs/cgroup$cg/pids.max")" 30
	eq "$(u systemctl --user show -P MemoryMax "hull-$TAG.scope")" 67108864
	eq "$(uhull exec "$TAG" cat /proc/self/cgroup)" "0::/"
	# it is moved into the scope as long as it is the user's own
	eq "$(uhull exec --user 7:8 "$TAG" sh -c 'id -u; cat /proc/self/cgroup' | tr '\n' ' ')" "7 0::/ "
	uhull pause "$TAG"
	uhull resume "$TAG"
	uhull update --memory 33554432 "$TAG"
	eq "$(u systemctl --user show -P MemoryMax "hull-$TAG.scope")" 33554432
	uhull delete -f "$TAG"
	eq "$(u systemctl --user show -P LoadState "hull-$TAG.scope")" not-found
	# create and start too: init waits outside until it is in the scope
	sh_args 'cat /proc/self/cgroup'
	eq "$(uhull --systemd-cgroup run -b "$B" "$TAG")" "0::/"
}

cases "$@"
