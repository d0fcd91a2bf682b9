#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hull-agent on this machine: unix sockets in place of vsock, agentctl in place
# of the VMM. The containers are real ones.
. "$(dirname "$0")/../support/lib.sh"
AGENT=${AGENT:-$HERE/../build/hull-agent}

# guest [FILTER [ARGS]]: a bundle, as the host hands it to the guest
guest() {
	[ -x "$AGENT" ] || skip "hull-agent is not built"
	bundle "$@"
	mkdir -p "$T/g/bundle" "$T/g/binds"
	mount --bind "$B/rootfs" "$B/rootfs"
	ln -s "$B/rootfs" "$T/g/served"
	mkdir "$T/g/rootfs"
	mount --rbind "$B/rootfs" "$T/g/rootfs"
	umount "$B/rootfs"
}
start_json() {
	jq "{config: .} | ${more:-.}" "$B/config.json" >"$T/start.json"
}
agent() { # [ROWSxCOLS]: until the container ends
	start_json
	rc=0
	"$TESTS/agentctl" run "$T/g" "$T/start.json" "$AGENT" \
		"/hull-test/$TAG" "$@" || rc=$?
	[ -z "${keep:-}" ] || return $rc
	done_with_it
	return $rc
}
done_with_it() {
	[ ! -s "$T/g/agent.log" ] || cat "$T/g/agent.log" >&2
	awk -v t="$T/g/" 'index($5, t) == 1 {print $5}' /proc/self/mountinfo |
		sort -r | while read -r p; do umount -l "$p"; done
}
agent_sh() { # SCRIPT [ROWSxCOLS]
	sh_args "$1"
	shift
	agent "$@"
}
# background SCRIPT [ROWSxCOLS]: the container runs on; $A is agentctl's pid
background() {
	sh_args "$1"
	shift
	start_json
	"$TESTS/agentctl" run "$T/g" "$T/start.json" "$AGENT" \
		"/hull-test/$TAG" "$@" </dev/null >"$T/out" 2>"$T/err" &
	A=$!
	wait_for 10 agent_ps
}
agent_ps() {
	[ -n "$("$TESTS/agentctl" ps "$T/g" 2>/dev/null | jq -r '.[].pid')" ]
}
stop() {
	rc=0
	kill -"${1:-KILL}" "$A" 2>/dev/null || true
	wait "$A" || rc=$?
	n=100
	while [ -d "$T/g/state" ] && [ -n "$(ls "$T/g/state")" ] && [ $n -gt 0 ]; do
		sleep 0.05
		n=$((n - 1))
	done
	done_with_it
}
process() { # SCRIPT: an exec's process object
	jq --arg s "$1" '.process | .args = ["sh", "-c", $s]' \
		"$B/config.json" >"$T/process.json"
}
agent_exec() { # SCRIPT [ROWSxCOLS]
	process "$1"
	shift
	"$TESTS/agentctl" exec "$T/g" "$T/process.json" "$@"
}

# the host's filter is taken as it is, for exec too: getpgrp fails in it, and in
# the profile getppid
t_filter_of_the_host() {
	guest '.linux.seccomp = {"defaultAction":"SCMP_ACT_ALLOW",
		"syscalls":[{"names":["getppid"],"action":"SCMP_ACT_ERRNO"}]}'
	more='.seccompFilter = "0000000000000020" + "0000006f01000015" + "0005000100000006" + "7fff000000000006"'
	background 'probe syscall 110; probe syscall 111; exec sleep 1000'
	agent_exec 'probe syscall 110; probe syscall 111' >"$T/exec"
	stop
	eq "$(tr '\n' ' ' <"$T/out")" 'ok EPERM ' "init: $(cat "$T/err")"
	eq "$(tr '\n' ' ' <"$T/exec")" 'ok EPERM ' exec
}
t_streams_apart() {
	guest
	rc=0
	out=$(echo in | agent_sh 'read x; echo "out $x"; echo "err $x" >&2; exit 7' \
		2>"$T/e") || rc=$?
	eq $rc 7 status
	eq "$out" "out in"
	eq "$(cat "$T/e")" "err in"
}
t_end_of_input() {
	guest
	eq "$(printf 'a\nb\n' | agent_sh 'wc -l')" 2
}
t_streams_can_be_opened() {
	guest '.process.user = {"uid": 1000, "gid": 1000}'
	eq "$(echo x | agent_sh 'cat /dev/stdin >/dev/stdout; echo y >/dev/stderr' 2>&1)" "x
y"
}
t_status_of_a_signal() {
	guest
	# shellcheck disable=SC2016
	status 0 agent_sh 'sh -c "kill -TERM \$\$"; [ $? = 143 ]' </dev/null
}
# the census says whether anything is left
t_without_its_host() {
	guest
	background 'trap "" TERM INT; sleep 1000'
	stop KILL
	eq $rc 137
}
t_signals() {
	guest
	background 'trap "echo usr1" USR1; trap "echo term; exit 4" TERM
		while :; do sleep 0.1; done'
	kill -USR1 "$A"
	sleep 0.3
	stop TERM
	eq $rc 4 status
	eq "$(cat "$T/out")" "usr1
term"
}
t_a_missing_program() {
	guest
	args nothing-there
	rc=0
	agent </dev/null 2>"$T/e" || rc=$?
	eq $rc 125
	has "$(cat "$T/e")" 'exec: "nothing-there": executable file not found in $PATH'
}
t_inherited_limits() {
	guest '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}]'
	more='. + {rlimits: [{type: "RLIMIT_NOFILE", soft: 70, hard: 80},
		{type: "RLIMIT_CORE", soft: 512, hard: 1024}]}'
	eq "$(agent_sh 'ulimit -Sn; ulimit -Sc; ulimit -Hc' </dev/null)" '50
