#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# create, start, state, kill, delete, list, pause, wait
. "$(dirname "$0")/../support/lib.sh"

created() {
	sh_args "${1:-sleep 1000}"
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
}
t_create_then_start() {
	bundle
	created 'echo started; exit 5'
	eq "$(state status)" created
	eq "$(cat "$T/out")" ''
	hull start "$TAG"
	ended 5
	eq "$(cat "$T/out")" started
	eq "$(state status)" stopped
	eq "$(state pid)" 0
	refuses 'cannot start a container that has stopped' hull start "$TAG"
	hull delete "$TAG"
}
t_start_twice() {
	bundle
	created
	hull start "$TAG"
	refuses 'cannot start an already running container' hull start "$TAG"
	hull delete -f "$TAG"
}
t_failed_start() {
	bundle
	printf '#!/no/such/interpreter\n' >"$B/rootfs/script"
	chmod 755 "$B/rootfs/script"
	args /script
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	refuses 'exec /script: no such file or directory' hull start "$TAG"
	eq "$(state status)" stopped
	refuses 'cannot start a container that has stopped' hull start "$TAG"
	hull delete "$TAG"
}
t_state_document() {
	bundle '.annotations = {"a.b": "c"}'
	created
	hull state "$TAG" >"$T/s"
	eq "$(jq -r .id "$T/s")" "$TAG"
	eq "$(jq -r .bundle "$T/s")" "$B"
	eq "$(jq -r .rootfs "$T/s")" "$B/rootfs"
	eq "$(jq -r '.annotations["a.b"]' "$T/s")" c
	jq -e '.ociVersion and (.created | test("^20..-..-..T")) and (.pid > 0) and has("owner")' "$T/s" >/dev/null
	hull delete -f "$TAG"
}
t_missing_container() {
	refuses 'does not exist' hull state nosuch
	refuses 'does not exist' hull start nosuch
	refuses 'does not exist' hull kill nosuch
	refuses 'does not exist' hull delete nosuch
	refuses 'does not exist' hull pause nosuch
	eq "$(hull delete -f nosuch 2>&1)" ''
	status 255 hull exec nosuch true
}
t_delete_running_is_refused() {
	bundle
	started
	refuses "cannot delete container $TAG that is not stopped: running" hull delete "$TAG"
	hull delete --force "$TAG"
	refuses 'does not exist' hull state "$TAG"
}
t_delete_created() {
	bundle
	created
	hull delete "$TAG"
}
t_created_ends_when_told() {
	for s in TERM HUP INT; do
		rm -rf "$B"
		bundle
		created
		hull kill "$TAG" $s
		wait_for 5 sh -c '"$0" --root "$1" state "$2" | grep -q stopped' "$HULL" "$T/root" "$TAG"
		hull delete "$TAG"
	done
}
t_kill_default_and_names() {
	bundle
	started 'trap "exit 11" TERM; trap "exit 12" USR2; echo up; while :; do sleep 0.05; done'
	wait_for 10 grep -q up "$T/out"
	hull kill "$TAG"
	ended 11
	refuses 'container not running' hull kill "$TAG"
	hull kill --all "$TAG" 9
	hull delete "$TAG"
	for s in USR2 SIGUSR2 sigusr2 12; do
		started 'trap "exit 12" USR2; echo up; while :; do sleep 0.05; done'
		wait_for 10 grep -q up "$T/out"
		hull kill "$TAG" $s
		ended 12
		hull delete "$TAG"
	done
	started
	hull kill "$TAG" KILL
	ended 137
	refuses 'invalid' hull kill "$TAG" NOSUCH || true
	hull delete "$TAG"
}
t_wait_for_one_that_runs() {
	bundle
	started 'sleep 0.5; exit 7'
	status 7 hull wait "$TAG"
	eq "$(state exit.code)" 7
	hull delete "$TAG"
}
t_wait_after_the_end() {
	bundle
	created 'exit 9'
	hull start "$TAG"
	wait_for 10 sh -c "[ \$('$HULL' --root '$T/root' state $TAG | jq -r .status) = stopped ]"
	kernel_at_least 6 15 || skip 'the kernel keeps no exit status of a reaped process (Linux 6.15)'
	status 9 hull wait "$TAG"
	eq "$(state exit.code)" 9
	hull delete "$TAG"
}
# the first to ask, when nothing but the pin knows any more
t_wait_is_the_first_to_ask() {
	kernel_at_least 6 15 || skip 'the kernel keeps no exit status of a reaped process (Linux 6.15)'
	bundle
	started 'sleep 1; exit 11'
	pid=$(state pid)
	wait_for 10 test ! -e "/proc/$pid"
	status 11 hull wait "$TAG"
	hull delete "$TAG"
}
pin_mounts() {
	grep -cF "$T/root/" "${1:-/proc/self/mountinfo}" || true
}
t_pins_are_one_mount() {
	kernel_at_least 6 15 || skip 'the kernel keeps no exit status of a reaped process (Linux 6.15)'
	bundle
	for n in 1 2 3; do
		cfg --arg cg "/hull-test/$TAG-$n" '.linux.cgroupsPath = $cg'
		started 'sleep 1000' "$TAG-$n"
		eq "$(pin_mounts)" 1 'mounts on the host'
	done
	eq "$(ls "$T/root/.pinned" | wc -l)" 3
	eq "$(pin_mounts "/proc/$(state pid "$TAG-3")/mountinfo")" 0 'mounts in the container'
	eq "$(unshare -m grep -cF "$T/root/" /proc/self/mountinfo || true)" 0 'mounts in a new namespace'
	hull delete -f "$TAG-1"
	hull kill "$TAG-2" 9
	status 137 hull wait "$TAG-2"
	eq "$(pin_mounts)" 1 'mounts on the host'
	hull delete "$TAG-2"
	hull delete -f "$TAG-3"
	eq "$(pin_mounts)" 0 'mounts on the host'
	[ ! -e "$T/root/.pins" ] || fail '.pins is left'
}
# a service with mounts of its own, slaves of the host's shared ones
t_pins_on_shared_mounts() {
	kernel_at_least 6 15 || skip 'the kernel keeps no exit status of a reaped process (Linux 6.15)'
	bundle
	started 'exit 0'
	hull wait "$TAG" || true
	hull delete "$TAG"
	mkdir "$T/m"
	cat >"$T/on-shared" <<-EOF
		set -eu
		mount -t tmpfs none "$T/m"
		mount --make-shared "$T/m"
		unshare -m --propagation slave sleep 60 &
		other=\$!
		sleep 0.3
		"$HULL" --root "$T/m/root" run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
		while [ -e /proc/\$("$HULL" --root "$T/m/root" state "$TAG" | jq .pid) ]; do
			[ "\$("$HULL" --root "$T/m/root" state "$TAG" | jq .pid)" != 0 ] || break
			sleep 0.1
		done
		rc=0
		"$HULL" --root "$T/m/root" wait "$TAG" || rc=\$?
		"$HULL" --root "$T/m/root" delete "$TAG"
		[ "\$(ls -A "$T/m/root" | grep -vc cache)" = 0 ]
		! grep -F "$T/m/root" /proc/self/mountinfo /proc/\$other/mountinfo
		kill \$other
		umount "$T/m"
		exit \$rc
	EOF
	sh_args 'sleep 1; exit 12'
	status 12 unshare -m --propagation private sh "$T/on-shared"
}
t_exit_record_of_a_signal() {
	bundle
	started
	# one that waits while it runs sees the end, on every kernel
	hull wait "$TAG" &
	sleep 0.5
	hull kill "$TAG" 9
	rc=0
	wait $! || rc=$?
	eq "$rc" 137
	eq "$(state exit.signal)" 9
	hull delete "$TAG"
}
t_list() {
	bundle
	mkdir -m 700 "$T/root"
	eq "$(hull list -f json)" null
	started
	hull list >"$T/l"
	has "$(head -n 1 "$T/l")" 'ID '
	has "$(cat "$T/l")" "$TAG"
	eq "$(hull list -q)" "$TAG"
	eq "$(hull list -f json | jq -r '.[0].status')" running
	eq "$(hull list -f json | jq -r '.[0].bundle')" "$B"
	hull delete -f "$TAG"
}
t_list_with_broken_neighbours() {
	bundle
	started
	mkdir -p "$T/root/other" "$T/root/fifo" "$T/root/link" "$T/root/trunc"
	echo '{"not":"ours"}' >"$T/root/other/state.json"
	mkfifo "$T/root/fifo/state.json"
	ln -s /etc/passwd "$T/root/link/state.json"
	head -c 40 "$T/root/$TAG/state.json" >"$T/root/trunc/state.json"
	has "$(hull list)" "$TAG"
	hull list -f json | jq -e . >/dev/null
	rm -r "$T/root/other" "$T/root/fifo" "$T/root/link" "$T/root/trunc"
	hull delete -f "$TAG"
}
t_pause_resume() {
	bundle
	started 'while :; do echo x; sleep 0.05; done'
	hull pause "$TAG"
	eq "$(state status)" paused
	a=$(wc -c <"$T/out")
	sleep 0.4
	eq "$(wc -c <"$T/out")" "$a" 'output while paused'
	status 255 hull exec "$TAG" true
	hull resume "$TAG"
	eq "$(state status)" running
	refuses 'container not paused' hull resume "$TAG"
	hull pause "$TAG"
	hull delete -f "$TAG"
}
t_kill_paused() {
	bundle
	started
	hull pause "$TAG"
	hull kill "$TAG" KILL
	ended 137
	hull delete "$TAG"
}
t_bad_ids() {
	bundle
	for id in .hidden a/b 'a b' '' 'a:b' .. "$(head -c 300 /dev/zero | tr '\0' a)"; do
		rc=0
		hull run -b "$B" "$id" >/dev/null 2>&1 || rc=$?
		eq $rc 1 "status for id '$id'"
	done
	args true
	hull run -b "$B" "${TAG}_+.-"
}
t_ps() {
	bundle
	started 'sleep 500 & sleep 1000'
	wait_for 5 sh -c "[ \$('$HULL' --root '$T/root' ps -f json $TAG | jq length) -ge 2 ]"
	hull ps -f json "$TAG" | jq -e --argjson p "$(init_in_ps)" 'index($p) != null' >/dev/null
	has "$(hull ps "$TAG")" 'sleep 500'
	hull kill "$TAG" KILL
	hull wait "$TAG" || true
	eq "$(hull ps -f json "$TAG")" null
	hull delete "$TAG"
}
t_config_edits_after_create_change_nothing() {
	bundle '.process.env = ["A=1", "PATH=/bin"]'
	created 'sleep 1000'
	hull start "$TAG"
	cfg '.process.env = ["A=2", "PATH=/bin"]'
	eq "$(hull exec "$TAG" sh -c 'echo $A')" 1
	hull delete -f "$TAG"
}
t_bundle_gone() {
	bundle
	started
	mv "$B" "$T/moved"
	hull kill "$TAG" KILL
	hull wait "$TAG" || true
	hull delete "$TAG"
}
t_reparented_to_the_subreaper() {
	bundle
	sh_args 'sleep 0.3; exit 23'
	out=$("$TESTS/subreaper" -w "$T/pid" "$HULL" --root "$T/root" run -d --pid-file "$T/pid" -b "$B" "$TAG" </dev/null)
	has "$out" 'cmd 0'
	has "$out" ' 23'
	hull delete "$TAG"
	sh_args 'exit 24'
	out=$("$TESTS/subreaper" -w "$T/pid" sh -c "'$HULL' --root '$T/root' create --pid-file '$T/pid' -b '$B' $TAG </dev/null && '$HULL' --root '$T/root' start $TAG")
	has "$out" ' 24'
	hull delete "$TAG"
}
t_pid_reuse_is_noticed() {
	bundle
	started
	sleep 1000 &
	other=$!
	jq --argjson p $other '.pid = $p' "$T/root/$TAG/state.json" >"$T/s"
	init=$(state pid)
	cp "$T/s" "$T/root/$TAG/state.json"
	hull kill "$TAG" KILL >/dev/null 2>&1 || true
	hull delete -f "$TAG"
	kill -0 $other || fail 'a foreign process was killed'
	kill $other
	kill -9 "$init" 2>/dev/null || true
}
cases "$@"
