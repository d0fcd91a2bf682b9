#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

up() {
	bundle "$@"
	started
}
down() {
	hull delete -f "$TAG"
}
t_output_and_status() {
	up
	eq "$(hull exec "$TAG" echo hi)" hi
	status 42 hull exec "$TAG" sh -c 'exit 42'
	status 137 hull exec "$TAG" sh -c 'kill -9 $$'
	head -c 200000 /dev/urandom >"$T/in"
	hull exec "$TAG" cat <"$T/in" >"$T/back"
	cmp "$T/in" "$T/back"
	down
}
t_failures_are_255() {
	up
	rc=0
	hull exec "$TAG" nonexistent 2>"$T/e" || rc=$?
	eq $rc 255
	has "$(cat "$T/e")" 'executable file not found in $PATH'
	rc=0
	hull exec --cwd /nodir "$TAG" true 2>"$T/e" || rc=$?
	eq $rc 255
	has "$(cat "$T/e")" 'no such file or directory'
	status 255 hull exec --bogus "$TAG" true 2>/dev/null || true
	down
}
t_same_namespaces_as_init() {
	up
	for n in pid net ipc uts mnt cgroup; do
		a=$(namespace_of_init $n)
		eq "$(hull exec "$TAG" readlink /proc/self/ns/$n)" "$a" "namespace $n"
	done
	eq "$(hull exec "$TAG" hostname)" hull
	p=$(hull exec "$TAG" sh -c 'echo $$')
	[ "$p" -lt 100 ] || fail "pid $p is not from the container's namespace"
	down
}
t_user() {
	up
	eq "$(hull exec -u 1000:1001 "$TAG" id -u)" 1000
	eq "$(hull exec -u 1000:1001 "$TAG" id -g)" 1001
	eq "$(hull exec -u 1000 -g 7 -g 8 "$TAG" sh -c 'grep Groups /proc/self/status' | tr -s '\t ' ' ' | sed 's/ $//')" 'Groups: 7 8'
	# shellcheck disable=SC2016
	eq "$(hull exec -u 1000 "$TAG" sh -c 'echo $HOME')" /home/user
	for u in 1: 1:2:3 01 +1 -1 1x 4294967295 4294967296 99999999999; do
		rc=0
		hull exec -u "$u" "$TAG" id >/dev/null 2>&1 || rc=$?
		eq $rc 255 "status for user '$u'"
	done
	down
}
t_numeric_user_is_no_name() {
	up
	printf '1000:x:0:0::/evil:/bin/sh\n' >>"$B/rootfs/etc/passwd"
	eq "$(hull exec -u 1000 "$TAG" id -u)" 1000
	down
}
t_env_cwd_caps() {
	up
	# shellcheck disable=SC2016
	eq "$(hull exec -e A=1 --env B=2 "$TAG" sh -c 'echo $A$B')" 12
	eq "$(hull exec --cwd /tmp "$TAG" pwd)" /tmp
	base=$(hull exec "$TAG" probe | grep CapEff)
	more=$(hull exec --cap CAP_NET_RAW "$TAG" probe | grep CapEff)
	[ "$base" != "$more" ] || fail 'no capability was added'
	eq "$(hull exec --cap CAP_NET_RAW "$TAG" probe | grep CapInh)" 'CapInh 0000000000000000'
	eq "$(hull exec "$TAG" probe | grep NoNewPrivs)" 'NoNewPrivs 1'
	down
}
t_process_file() {
	up
	cat >"$T/p.json" <<-'EOF'
		{"args": ["sh", "-c", "echo $X; id -u; pwd; exit 4"], "cwd": "/tmp",
		 "env": ["X=y", "PATH=/bin"], "user": {"uid": 5, "gid": 6}, "terminal": false}
	EOF
	rc=0
	out=$(hull exec --process "$T/p.json" "$TAG") || rc=$?
	eq $rc 4
	eq "$(echo "$out" | tr '\n' ' ')" 'y 5 /tmp '
	down
}
t_process_from_a_descriptor() {
	up
	echo '{"args": ["/bin/echo", "read"], "cwd": "/"}' >"$T/p.json"
	exec 9<"$T/p.json"
	eq "$(hull exec --process /dev/fd/9 "$TAG")" read
	exec 9<&-
	down
}
t_scheduler() {
	need_cap 23 CAP_SYS_NICE
	up
	echo '{"args": ["/bin/sleep", "1000"], "cwd": "/", "scheduler": {"policy": "SCHED_DEADLINE",
		"flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 1000000, "deadline": 100000000, "period": 100000000}}' >"$T/p.json"
	hull exec -d -p "$T/p.json" --pid-file "$T/pid" "$TAG" </dev/null >/dev/null 2>&1
	has "$(chrt -p "$(cat "$T/pid")")" 'SCHED_DEADLINE|SCHED_RESET_ON_FORK'
	down
}
t_cpu_affinity() {
	[ "$(nproc)" -ge 2 ] || skip 'needs two processors'
	all=$(grep Cpus_allowed_list /proc/self/status)
	bundle
	sh_args 'grep Cpus_allowed_list /proc/self/status; sleep 1000'
	taskset -c 0 "$HULL" --root "$T/root" run -d -b "$B" "$TAG" </dev/null >"$T/o" 2>&1
	wait_for 5 grep -qxF "$all" "$T/o"
	show='"args": ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/"'
	for a in '"initial": "1"' '"initial": "0", "final": "1"'; do
		echo "{$show, \"execCPUAffinity\": {$a}}" >"$T/p.json"
		eq "$(hull exec -p "$T/p.json" "$TAG" | cut -f 2)" 1
	done
	echo "{$show}" >"$T/p.json"
	eq "$(taskset -c 0 "$HULL" --root "$T/root" exec -p "$T/p.json" "$TAG")" "$all"
	down
}
t_cgroup_of_init_when_its_own_is_gone() {
	up
	old=$(cg2)/hull-test/$TAG
	mkdir "$old-2"
	hull ps -f json "$TAG" | tr -d '[] \n' | tr , '\n' | while read -r pid || [ -n "$pid" ]; do
		echo "$pid" >"$old-2/cgroup.procs"
	done
	rmdir "$old"
	has "$(hull exec "$TAG" cat /proc/self/cgroup)" "$TAG-2"
	down
	rmdir "$old-2"
}
t_detached() {
	up
	out=$("$TESTS/subreaper" -w "$T/pid" "$HULL" --root "$T/root" exec -d --pid-file "$T/pid" "$TAG" sh -c 'sleep 0.2; exit 33' </dev/null)
	has "$out" ' 33'
	eq "$(wc -c <"$T/pid")" "$(tr -cd 0-9 <"$T/pid" | wc -c)"
	down
}
t_in_created_container() {
	bundle
	sh_args 'sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	eq "$(hull exec "$TAG" echo yes)" yes
	eq "$(state status)" created
	down
}
t_stopped() {
	up
	hull kill "$TAG" KILL
	hull wait "$TAG" || true
	rc=0
	hull exec "$TAG" true 2>"$T/e" || rc=$?
	eq $rc 255
	has "$(cat "$T/e")" 'cannot exec in a stopped container'
	hull delete "$TAG"
}
t_paused() {
	up
	hull pause "$TAG"
	rc=0
	hull exec "$TAG" true 2>"$T/e" || rc=$?
	eq $rc 255
	has "$(cat "$T/e")" 'cannot exec in a paused container (use --ignore-paused to override)'
	# it waits, holds nobody up, and can be given up
	hull exec --ignore-paused "$TAG" echo in >"$T/in" 2>"$T/e" &
	p=$!
	timeout 1 "$HULL" --root "$T/root" exec --ignore-paused "$TAG" true && fail 'into a paused container' || eq $? 124
	[ ! -s "$T/in" ] || fail 'into a paused container'
	timeout 20 "$HULL" --root "$T/root" resume "$TAG"
	wait $p
	eq "$(cat "$T/in")" in
	# the end of a paused container ends the wait
	hull pause "$TAG"
	hull exec --ignore-paused "$TAG" true 2>"$T/e" &
	p=$!
	sleep 0.3
	hull kill "$TAG" KILL
	wait $p && fail 'into a dead container' || eq $? 255
	has "$(cat "$T/e")" 'exec failed: ' # stopped, or about to be
	down
}
t_same_cgroup() {
	up
	eq "$(hull exec "$TAG" cat /proc/self/cgroup | grep ^0::)" '0::/'
	hull exec "$TAG" sleep 300 &
	wait_for 5 sh -c "[ \$(wc -l <$(cg2)/hull-test/$TAG/cgroup.procs) -ge 2 ]"
	down
	wait
}
t_cgroup_escape_is_refused() {
	up
	for c in .. ../x /../../x a/../../b; do
		rc=0
		hull exec --cgroup "$c" "$TAG" true >/dev/null 2>&1 || rc=$?
		eq $rc 255 "status for cgroup '$c'"
	done
	down
}
t_many_short_ones() {
	up
	for _ in $(rounds 20); do
		timeout "$(patience 5)" "$HULL" --root "$T/root" exec "$TAG" true
	done
	down
}
t_process_without_args_is_refused() {
	up
	echo '{"cwd": "/"}' >"$T/p.json"
	rc=0
	hull exec -p "$T/p.json" "$TAG" 2>"$T/e" || rc=$?
	eq $rc 255
	has "$(cat "$T/e")" args
	down
}
cases "$@"
