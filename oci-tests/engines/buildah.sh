#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# buildah run and buildah build.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
need buildah script
make_image
begin
make_storage

with=(--runtime "$RUNTIME" --isolation oci --network none)
buildah() { limit buildah "$@"; }
run() { buildah run "${with[@]}" "$@"; }
stop_engine() {
	buildah rm --all
	rm_storage
}
load() {
	local c
	c=$(buildah from scratch) && buildah add -q "$c" "$D/rootfs.tar" / &&
		buildah config --cmd /bin/sh --env PATH=/bin "$c" &&
		buildah commit -q "$c" localhost/bb:latest && buildah rm "$c"
}
ok "an image" load
c=$(buildah from --pull-never localhost/bb:latest 2>/dev/null)

out "run: output" "uid=0(root) gid=0(root) groups=0(root)" run "$c" -- id
rc "run: exit status" 9 run "$c" -- sh -c 'exit 9'
rc "run: killed" 137 run "$c" -- sh -c 'sh -c "kill -9 1"; sh -c "kill -9 $$"; exit 137'
out "run: standard input" in bash -c "echo in | timeout -k 5 60 buildah run ${with[*]} $c -- cat"
has "run -t: a terminal" '^/dev/pts/0' tty_of buildah run "${with[@]}" -t "$c" -- tty
has "run -t: its size" '^33 77' tty_of buildah run "${with[@]}" -t "$c" -- sh -c 'sleep 1; stty size'
rc "run -t: exit status" 6 tty_of buildah run "${with[@]}" -t "$c" -- sh -c 'exit 6'
out "run --user" 1000 run --user user "$c" -- id -u
out "run --workingdir --env" "/tmp v" run --workingdir /tmp --env K=v "$c" -- sh -c 'echo $PWD $K'
mkdir "$W/vol" && echo host >"$W/vol/file"
out "run -v" host run -v "$W/vol:/v:ro" "$c" -- cat /v/file
has "run -v: read-only" 'Read-only' run -v "$W/vol:/v:ro" "$c" -- sh -c 'touch /v/x; true'
ok "run --mount type=tmpfs" run --mount type=tmpfs,dst=/t "$c" -- touch /t/x
has "run --cap-drop" 'CapEff:.0000000000000000' run --cap-drop ALL "$c" -- grep CapEff /proc/self/status
has "run: seccomp" 'Seccomp:.2' run "$c" -- grep Seccomp: /proc/self/status
has "run --hostname" '^there$' run --hostname there "$c" -- hostname
ok "run: writes" run "$c" -- sh -c 'echo kept >/kept'
out "run: wrote" kept run "$c" -- cat /kept
fails "run: no such program" 1 'executable file not found' run "$c" -- nonexist
fails "run: not executable" 1 'permission denied' run "$c" -- /etc/text
has "run: much output" '^300000$' bash -c "timeout -k 5 60 buildah run ${with[*]} $c -- head -c 300000 /dev/zero | wc -c"
mkdir "$W/ctx"
printf 'FROM localhost/bb:latest\nENV K=v\nRUN echo built $K >/built\nUSER user\nRUN id -u >/tmp/user\n' >"$W/ctx/Dockerfile"
ok "build" buildah build --pull-never "${with[@]}" -t built "$W/ctx"
b=$(buildah from --pull-never localhost/built 2>/dev/null)
out "build: what it made" $'built v\n1000' run "$b" -- cat /built /tmp/user
printf 'FROM localhost/bb:latest\nRUN exit 3\n' >"$W/ctx/Dockerfile"
fails "build: a failing RUN" 3 'exit status 3' buildah build --pull-never "${with[@]}" "$W/ctx"
