#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What config.json's process asks for, as the process itself sees it: the first
# one, and one by `exec --process` with other values.
. "$(dirname "$0")/../support/lib.sh"

look='echo "umask $(umask)"
echo "score $(cat /proc/self/oom_score_adj)"
echo "nice $(cut -d " " -f 19 /proc/self/stat)"
echo "policy $(cut -d " " -f 41 /proc/self/stat)"
echo "priority $(cut -d " " -f 40 /proc/self/stat)"
echo "io $(ionice -p $$)"
echo "machine $(uname -m)"
echo "cwd $(pwd)"
echo "id $(id -u) $(id -g) $(id -G)"
echo "nofile $(ulimit -Sn) $(ulimit -Hn)"
echo "core $(ulimit -Sc)"
echo "cpus $(sed -n "s/^Cpus_allowed_list:.//p" /proc/self/status)"
echo "nnp $(sed -n "s/^NoNewPrivs:.//p" /proc/self/status)"
for s in Inh Prm Eff Bnd Amb; do
	echo "$s $(sed -n "s/^Cap$s:.//p" /proc/self/status)"
done
echo "memory $(sed -n "s/^[^ ]* \([^ ]*\).*/\1/p" /proc/self/numa_maps 2>/dev/null | sort -u | tr "\n" " ")"
echo "x $X y $Y."'

# seen NAME VALUE: what $T/seen has for it
seen() {
	eq "$(sed -n "s/^$1 //p" "$T/seen")" "$2" "$1"
}
first() {
	run_sh "$look" >"$T/seen"
}
# by_exec FILTER: a process like the container's, with that
by_exec() {
	jq --arg s "$look" ".process | .args = [\"sh\", \"-c\", \$s] | $1" "$B/config.json" >"$T/process.json"
	hull exec --process "$T/process.json" "$TAG" >"$T/seen" </dev/null
}
ordinary='.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}'