1
2'
}
t_a_bad_config() {
	guest '.linux.resources.memory.limit = "much"'
	rc=0
	agent </dev/null 2>"$T/e" || rc=$?
	eq $rc 125
	has "$(cat "$T/e")" linux.resources.memory.limit
}
t_terminal() {
	guest
	out=$(agent_sh 'tty; stty size; test -t 0 && test -t 2 && echo all' \
		33x101 </dev/null)
	has "$out" /dev/pts/0
	has "$out" '33 101'
	has "$out" all
}
t_resize() {
	guest
	background 'trap "stty size; exit 3" WINCH; while :; do sleep 0.1; done' 20x30
	sleep 0.2
	stop WINCH
	eq $rc 3
	has "$(cat "$T/out")" '40 60'
}
t_exec() {
	guest
	background 'sleep 1000'
	eq "$(echo in | agent_exec 'read x; echo "$x $PPID"')" 'in 0'
	status 9 agent_exec 'exit 9' </dev/null
	status 137 agent_exec 'kill -9 $$' </dev/null
	has "$(agent_exec 'tty; stty size' 7x8 </dev/null)" '7 8'
	process true
	jq '.args = ["gone"]' "$T/process.json" >"$T/p"
	mv "$T/p" "$T/process.json"
	status 125 "$TESTS/agentctl" exec "$T/g" "$T/process.json" </dev/null
	stop
}
# who kills the host's end of an exec wants its process gone
t_exec_without_its_host() {
	guest
	background 'sleep 1000'
	process 'sleep 999; :'
	"$TESTS/agentctl" exec "$T/g" "$T/process.json" </dev/null &
	x=$!
	n() { "$TESTS/agentctl" ps "$T/g" | jq 'map(select(.args[-1] == "sleep 999; :")) | length'; }
	there() { [ "$(n)" = 1 ]; }
	gone() { [ "$(n)" = 0 ]; }
	wait_for 5 there
	kill -9 $x
	wait_for 5 gone
	stop
}
# what somebody left behind is not waited for
t_a_background_child() {
	guest
	background 'sleep 1000'
	out=$(agent_exec 'echo said; sleep 500 & exit 0' </dev/null)
	eq "$out" said
	stop
}
t_ps() {
	guest
	background 'sleep 1000; exit'
	ps=$("$TESTS/agentctl" ps "$T/g")
	eq "$(echo "$ps" | jq -r '.[0] | [.pid, .comm, .uid, .args[0]] | @csv')" \
		'1,"sh",0,"sh"'
	eq "$(echo "$ps" | jq -r '.[1].args | join(" ")')" 'sleep 1000'
	stop
}
t_update_and_stats() {
	guest
	background 'sleep 1000'
	echo '{"pids": {"limit": 77}, "cpu": {"shares": 2}}' >"$T/r"
	"$TESTS/agentctl" update "$T/g" "$T/r"
	eq "$("$TESTS/agentctl" stats "$T/g" | jq .pids.limit)" 77
	echo '{"pids": {"limit": "x"}}' >"$T/r"
	# agentctl fails as the update does; what counts is what it says
	has "$("$TESTS/agentctl" update "$T/g" "$T/r" || true)" resources.pids.limit
	stop
}
t_isolation() {
	guest '.process.capabilities.bounding = ["CAP_KILL"]
		| .process.capabilities.effective = ["CAP_KILL"]
		| .process.capabilities.permitted = ["CAP_KILL"]
		| .linux.namespaces |= map(select(.type != "pid"))
		| .hooks = {"prestart": [{"path": "/nonexistent"}]}'
	out=$(agent_sh 'echo $$; ls /proc | grep -c "^[0-9]"; ls /proc/1/fd;
		cat /proc/self/oom_score_adj; grep CapEff /proc/self/status' </dev/null)
	has "$out" "1
3
0
1
2
0"
	has "$out" 0000000000000020
}
# the VMM's own end of a session, and this one
t_real_session() {
	guest
	head -c 10485760 /dev/urandom >"$T/data"
	rc=0
	agent_sh 'cat; echo err >&2; exit 6' real <"$T/data" >"$T/back" 2>"$T/e" || rc=$?
	eq $rc 6
	cmp "$T/data" "$T/back"
	eq "$(cat "$T/e")" err
}
t_real_exec() {
	guest
	background 'sleep 1000'
	status 143 agent_exec 'kill -TERM $$' real </dev/null
	eq "$(echo a | agent_exec 'cat; echo b' real)" 'a
b'
	head -c 3000000 /dev/urandom >"$T/data"
	agent_exec 'cat' real <"$T/data" >"$T/back"
	cmp "$T/data" "$T/back"
	process 'tty; stty size; sleep 1.3; stty size; exit 5'
	rc=0
	"$TESTS/ptyrun" -s 33x101 -r 44x55 "$TESTS/agentctl" exec "$T/g" \
		"$T/process.json" real >"$T/o" 2>"$T/e" || rc=$?
	eq $rc 5
	has "$(cat "$T/o")" /dev/pts/0
	has "$(cat "$T/o")" '33 101'
	has "$(cat "$T/o")" '44 55'
	has "$(cat "$T/e")" cooked
	# where lines end with LF alone, the workload's terminal adds no CR
	process 'echo line'
	# shellcheck disable=SC2016
	"$TESTS/ptyrun" sh -c 'stty -onlcr; exec "$@"' - "$TESTS/agentctl" exec "$T/g" \
		"$T/process.json" real >"$T/o" 2>/dev/null
	has "$(od -c <"$T/o")" 'l   i   n   e  \n'
	stop
}
t_real_refusal() {
	guest
	args nothing-there
	rc=0
	agent real </dev/null 2>"$T/e" || rc=$?
	eq $rc 125
	has "$(cat "$T/e")" 'exec: "nothing-there": executable file not found'
}
t_user_namespace() {
	guest '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .process.user = {"uid": 1000, "gid": 1000}
		| .linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "79"}'
	# it is the network namespace of the agent that the sysctl is written to
	start_json
	rc=0
	sh_args 'id -u; cat /proc/self/uid_map; echo x >/dev/null'
	start_json
	out=$(unshare -n "$TESTS/agentctl" run "$T/g" "$T/start.json" "$AGENT" \
		"/hull-test/$TAG" </dev/null) || rc=$?
	done_with_it
	eq $rc 0
	has "$out" 1000
	# the ids that it is served are the container's own
	eq "$(echo "$out" | tail -n 1 | tr -s ' ')" ' 0 0 65536'
}
t_network() {
	guest '.linux.namespaces |= map(select(.type != "network"))'
	sh_args 'ip -o -4 addr show eth0; ip route; hostname'
	jq '{config: ., network: [{name: "eth0", mac: "02:00:00:00:00:01",
		addresses: [{address: "10.7.0.2", prefix: 24}],
		routes: [{dst: "default", gateway: "10.7.0.1"}]}],
		hostname: "not-in-a-test"}' "$B/config.json" >"$T/start.json"
	# shellcheck disable=SC2016
	out=$(unshare -n sh -c 'ip link add veth9 address 02:00:00:00:00:01 type veth peer name p9 &&
		ip link set p9 up && exec "$@"' - "$TESTS/agentctl" run "$T/g" \
		"$T/start.json" "$AGENT" "/hull-test/$TAG" </dev/null)
	done_with_it
	has "$out" 10.7.0.2/24
	has "$out" 'default via 10.7.0.1 dev eth0'
	has "$out" hull
}
t_volumes_below_a_tmpfs() {
	guest '.mounts += [
		{"destination": "/run", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/run/v", "type": "bind", "source": "/", "options": ["bind"]},
		{"destination": "/opt/w", "type": "bind", "source": "/", "options": ["bind", "ro"]}]'
	# as the host would have made them
	mkdir -p "$T/v" "$T/w" "$T/g/rootfs/run/v" "$T/g/rootfs/opt/w"
	echo one >"$T/v/f"
	echo two >"$T/w/f"
	mount --bind "$T/v" "$T/g/rootfs/run/v"
	mount --bind "$T/w" "$T/g/rootfs/opt/w"
	mount -o remount,bind,ro "$T/g/rootfs/opt/w"
	out=$(agent_sh 'cat /run/v/f /opt/w/f; echo x >/run/v/g; touch /opt/w/g' \
		2>&1 </dev/null) || true
	has "$out" "one
two"
	has "$out" 'Read-only file system'
	eq "$(cat "$T/v/g")" x
}
t_noise() {
	guest
	background 'sleep 1000'
	"$TESTS/agentctl" noise "$T/g"
	wait_for 15 agent_ps
	eq "$(agent_exec 'echo alive' </dev/null)" alive
	hasnt "$(cat "$T/g/agent.log" 2>/dev/null)" 'segfault'
	: >"$T/g/agent.log"
	stop
}
t_oom() {
	guest '.linux.resources.memory.limit = 16777216'
	rc=0
	agent_sh 'head -c 200000000 /dev/zero | tail -c 150000000 | wc -c' \
		</dev/null >"$T/o" 2>"$T/e" || rc=$?
	has "$(cat "$T/e")" 'agentctl: oom'
}

cases "$@"
