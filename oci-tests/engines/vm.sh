#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Engines whose containers are microVMs: they call hull by its name hull-vm.
# Guests take their time in the emulated machine: a few containers, each looked
# at from many sides.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
leave() {
	echo "skip $engine: $1"
	echo "engines/$engine: 0 passed, 0 failed, 1 skipped"
	rm -rf --one-file-system "$D"
	exit 0
}
need containerd ctr podman conmon script jq
[ "$RT" = hull ] || leave "'$RT' has no microVMs"
RUNTIME=$RUNTIME-vm
"$RUNTIME" features 2>/dev/null | jq -e .vm.enabled >/dev/null ||
	leave "no microVM here: $("$RUNTIME" features 2>/dev/null | jq -r .vm.reason)"
make_image
begin
make_storage "$D"

ctr() { limit ctr -a "$D/c.sock" "$@"; }
with=(--runtime io.containerd.runc.v2 --runc-binary "$RUNTIME" --runc-root "$D/rt")
fs() { ctr run "${with[@]}" --env PATH=/bin --rootfs "$@"; }
podman() { limit podman "$@"; }
stop_engine() {
	ctr task ls -q | while read -r t; do
		ctr task kill -s KILL "$t"
		ctr task rm -f "$t"
	done
	[ -z "${pid:-}" ] || kill_wait "$pid"
	pkill -f "containerd-shim-runc-v2 .*$D/c.sock"
	drop_parents default
	podman rm -fa -t 0
	rm_storage
}
start_engine() {
	cat >"$D/config.toml" <<-C
		version = 2
		root = "$D/root"
		state = "$D/state"
		[grpc]
		address = "$D/c.sock"
	C
	setsid containerd -c "$D/config.toml" >"$D/log" 2>&1 </dev/null &
	pid=$!
	wait_for 60 ctr version
}
status_is() { ctr task ls | grep -qE "^$1 +[0-9]+ +$2"; }
other="test \"\$(uname -v)\" = '$(uname -v)' || echo a kernel of its own"

ok "containerd starts" start_engine
rc "ctr run --rm: exit status" 42 fs --rm "$D/rootfs" t1 \
	sh -c "$other; cat /var/data/file; exit 42"
saw "ctr run: the container's files" '^from the image$'
saw "ctr run: a kernel of its own" '^a kernel of its own$'
ok "ctr run -d" fs -d "$D/rootfs" d1 sh -c 'trap "exit 7" USR1; while :; do sleep 0.1; done'
ok "ctr task ls: RUNNING" status_is d1 RUNNING
rc "ctr task exec: exit status" 3 ctr task exec --exec-id e1 --user 1000 d1 sh -c 'echo "uid $(id -u)"; exit 3'
saw "ctr task exec: output" '^uid 1000$'
has "ctr task exec -t" '^/dev/pts/' tty_of ctr -a "$D/c.sock" task exec -t --exec-id e2 d1 sh -c 'tty; sleep 1; stty size'
saw "ctr task exec -t: its size" '^33 77'
ok "ctr task kill -s USR1" ctr task kill -s USR1 d1
ok "ctr task kill: STOPPED" wait_for 30 status_is d1 STOPPED
has "ctr task rm: the exit status" 'code 7"' ctr task rm d1
ok "ctr container rm" ctr container rm d1
no_states() { test -z "$(ls "$D/rt/default" 2>/dev/null)"; }
ok "ctr: no state is left" no_states

ok "podman import" podman import "$D/rootfs.tar" bb:latest
mkdir "$W/vol" && echo host >"$W/vol/file"
options() {
	echo from-stdin | podman run --rm -i --user user -w /tmp -e K=v --hostname there --read-only \
		-v "$W/vol:/v:ro" --tmpfs /var/data bb sh -c "$other"'
		cat; echo "in $(id -u) $PWD $K $(hostname)"; cat /v/file /var/data/file; exit 6'
}
rc "podman run: exit status" 6 options
saw "podman run -i: standard input" '^from-stdin$'
saw "podman run: user, cwd, env, hostname" '^in 1000 /tmp v there$'
saw "podman run -v" '^host$'
saw "podman run --tmpfs: copy-up" '^from the image$'
saw "podman run: a kernel of its own" '^a kernel of its own$'
fails "podman run: no such program" 127 "executable file not found" podman run --rm bb nonexist