t_everything() {
	kernel_at_least 5 11 || skip 'an old kernel'
	bundle "$ordinary"
	cfg '.process += {cwd: "/tmp", oomScoreAdj: 321, noNewPrivileges: false,
			env: ["PATH=/bin", "X=1", "Y=a=b", "X=2"],
			user: {uid: 1001, gid: 1002, umask: 54, additionalGids: [5, 7]},
			rlimits: [{type: "RLIMIT_NOFILE", soft: 33, hard: 44}, {type: "RLIMIT_CORE", soft: 0, hard: 0}],
			scheduler: {policy: "SCHED_BATCH", nice: 7},
			ioPriority: {class: "IOPRIO_CLASS_BE", priority: 6}} |
		.linux.personality = {domain: "LINUX32"}'
	first
	seen umask 0066
	seen score 321
	seen nice 7
	seen policy 3
	seen io 'best-effort: prio 6'
	seen machine i686
	seen cwd /tmp
	seen id '1001 1002 1002 5 7'
	seen nofile '33 44'
	seen core 0
	seen nnp 0
	seen x '2 y a=b.'
	# another user than root keeps no capability but ambient ones
	seen Bnd 0000000000000021
	seen Eff 0000000000000000

	started
	by_exec '.cwd = "/" | .oomScoreAdj = 400 | .noNewPrivileges = true | .env = ["PATH=/bin", "X=3"] |
		.user = {uid: 0, gid: 3, umask: 511, additionalGids: [9]} |
		.rlimits = [{type: "RLIMIT_NOFILE", soft: 20, hard: 40}] |
		.capabilities = {bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: [], inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} |
		.scheduler = {policy: "SCHED_IDLE"} | .ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	seen umask 0777
	seen score 400
	seen policy 5
	seen io 'idle'
	seen machine i686
	seen cwd /
	seen id '0 3 3 9'
	seen nofile '20 40'
	seen nnp 1
	seen x '3 y .'
	seen Bnd 0000000000000001
	seen Inh 0000000000000001
	seen Amb 0000000000000001
	# the kernel's rule: execve(2) by uid 0 gains what is in the bounding set
	seen Eff 0000000000000001
	hull delete -f "$TAG"
}
# nothing is asked for: nothing changes, whatever the caller is
t_nothing() {
	bundle "$ordinary"
	cfg 'del(.process.oomScoreAdj, .process.rlimits, .process.user.umask)'
	sh_args "$look"
	echo 77 >/proc/$$/oom_score_adj
	(umask 77 && ulimit -Sc 7 && exec "$HULL" --root "$T/root" run -b "$B" "$TAG") >"$T/seen"
	echo 0 >/proc/$$/oom_score_adj
	# on the host the monitor keeps it, for the whole machine
	if in_vm; then seen score 0; else seen score 77; fi
	seen nice "$(nice)"
	seen policy 0
	seen umask 0022
	seen machine "$(uname -m)"
	seen core 7
}
# each value that the kernel would refuse, or that is none, is named
t_refused() {
	bundle
	while read -r place filter; do
		cp "$B/config.json" "$T/good.json"
		cfg "$filter"
		refuses "$place" hull run -b "$B" "$TAG"
		cp "$T/good.json" "$B/config.json"
		[ ! -e "$T/root/$TAG" ] || fail "left behind: $filter"
	done <<-'EOF'
		process.oomScoreAdj .process.oomScoreAdj = 1001
		process.oomScoreAdj .process.oomScoreAdj = -1001
		process.scheduler .process.scheduler = {policy: "SCHED_OTHER", nice: 20}
		process.scheduler .process.scheduler = {policy: "SCHED_NONE"}
		process.scheduler .process.scheduler = {policy: "SCHED_FIFO", priority: 100}
		process.scheduler .process.scheduler = {policy: "SCHED_OTHER", flags: ["SCHED_FLAG_NONE"]}
		process.scheduler .process.scheduler = {nice: 1}
		process.scheduler .process.scheduler = {policy: "SCHED_DEADLINE", runtime: 5, deadline: 4, period: 3}
		process.ioPriority.class .process.ioPriority = {class: "IOPRIO_CLASS_NONE_SUCH", priority: 1}
		process.ioPriority.priority .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}
		process.execCPUAffinity.initial .process.execCPUAffinity = {initial: "1-"}
		process.execCPUAffinity.final .process.execCPUAffinity = {final: "3-1"}
		process.user.umask .process.user.umask = 512
		process.user.additionalGids .process.user.additionalGids = [-1]
		process.user.uid .process.user.uid = 4294967296
		process.rlimits .process.rlimits = [range(2) | {type: "RLIMIT_CPU", soft: 1, hard: 1}]
		process.rlimits .process.rlimits = [{type: "RLIMIT_CPU", soft: 2, hard: 1}]
		process.rlimits .process.rlimits = [{type: "RLIMIT_NONE", soft: 1, hard: 1}]
		process.cwd .process.cwd = "tmp"
		process.cwd .process.cwd = ""
		process.args .process.args = []
		process.env .process.env = ["NOTHING"]
		process.env .process.env = ["=x"]
		process.consoleSize .process.terminal = true | .process.consoleSize = {height: 1}
		process.consoleSize .process.terminal = true | .process.consoleSize = {height: 65536, width: 1}
		process.apparmorProfile .process.apparmorProfile = "no such profile"
		process.selinuxLabel .process.selinuxLabel = "a:b:c:s0"
		linux.mountLabel .linux.mountLabel = "a:b:c:s0"
		linux.personality .linux.personality = {domain: "LINUX64"}
		linux.personality .linux.personality = {domain: "LINUX", flags: ["X"]}
		linux.memoryPolicy .linux.memoryPolicy = {mode: "MPOL_NONE"}
		linux.memoryPolicy .linux.memoryPolicy = {mode: "MPOL_BIND"}
		linux.memoryPolicy .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NONE"]}
		linux.memoryPolicy .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000000"}
		linux.namespaces .linux.namespaces += [{type: "pid"}]
		linux.namespaces .linux.namespaces += [{type: "nothing"}]
		linux.namespaces .linux.namespaces[0].path = "proc/self/ns/pid"
		mounts .mounts += [{source: "tmpfs", type: "tmpfs"}]
		hooks.poststop .hooks.poststop = [{path: "bin/true"}]
		hooks.poststop .hooks.poststop = [{path: "/bin/true", timeout: 0}]
		hooks.poststop .hooks.poststop = [{path: "/bin/true", timeout: -1}]
		ociVersion .ociVersion = "2.0.0"
		ociVersion .ociVersion = "1"
		ociVersion del(.ociVersion)
		annotations .annotations = {"": "x"}
	EOF
}
t_memory_policy() {
	[ -e /proc/self/numa_maps ] || skip 'a kernel without NUMA'
	bundle '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	first
	has "$(sed -n 's/^memory //p' "$T/seen")" 'bind=static:0'
	cfg '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0"}'
	started
	by_exec .
	has "$(sed -n 's/^memory //p' "$T/seen")" interleave:0
	hull delete -f "$TAG"
}
t_unknown_capabilities_are_warned_about() {
	bundle "$ordinary"
	cfg '.process.capabilities.bounding += ["CAP_TIME_TRAVEL"]'
	sh_args "$look"
	hull run -b "$B" "$TAG" >"$T/seen" 2>"$T/said"
	seen Bnd 0000000000000021
	has "$(cat "$T/said")" 'warning: process.capabilities.bounding[2]: unknown capability "CAP_TIME_TRAVEL"'
	hull --log "$T/log" --log-level warning run -b "$B" "$TAG" >"$T/seen"
	has "$(cat "$T/log")" CAP_TIME_TRAVEL
}
# poststart comes after the program has begun, poststop after all of it is gone
t_order_of_hooks() {
	bundle --arg t "$T" '.hooks = ([["prestart"], ["createRuntime"], ["createContainer"], ["poststart"], ["poststop"]] |
		map({(.[0]): [{path: "/bin/sh", env: ["A=" + .[0]], args: ["sh", "-c",
			"pid=$(jq -r .pid); echo $A $(readlink /proc/$pid/exe | sed s,.*/,,) $(ls " + $t + "/root 2>/dev/null | wc -l) >>" + $t + "/order"]}]}) | add)'
	for h in prestart createRuntime createContainer poststart poststop; do
		cfg --arg h $h --arg p "$PATH" '.hooks[$h][0].env += ["PATH=" + $p]'
	done
	cp "$HULL" "$T/hull"
	HULL=$T/hull
	sh_args 'sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(cut -d ' ' -f 1 "$T/order" | tr '\n' ' ')" 'prestart createRuntime createContainer '
	# what the bundle says meanwhile changes nothing
	cfg '.hooks.poststart[0].args = ["sh", "-c", "echo wrong >>\($t)/order"] | .hooks.poststop = []' --arg t "$T"
	hull start "$TAG"
	eq "$(tail -n 1 "$T/order" | cut -d ' ' -f 1,2)" 'poststart busybox'
	rm "$B/config.json"
	hull delete -f "$TAG"
	eq "$(tail -n 1 "$T/order")" 'poststop 0'
	eq "$(wc -l <"$T/order")" 5
}
t_names_of_listeners() {
	bundle
	sh_args 'echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES'
	eq "$(sh -c 'exec 3</etc/passwd 4</etc/group; LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web:db exec "$@"' sh \
		"$HULL" --root "$T/root" run -b "$B" "$TAG")" '2 1 web:db'
}
cases "$@"
