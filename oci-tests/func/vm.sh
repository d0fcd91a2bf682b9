#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# isolation 'vm', the whole of it: a guest boots. In the emulated machine each
# takes ten seconds, so a case does much with one.
. "$(dirname "$0")/../support/lib.sh"

HULL_LIMIT=60
need_vm() {
	"$HULL" features | jq -e .vm.enabled >/dev/null ||
		skip "no microVM here: $("$HULL" features | jq -r .vm.reason)"
	# software backends make a machine in which no ordinary Linux comes up
	grep -qw -e svm -e vmx /proc/cpuinfo ||
		skip 'the KVM of this host does not run an ordinary guest'
}
vm() { # SCRIPT [OPTION...]: run it in a guest
	sh_args "$1"
	shift
	timeout $HULL_LIMIT "$HULL" --root "$T/root" --isolation vm run "$@" -b "$B" "$TAG"
}
vm_started() { # SCRIPT
	sh_args "$1"
	timeout $HULL_LIMIT "$HULL" --root "$T/root" --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
}
is_stopped() {
	[ "$(state status)" = stopped ]
}

t_process() {
	need_vm
	bundle '.process.user = {"uid":1000,"gid":1000,"additionalGids":[7]} | .process.cwd = "/made/here" |
		.process.capabilities = {"bounding":["CAP_CHOWN"]} | .process.noNewPrivileges = true |
		.process.rlimits = [{"type":"RLIMIT_NOFILE","soft":77,"hard":88}] | .hostname = "inside" |
		.process.env += ["A=b c"]'
	rc=0
	vm 'echo "k $(uname -r)"; echo "h $(hostname)"; echo "i $(id -u) $(id -g) $(id -G)"; pwd; echo "$A"
		ulimit -n; grep -e CapBnd -e NoNewPrivs /proc/self/status; echo err >&2; cat; exit 42' \
		<"$B/config.json" >"$T/out" 2>"$T/err" || rc=$?
	eq "$rc" 42 'exit status'
	has "$(cat "$T/out")" "h inside
i 1000 1000 1000 7
/made/here
b c
77"
	has "$(tr -d ' \t' <"$T/out")" 'CapBnd:0000000000000001'
	has "$(tr -d ' \t' <"$T/out")" 'NoNewPrivs:1'
	hasnt "$(cat "$T/out")" "k $(uname -r)"
	has "$(cat "$T/err")" err
	has "$(cat "$T/out")" '"ociVersion"'
}
t_files() {
	need_vm
	mkdir "$T/rw" "$T/ro"
	echo from-host >"$T/rw/a"
	echo fixed >"$T/ro/b"
	bundle --arg rw "$T/rw" --arg ro "$T/ro" '.root.readonly = true |
		.mounts += [{"destination":"/rw","type":"bind","source":$rw,"options":["rbind"]},
		{"destination":"/ro","type":"bind","source":$ro,"options":["rbind","ro"]},
		{"destination":"/dev/shm/x","type":"bind","source":$ro,"options":["bind","ro"]}]'
	vm 'cat /rw/a /ro/b /dev/shm/x/b; echo from-guest >/rw/c; mkdir /rw/d; ln -s a /rw/l
		touch /ro/no || echo ro-refused; touch /no || echo root-refused
		mount -o remount,rw /ro 2>/dev/null; touch /ro/no 2>/dev/null || echo still-refused
		touch /dev/shm/y && echo shm' >"$T/out" 2>&1
	has "$(cat "$T/out")" 'from-host
fixed
fixed'
	for word in ro-refused root-refused still-refused shm; do
		has "$(cat "$T/out")" "$word"
	done
	eq "$(cat "$T/rw/c")" from-guest
	[ -d "$T/rw/d" ] && [ "$(readlink "$T/rw/l")" = a ]
	[ ! -e "$T/ro/no" ]
}
t_life() {
	need_vm
	bundle
	sh_args 'trap "exit 11" TERM; echo up; while :; do sleep 0.2; done'
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(state status)" created
	timeout $HULL_LIMIT "$HULL" --root "$T/root" start "$TAG"
	eq "$(state status)" running
	wait_for 20 grep -q up "$T/out"
	status 3 hull exec "$TAG" sh -c 'echo "in $(id -u)"; exit 3' >"$T/exec" </dev/null
	eq "$(cat "$T/exec")" 'in 0'
	eq "$(echo through | hull exec "$TAG" cat)" through
	refuses 'executable file not found' hull exec "$TAG" nothing-here
	has "$(hull ps "$TAG")" 'sleep'
	has "$(hull ps --format json "$TAG")" '[1,'
	hull events --stats "$TAG" | jq -e '.data.guest|length > 0' >/dev/null
	hull update --memory 100000000 "$TAG"
	hull pause "$TAG"
	eq "$(state status)" paused
	hull resume "$TAG"
	hull kill "$TAG" TERM
	wait_for 20 is_stopped
	eq "$(state exit.code)" 11
	hull delete "$TAG"
}
t_killed() {
	need_vm
	bundle '.linux.resources.memory = {"limit":50331648}'
	vm_started 'kill -0 1; sleep 1000'
	hull kill "$TAG" KILL
	wait_for 20 is_stopped
	hull delete "$TAG"
}
t_terminal() {
	need_vm
	bundle '.process.terminal = true'
	sh_args 'tty; stty size; exit 6'
	rc=0
	timeout $HULL_LIMIT "$TESTS/ptyrun" "$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG" >"$T/out" 2>&1 || rc=$?
	has "$(cat "$T/out")" /dev/
	hasnt "$(cat "$T/out")" 'not a tty'
}
t_network() {
	need_vm
	bundle
	n=${TAG#hull-}
	ip netns add "$TAG"
	ip -n "$TAG" link add "$n" address 02:00:00:00:00:07 mtu 1400 type veth peer name "p$n"
	ip -n "$TAG" link set "p$n" netns 1
	ip address add 10.77.0.1/24 dev "p$n"
	ip link set "p$n" up
	ip -n "$TAG" address add 10.77.0.2/24 dev "$n"
	ip -n "$TAG" link set "$n" up
	ip -n "$TAG" route add default via 10.77.0.1
	cfg --arg p "/run/netns/$TAG" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = $p else . end]'
	rc=0
	vm "ip addr show $n; ip route; ping -c 2 -W 5 10.77.0.1" >"$T/out" 2>&1 || rc=$?
	ip netns del "$TAG"
	has "$(cat "$T/out")" '10.77.0.2/24'
	has "$(cat "$T/out")" 'mtu 1400'
	has "$(cat "$T/out")" '02:00:00:00:00:07'
	has "$(cat "$T/out")" 'default via 10.77.0.1'
	has "$(cat "$T/out")" ', 0% packet loss'
	eq "$rc" 0
}
# What the guest asks of user space until the container's process runs does not
# depend on the machine: 57, and 4 for each further vCPU. It may be 100.
t_exits() {
	need_vm
	bundle '.vm = {"hwConfig":{"vcpus":1}}'
	sh_args 'exit 0'
	timeout $HULL_LIMIT "$HULL" --debug --log "$T/log" --root "$T/root" --isolation vm run -b "$B" "$TAG"
	n=$(sed -n 's/.*[^0-9]\([0-9]*\) until the workload ran.*/\1/p' "$T/log")
	[ "${n:-1000}" -le 100 ] || fail "exits to user space: '$n': $(cat "$T/log")"
}

cases "$@"
