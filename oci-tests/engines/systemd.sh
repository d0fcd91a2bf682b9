#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers as units of the real systemd.
. "$(dirname "$0")/lib.sh"
need systemctl jq
[ -d /run/systemd/system ] || {
	echo "skip $engine: systemd does not run here"
	echo "engines/$engine: 0 passed, 0 failed, 1 skipped"
	rm -rf "$D"
	exit 0
}
make_rootfs "$D/rootfs"
begin

units=/run/systemd/system tag=hull-engine-$$
rt() { limit "$RUNTIME" --root "$D/rt" "$@"; }
RUN="$RUNTIME --root $D/rt"
stop_engine() {
	systemctl stop "$tag-*"
	systemctl reset-failed "$tag-*"
	rm -f "$units/$tag-"*
	systemctl daemon-reload
	drop_parents "$tag"
}
bundle() { # name script
	mkdir -p "$D/$1"
	(cd "$D/$1" && "$RUNTIME" spec)
	jq --arg s "$2" --arg r "$D/rootfs" --arg c "/$tag/$1" '.process.terminal = false |
		.process.args = ["/bin/sh", "-c", $s] | .root = { path: $r } | .linux.cgroupsPath = $c' \
		"$D/$1/config.json" >"$D/$1/new" && mv "$D/$1/new" "$D/$1/config.json"
}
unit() { # name, its [Service] on stdin
	{ printf '[Service]\nSyslogIdentifier=%s\n' "$tag-$1"; cat; } >"$units/$tag-$1.service"
	systemctl daemon-reload
}
show() { systemctl show -P "$2" "$tag-$1"; }
sc() { local verb=$1; shift; limit systemctl "$verb" "$tag-$1" "${@:2}"; }
is() { test "$(show "$1" "$2")" = "$3"; }
# not by the unit: the container writes from a cgroup that is not the unit's
journal() { journalctl -q -o cat -t "$tag-$1"; }
pid_in() { rt state "$1" | jq -r .pid; }
left() { rt list -q; ls "$D/rt"; find "/sys/fs/cgroup/$tag" -mindepth 1 -type d 2>/dev/null; }

# ---- Type=exec: run stays in the foreground and passes signals on
bundle e1 'trap "echo got-term; exit 0" TERM; trap "echo got-usr1" USR1; echo up; while :; do sleep 0.1; done'
unit e1 <<-U
	Type=exec
	KillMode=mixed
	ExecStart=$RUN run --bundle $D/e1 e1
U
journal_has() { journal "$1" | grep -qx "$2"; }
ok "Type=exec: start" sc start e1
out "Type=exec: active" active sc is-active e1
ok "Type=exec: output to the journal" wait_for 20 journal_has e1 up
out "Type=exec: state" running bash -c "$RUN state e1 | jq -r .status"
main_is_runtime() { readlink "/proc/$(show e1 MainPID)/exe" | grep -q .; }
ok "Type=exec: MainPID runs" main_is_runtime
ok "Type=exec: systemctl kill USR1" sc kill e1 -s USR1 --kill-whom=main
ok "Type=exec: the workload had it" wait_for 20 journal_has e1 got-usr1
ok "Type=exec: stop" sc stop e1
ok "Type=exec: the workload had TERM" wait_for 10 journal_has e1 got-term
out "Type=exec: Result" success show e1 Result
out "Type=exec: nothing is left" "" left

bundle e2 'exit 7'
unit e2 <<-U
	Type=exec
	ExecStart=$RUN run --bundle $D/e2 e2
U
ok "exit status: start" sc start e2
ok "exit status: failed" wait_for 20 is e2 ActiveState failed
out "exit status: is the workload's" 7 show e2 ExecMainStatus
bundle e3 'kill -9 $$; sleep 1; kill -SEGV 1; exit 1'
jq '.process.args = ["/nonexist"]' "$D/e3/config.json" >"$D/e3/new" && mv "$D/e3/new" "$D/e3/config.json"
unit e3 <<-U
	Type=exec
	ExecStart=$RUN run --bundle $D/e3 e3
U
ok "no such program: start" sc start e3
ok "no such program: failed" wait_for 20 is e3 ActiveState failed
ok "no such program: the journal says it" journal_has e3 '.*no such file or directory.*'
out "no such program: nothing is left" "" left

# KillMode=control-group and no time: the runtime itself is killed
bundle e4 'sleep 1000'
unit e4 <<-U
	Type=exec
	KillSignal=SIGKILL
	ExecStart=$RUN run --bundle $D/e4 e4
	ExecStopPost=-$RUN delete --force e4
U
ok "the runtime is killed: start" sc start e4
ok "the runtime is killed: runs" wait_for 20 bash -c "$RUN state e4 | grep -q running"
ok "the runtime is killed: stop" sc stop e4
out "the runtime is killed: delete removed all" "" left

# Restart=always takes the same name again
bundle e5 'sleep 0.5; exit 1'
unit e5 <<-U
	Type=exec
	Restart=always
	RestartSec=100ms
	StartLimitBurst=100
	ExecStart=$RUN run --bundle $D/e5 e5
U
restarts() { test "$(show e5 NRestarts)" -ge 3; }
ok "Restart=always: start" sc start e5
ok "Restart=always: three times" wait_for 60 restarts
ok "Restart=always: stop" sc stop e5
out "Restart=always: nothing is left" "" left

