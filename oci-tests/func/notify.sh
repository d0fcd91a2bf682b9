#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# NOTIFY_SOCKET: a service manager is told when the workload is ready.
. "$(dirname "$0")/../support/lib.sh"

# manager [SECONDS]: prints what it is told, one datagram a line ("|" for a line
# end), into $T/told, and answers barriers
manager() {
	cat >"$T/manager.py" <<-'EOF'
		import array, os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		s.settimeout(float(sys.argv[3]))
		out = open(sys.argv[2], "w")
		try:
		    while True:
		        data, anc, _, _ = s.recvmsg(4096, 1024)
		        for _, _, fds in anc:
		            for fd in array.array("i", fds[:len(fds) // 4 * 4]):
		                os.close(fd)
		        print(data.decode().rstrip("\n").replace("\n", "|"), file=out, flush=True)
		except TimeoutError:
		    pass
	EOF
	python3 "$T/manager.py" "$T/m.sock" "$T/told" "${1:-10}" &
	MANAGER=$!
	wait_for 5 test -S "$T/m.sock"
}
dismiss() {
	kill "$MANAGER" 2>/dev/null || :
	wait "$MANAGER" 2>/dev/null || :
}
notified() {
	env NOTIFY_SOCKET="$T/m.sock" "$HULL" --root "$T/root" "$@"
}

t_detached() {
	bundle
	manager
	sh_args 'echo $NOTIFY_SOCKET >/dev/shm/x; sleep 1
		probe notify "MAINPID=1
STATUS=nearly"; probe notify READY=1; sleep 1000'
	began=$(date +%s)
	notified run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	[ "$(date +%s)" -gt "$began" ] || fail "did not wait"
	eq "$(cat "$T/told")" "STATUS=nearly
READY=1|MAINPID=$(state pid)
BARRIER=1"
	eq "$(hull exec "$TAG" cat /dev/shm/x)" /run/notify/notify.sock
	status 1 hull exec "$TAG" touch /run/notify/x 2>/dev/null
	hull delete -f "$TAG"
	dismiss
}

t_create_start() {
	bundle
	manager
	sh_args 'sleep 1; probe notify READY=1; sleep 1000'
	notified create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	notified start "$TAG" &
	sleep 0.3
	# nobody is held up meanwhile
	eq "$(state status)" running
	hull exec "$TAG" true
	wait $!
	eq "$(cat "$T/told")" "READY=1|MAINPID=$(state pid)
BARRIER=1"
	hull delete -f "$TAG"
	dismiss
}

t_foreground() {
	bundle
	manager
	sh_args 'trap "probe notify STOPPING=1; exit 4" TERM
		probe notify READY=1; while :; do sleep 0.1; done'
	env NOTIFY_SOCKET="$T/m.sock" "$HULL" --root "$T/root" run -b "$B" "$TAG" \
		</dev/null >"$T/out" 2>&1 &
	pid=$!
	wait_for 5 grep -q READY "$T/told"
	kill "$pid"
	rc=0
	wait "$pid" || rc=$?
	eq "$rc" 4
	# the main process is hull itself
	eq "$(cat "$T/told")" "READY=1|MAINPID=$pid
STOPPING=1"
	dismiss
}

# a signal before the workload is ready
t_signal_while_waiting() {
	bundle
	manager
	sh_args 'trap "exit 4" TERM; touch /dev/shm/up; while :; do sleep 0.1; done'
	env NOTIFY_SOCKET="$T/m.sock" "$HULL" --root "$T/root" run -b "$B" "$TAG" \
		</dev/null >"$T/out" 2>&1 &
	pid=$!
	wait_for 5 hull exec "$TAG" test -e /dev/shm/up
	kill "$pid"
	rc=0
	wait "$pid" || rc=$?
	eq "$rc" 4
	dismiss
}

t_ends_without_ready() {
	bundle
	manager
	sh_args 'exit 3'
	notified run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(cat "$T/told")" ""
	hull delete "$TAG"
	sh_args 'echo "<$NOTIFY_SOCKET>"; ls /run/notify 2>&1'
	has "$(hull run -b "$B" "$TAG" 2>&1 || :)" "<>"
	dismiss
}

# in a user namespace, as somebody else than root
t_userns() {
	bundle '.linux.namespaces += [{type: "user"}] |
		(.linux.uidMappings, .linux.gidMappings) = [{containerID: 0, hostID: 200000, size: 65536}] |
		.process.user = {uid: 7, gid: 7}'
	chown -R 200000:200000 "$B/rootfs"
	chmod go+x "$(dirname "$T")" "$T" "$B"
	manager
	sh_args 'probe notify READY=1; sleep 1000'
	notified run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	eq "$(cat "$T/told")" "READY=1|MAINPID=$(state pid)
BARRIER=1"
	hull delete -f "$TAG"
	dismiss
}

t_unit() {
	need_systemd
	bundle
	sh_args 'trap "exit 0" TERM; probe notify READY=1; while :; do sleep 0.1; done'
	systemd-run -q --unit "$TAG" -p Type=notify -p NotifyAccess=all \
		"$HULL" --root "$T/root" run -b "$B" "$TAG"
	eq "$(systemctl is-active "$TAG")" active
	eq "$(state status)" running
	systemctl stop "$TAG"
	eq "$(hull list -q)" ""
	systemctl reset-failed "$TAG" 2>/dev/null || :
}

cases "$@"
