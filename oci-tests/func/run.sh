#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: output, exit status, what stays
. "$(dirname "$0")/../support/lib.sh"

t_output_and_status() {
	bundle
	eq "$(run_sh 'echo hello; echo err >&2')" hello
	sh_args 'exit 42'
	status 42 hull run -b "$B" "$TAG"
	sh_args 'probe raise 9; exit $?'
	status 137 hull run -b "$B" "$TAG"
}
t_signal_status_of_a_child_of_init() {
	bundle
	args /bin/probe raise 15
	# init of a pid namespace is immune to its own signals with default
	# disposition, so the process goes on and returns 0
	status 0 hull run -b "$B" "$TAG"
}
t_stdin_is_binary_clean() {
	bundle
	head -c 300000 /dev/urandom >"$T/in"
	args cat
	hull run -b "$B" "$TAG" <"$T/in" >"$T/back"
	cmp "$T/in" "$T/back"
}
t_pid_file_bytes() {
	bundle
	sh_args 'sleep 1000'
	hull run -d --pid-file "$T/pid" -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	eq "$(wc -c <"$T/pid")" "$(tr -cd 0-9 <"$T/pid" | wc -c)" 'bytes that are no digit'
	eq "$(state pid)" "$(cat "$T/pid")"
	hull delete -f "$TAG"
}
t_keep() {
	bundle
	sh_args 'exit 3'
	status 3 hull run --keep -b "$B" "$TAG"
	eq "$(state status)" stopped
	eq "$(state exit.code)" 3
	hull delete "$TAG"
}
t_detached_has_no_monitor() {
	bundle
	started
	pid=$(state pid)
	# nothing of hull runs for this container; other cases' hulls are not ours
	echo "$TAG" >"$T/tag" # grep's own arguments do not name it
	ours=$(grep -lzxF -f "$T/tag" /proc/[0-9]*/cmdline 2>/dev/null | grep -vxF "/proc/$pid/cmdline") || true
	eq "$ours" ''
	kill -0 "$pid"
	hull delete -f "$TAG"
}
t_same_id_twice() {
	bundle
	started
	refuses 'container with given ID already exists' hull run -b "$B" "$TAG"
	eq "$(state status)" running
	hull delete -f "$TAG"
}
t_bundle_is_the_present_directory_by_default() {
	bundle
	sh_args 'echo in'
	eq "$(cd "$B" && hull run "$TAG")" in
}
t_config_option() {
	bundle
	mv "$B/config.json" "$T/other.json"
	jq '.process.args = ["echo","other"]' "$T/other.json" >"$T/o2.json"
	eq "$(hull run -b "$B" --config "$T/o2.json" "$TAG")" other
}
t_missing_program_and_friends() {
	bundle
	args nonexistent
	refuses 'exec: "nonexistent": executable file not found in $PATH' hull run -b "$B" "$TAG"
	args /nonexistent
	refuses 'exec: "/nonexistent": stat /nonexistent: no such file or directory' hull run -b "$B" "$TAG"
	args /etc/passwd
	refuses 'exec: "/etc/passwd": permission denied' hull run -b "$B" "$TAG"
	args /etc
	refuses 'is a directory' hull run -b "$B" "$TAG"
	printf '#!/no/such/interpreter\n' >"$B/rootfs/script"
	chmod 755 "$B/rootfs/script"
	args /script
	refuses 'unable to start container process: exec /script: no such file or directory' hull run -b "$B" "$TAG"
}
# from the first trace of a container to the last, a signal is for the workload
t_signal_at_any_moment() {
	bundle
	args sleep 0.05
	for i in $(rounds 99); do
		timeout -s TERM "$(printf 0.0%02d%d $((i / 10)) $((i % 10)))" \
			"$HULL" --root "$T/root" run -b "$B" "$TAG" </dev/null >/dev/null 2>&1 || true
		[ ! -e "$T/root/$TAG" ] || fail "after $i tenths of a millisecond the container is left"
	done
}
t_signals_are_forwarded() {
	bundle
	# ABRT is what systemd's watchdog sends; hull ends of it as little as of others
	for s in USR1 ABRT ILL BUS FPE; do
		sh_args "trap 'echo got; exit 9' $s; echo up; while :; do sleep 0.05; done"
		"$HULL" --root "$T/root" run -b "$B" "$TAG" >"$T/o" &
		p=$!
		wait_for 10 grep -q up "$T/o"
		kill -$s $p
		rc=0
		wait $p || rc=$?
		eq $rc 9 "$s"
		has "$(cat "$T/o")" got
	done
}
t_ignored_sigchld() {
	bundle
	sh_args 'exit 7'
	rc=0
	env --ignore-signal=CHLD "$HULL" --root "$T/root" run -b "$B" "$TAG" || rc=$?
	eq $rc 7
	eq "$(hull list -q)" ''
	started
	rc=0
	env --ignore-signal=CHLD "$HULL" --root "$T/root" exec "$TAG" sh -c 'exit 8' || rc=$?
	eq $rc 8
	hull delete -f "$TAG"
}
t_few_descriptors_leave_nothing() {
	bundle
	args true
	for n in $(seq 3 12); do
		# shellcheck disable=SC2016
		sh -c 'ulimit -Sn "$0" && exec "$@"' "$n" "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>&1 || true
		[ ! -e "$T/root/$TAG" ] || fail "with $n descriptors the state directory is left"
	done
}
t_very_short_processes() {
	bundle
	args true
	for _ in $(rounds 20); do
		timeout "$(patience 5)" "$HULL" --root "$T/root" run -b "$B" "$TAG"
	done
}
t_odd_callers() {
	bundle
	sh_args 'cat /proc/self/status | grep -E "^Sig(Ign|Blk)"; umask'
	out=$(sh -c 'trap "" CHLD PIPE USR1; umask 777; exec "$@"' sh "$HULL" --root "$T/root" run -b "$B" "$TAG")
	has "$out" 'SigIgn:	0000000000000000'
	has "$out" 'SigBlk:	0000000000000000'
	args true
	"$HULL" --root "$T/root" run -b "$B" "$TAG" <&- >&- 2>&-
	(cd "$T" && mkdir gone && cd gone && rmdir ../gone &&
		"$HULL" --root "$T/root" run -b "$B" "$TAG")
	env -i XDG_RUNTIME_DIR= "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
t_state_root_modes() {
	bundle
	(umask 000 && started)
	eq "$(stat -c %a "$T/root/$TAG")" 700
	find "$T/root/$TAG" -type f -perm /077 | grep . && fail 'files that others may read'
	hull delete -f "$TAG"
}
cases "$@"