# ---- Type=forking: run -d, systemd adopts the container's init
bundle f1 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'
unit f1 <<-U
	Type=forking
	PIDFile=$D/f1.pid
	StandardInput=null
	ExecStart=$RUN run --detach --pid-file $D/f1.pid --bundle $D/f1 f1
	ExecStop=$RUN kill f1 TERM
	ExecStopPost=-$RUN delete --force f1
U
ok "Type=forking: start" sc start f1
out "Type=forking: MainPID is the container's init" "$(pid_in f1 2>/dev/null)" show f1 MainPID
has "Type=forking: MainPID is not 0" '^[1-9]' show f1 MainPID
ok "Type=forking: output to the journal" wait_for 20 journal_has f1 up
ok "Type=forking: stop" sc stop f1
out "Type=forking: Result" success show f1 Result
out "Type=forking: nothing is left" "" left

bundle f2 'sleep 2; exit 9'
unit f2 <<-U
	Type=forking
	PIDFile=$D/f2.pid
	StandardInput=null
	ExecStart=$RUN create --pid-file $D/f2.pid --bundle $D/f2 f2
	ExecStartPost=$RUN start f2
	ExecStopPost=-$RUN delete --force f2
U
ok "Type=forking, create and start: start" sc start f2
ok "Type=forking, create and start: the end is seen" wait_for 30 is f2 ActiveState failed
out "Type=forking, create and start: exit status" 9 show f2 ExecMainStatus
out "Type=forking, create and start: nothing is left" "" left

# ---- Type=notify: up when the workload says so, not before
probe=$here/../../build/tests/probe
cp "$probe" "$D/rootfs/bin/probe"
bundle n1 'trap "exit 7" TERM; sleep 2; probe notify "STATUS=nearly"; probe notify READY=1
	while :; do sleep 0.1; done'
unit n1 <<-U
	Type=notify
	NotifyAccess=all
	KillMode=mixed
	ExecStart=$RUN run --bundle $D/n1 n1
U
ok "Type=notify: start" sc start n1 --no-block
out "Type=notify: waits" activating show n1 ActiveState
ok "Type=notify: active" wait_for 30 is n1 ActiveState active
out "Type=notify: its status" nearly show n1 StatusText
ok "Type=notify: MainPID runs" bash -c "readlink /proc/$(show n1 MainPID)/exe | grep -q ."
ok "Type=notify: stop" sc stop n1
out "Type=notify: exit status" 7 show n1 ExecMainStatus
out "Type=notify: nothing is left" "" left
# MAINPID comes before its parent has left it to systemd, which does not wait for
# the processes of others: as systemd.service(5) asks, ExecStop does
cat >"$D/stop" <<-S
	#!/bin/sh
	$RUN kill "\$1" TERM
	while $RUN state "\$1" | jq -e '.status == "running"'; do sleep 0.1; done
S
chmod +x "$D/stop"
unit n2 <<-U
	Type=notify
	NotifyAccess=all
	StandardInput=null
	ExecStart=$RUN run --detach --bundle $D/n1 n2
	ExecStop=$D/stop n2
	ExecStopPost=-$RUN delete --force n2
U
ok "Type=notify, detached: start" sc start n2
out "Type=notify, detached: MainPID is the container's init" "$(pid_in n2 2>/dev/null)" show n2 MainPID
ok "Type=notify, detached: stop" sc stop n2
out "Type=notify, detached: exit status" 7 show n2 ExecMainStatus
out "Type=notify, detached: nothing is left" "" left
bundle n3 'exit 5'
unit n3 <<-U
	Type=notify
	NotifyAccess=all
	ExecStart=$RUN run --bundle $D/n3 n3
U
rc "Type=notify, never ready: start fails" 1 sc start n3
out "Type=notify, never ready: exit status" 5 show n3 ExecMainStatus
out "Type=notify, never ready: nothing is left" "" left

# ---- a scope of its own for the container of a unit
bundle c1 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'
jq --arg c "system.slice:$tag:c1" '.linux.cgroupsPath = $c | .linux.resources.memory.limit = 33554432' \
	"$D/c1/config.json" >"$D/c1/new" && mv "$D/c1/new" "$D/c1/config.json"
unit c1 <<-U
	Type=exec
	KillMode=mixed
	ExecStart=$RUN --systemd-cgroup run --bundle $D/c1 c1
U
ok "--systemd-cgroup: start" sc start c1
ok "--systemd-cgroup: runs" wait_for 20 journal_has c1 up
out "--systemd-cgroup: its scope" 33554432 systemctl show -P MemoryMax "$tag-c1.scope"
ok "--systemd-cgroup: stop" sc stop c1
has "--systemd-cgroup: no scope is left" '^not-found$' systemctl show -P LoadState "$tag-c1.scope"
out "--systemd-cgroup: nothing is left" "" left

# ---- socket activation
bundle s1 'echo $LISTEN_FDS $LISTEN_PID; test -S /proc/self/fd/3 && echo socket; trap "exit 0" TERM; cat <&3 & wait'
cat >"$units/$tag-s1.socket" <<-U
	[Socket]
	ListenFIFO=$D/s1.fifo
U
unit s1 <<-U
	Type=exec
	ExecStart=$RUN run --bundle $D/s1 s1
U
socket() {
	systemctl start "$tag-s1.socket" && echo through-the-fifo >"$D/s1.fifo"
}
ok "socket activation: start" socket
ok "socket activation: LISTEN_FDS" wait_for 20 journal_has s1 '1 1'
ok "socket activation: the descriptor" wait_for 20 journal_has s1 through-the-fifo
ok "socket activation: stop" limit systemctl stop "$tag-s1.socket" "$tag-s1.service"
out "socket activation: nothing is left" "" left

