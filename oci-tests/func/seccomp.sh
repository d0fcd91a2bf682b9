#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

deny() { # jq of syscalls
	bundle ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", architectures: [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"], syscalls: $1}"
}
t_errno() {
	deny '[{names: ["getcwd"], action: "SCMP_ACT_ERRNO"}, {names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]'
	eq "$(run_sh 'probe syscall 79; probe syscall 111' | tr '\n' ' ')" 'EPERM ENOSYS '
}
t_x32_numbers_are_denied_too() {
	deny '[{names: ["getpid"], action: "SCMP_ACT_ERRNO", errnoRet: 13}]'
	eq "$(run_sh "probe syscall 39; probe syscall $((0x40000000 + 39))" | tr '\n' ' ')" 'EACCES EACCES '
}
t_kill() {
	deny '[{names: ["getpgrp"], action: "SCMP_ACT_KILL_PROCESS"}]'
	sh_args 'probe syscall 111; echo "rc $?"'
	eq "$(hull run -b "$B" "$TAG" 2>/dev/null)" 'rc 159'
}
t_arguments_are_ored() {
	deny '[{names: ["personality"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 0, op: "SCMP_CMP_EQ"}]},
		{names: ["personality"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 8, op: "SCMP_CMP_EQ"}]}]'
	eq "$(run_sh 'probe syscall 135')" EPERM
}
t_without_no_new_privs() {
	deny '[{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]'
	cfg '.process.noNewPrivileges = false'
	for u in 0 1000; do
		cfg --argjson u $u '.process.user = {"uid": $u, "gid": $u}'
		eq "$(run_sh 'probe syscall 111')" EPERM
		out=$(run_sh probe)
		has "$out" 'Seccomp 2'
		has "$out" 'NoNewPrivs 0'
		[ $u = 0 ] || hasnt "$out" 'CapEff 0000000000200000'
	done
}
t_only_what_the_payload_needs() {
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names:
		["execve","brk","arch_prctl","set_tid_address","set_robust_list","rseq","prlimit64","readlink","readlinkat","getrandom","mprotect","fstat","newfstatat","write","exit_group","exit","mmap","munmap","uname","ioctl"], action: "SCMP_ACT_ALLOW"}]}'
	args /bin/probe exit 6
	status 6 hull run -b "$B" "$TAG"
	cfg '.process.noNewPrivileges = false'
	status 6 hull run -b "$B" "$TAG"
}
t_exec_has_it_too() {
	deny '[{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]'
	started
	eq "$(hull exec "$TAG" probe syscall 111)" EPERM
	hull delete -f "$TAG"
}
t_start_container_hook_has_it() {
	for nnp in true false; do
		rm -rf "$B"
		deny '[{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]'
		cfg --argjson n $nnp '.process.noNewPrivileges = $n | .root.readonly = false |
			.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "/bin/probe syscall 111 >/out"]}]'
		run_sh :
		eq "$(cat "$B/rootfs/out")" EPERM
	done
}
t_cache_is_checked() {
	deny '[{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]'
	eq "$(run_sh 'probe syscall 111')" EPERM
	f=$(find "$T/root/.cache" -type f | head -n 1)
	[ -n "$f" ] || fail 'nothing was cached'
	eq "$(run_sh 'probe syscall 111')" EPERM 'from the cache'
	# flipped, cut, emptied, made writable by others: never trusted
	cp "$f" "$T/good"
	head -c 100 "$T/good" >"$f"
	eq "$(run_sh 'probe syscall 111')" EPERM 'cut cache'
	: >"$f"
	eq "$(run_sh 'probe syscall 111')" EPERM 'empty cache'
	cfg '.linux.seccomp.syscalls[0].names = ["getcwd"]'
	eq "$(run_sh 'probe syscall 111; probe syscall 79' | tr '\n' ' ')" 'ok EPERM '
}
t_unknown_names_are_passed_over() {
	deny '[{names: ["no_such_call", "getpgrp"], action: "SCMP_ACT_ERRNO"}]'
	eq "$(run_sh 'probe syscall 111')" EPERM
}
# notify NAMES: those system calls are for the agent on $T/agent
notify() {
	cfg --arg p "$T/agent" --argjson n "$1" '.linux.seccomp = {
		defaultAction: "SCMP_ACT_ALLOW", listenerPath: $p,
		listenerMetadata: "m1 \"x\"",
		syscalls: [{names: $n, action: "SCMP_ACT_NOTIFY"}]}'
}
agent() { # errno
	"$TESTS/notifyd" "$T/agent" "$1" &
	agent=$!
	wait_for 5 test -S "$T/agent"
}
t_notify() {
	bundle
	notify '["getpgrp"]'
	agent 123
	eq "$(run_sh 'probe syscall 111')" ENOMEDIUM
	jq -e --arg id "$TAG" '.fds == ["seccompFd"] and .pid > 1 and .metadata == "m1 \"x\"" and
		.state.id == $id and .state.pid == .pid and .state.status == "creating" and
		.ociVersion == .state.ociVersion' "$T/agent.json" >/dev/null || fail "$(cat "$T/agent.json")"
	# by an exec as well, and by a created container
	cfg '.process.noNewPrivileges = false'
	sh_args 'sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	hull start "$TAG"
	eq "$(hull exec "$TAG" probe syscall 111)" ENOMEDIUM
	eq "$(tail -n 1 "$T/agent.json" | jq -r .state.status)" running
	tail -n 1 "$T/agent.json" | jq -e --argjson p "$(state pid)" '.state.pid == $p and .pid != $p' >/dev/null
	hull delete -f "$TAG"
	kill "$agent"
}
# what hull itself does between the filter and execve(2) cannot hang on it
t_notify_of_everything() {
	bundle
	notify '["execve", "openat", "open", "read", "write", "close", "fcntl", "sendmsg", "recvmsg", "futex", "exit_group", "poll"]'
	agent 0
	eq "$(run_sh 'echo in')" in
	kill "$agent"
}
# a hook has the filter, but nobody listens to it: said, not passed over
t_notify_and_hooks() {
	bundle '.root.readonly = false | .hooks.startContainer = [{path: "/bin/sh",
		args: ["sh", "-c", "probe syscall 111 >/said; probe syscall 39 >>/said"]}]'
	notify '["getpgrp"]'
	agent 123
	args probe syscall 111
	eq "$(hull run -b "$B" "$TAG" 2>"$T/e")" ENOMEDIUM
	has "$(cat "$T/e")" 'warning: hooks.startContainer'
	eq "$(head -n 1 "$B/rootfs/said")" ENOSYS
	kill "$agent"
}
t_notify_without_agent() {
	bundle
	notify '["getpgrp"]'
	refuses 'linux.seccomp.listenerPath: failed to connect with seccomp agent' hull run -b "$B" "$TAG"
	cfg 'del(.linux.seccomp.listenerPath)'
	refuses 'linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY' hull run -b "$B" "$TAG"
	# nobody is asked: nobody needs to be there
	cfg '.linux.seccomp |= (.listenerPath = "/no/such.sock" | .syscalls = [])'
	eq "$(run_sh 'echo in')" in
}
t_notify_when_the_agent_dies() {
	bundle
	notify '["getpgrp"]'
	agent 0
	sh_args 'sleep 1000'
	hull run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	kill "$agent"
	wait "$agent" || true
	rm "$T/agent"
	refuses 'failed to connect' hull exec "$TAG" probe syscall 111
	hull delete -f "$TAG"
}
# as strace spells seccomp(2)'s; SPEC_ALLOW is also seen in /proc where it matters
t_flags_reach_the_kernel() {
	command -v strace >/dev/null || skip 'no strace'
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpgrp"], action: "SCMP_ACT_ERRNO"}]}'
	args true
	while read -r flags want; do
		cfg --argjson f "$flags" '.linux.seccomp |= if $f == null then del(.flags) else .flags = $f end'
		strace -f -qq -o "$T/trace" -e trace=seccomp "$HULL" --root "$T/root" run -b "$B" "$TAG"
		eq "$(sed -n 's/.*SECCOMP_SET_MODE_FILTER, \([^,]*\), {.*/\1/p' "$T/trace")" "$want" "$flags"
	done <<-'END'
		null SECCOMP_FILTER_FLAG_SPEC_ALLOW
		[] 0
		["SECCOMP_FILTER_FLAG_LOG"] SECCOMP_FILTER_FLAG_LOG
		["SECCOMP_FILTER_FLAG_SPEC_ALLOW","SECCOMP_FILTER_FLAG_LOG"] SECCOMP_FILTER_FLAG_LOG|SECCOMP_FILTER_FLAG_SPEC_ALLOW
	END
	grep -q 'Speculation_Store_Bypass:.*thread' /proc/self/status || return 0
	cfg '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'
	hasnt "$(run_sh 'grep Speculation_Store /proc/self/status')" 'force mitigated'
}
cases "$@"
