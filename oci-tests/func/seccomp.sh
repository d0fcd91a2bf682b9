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
t_notify_is_refused_for_now() {
	deny '[{names: ["getpgrp"], action: "SCMP_ACT_NOTIFY"}]'
	refuses 'linux.seccomp' hull run -b "$B" "$TAG"
}
cases "$@"
