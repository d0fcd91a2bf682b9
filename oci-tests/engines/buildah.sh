#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# buildah run and buildah build.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
need buildah script
make_image
begin
make_storage "$D"

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

rc "run: exit status" 9 run "$c" -- sh -c 'exit 9'
rc "run -t: exit status" 6 tty_of buildah run "${with[@]}" -t "$c" -- sh -c 'tty; sleep 1; stty size; exit 6'
saw "run -t: a terminal" '^/dev/pts/0'
saw "run -t: its size" '^33 77'
mkdir "$W/vol" && echo host >"$W/vol/file"
options() {
	echo from-stdin | run --user user --workingdir /tmp --env K=v --hostname there -v "$W/vol:/v:ro" \
		--mount type=tmpfs,dst=/t --cap-drop ALL "$c" -- sh -c '
		cat; echo "in $(id -u) $PWD $K $(hostname)"; cat /v/file; touch /v/x
		awk "\$2 == \"/t\" { print \"t\", \$3 }" /proc/mounts
		grep -E "CapEff|Seccomp:" /proc/self/status; echo kept >/tmp/kept'
}
ok "run: many options" options
saw "run: standard input" '^from-stdin$'
saw "run --user, --workingdir, --env, --hostname" '^in 1000 /tmp v there$'
saw "run -v" '^host$'
saw "run -v: read-only" 'Read-only file system'
saw "run --mount type=tmpfs" '^t tmpfs$'
saw "run --cap-drop" 'CapEff:.0000000000000000'
saw "run: seccomp" 'Seccomp:.2'
out "run: wrote" kept run "$c" -- cat /tmp/kept
fails "run: no such program" 1 'executable file not found' run "$c" -- nonexist
fails "run: not executable" 1 'permission denied' run "$c" -- /etc/text
has "run: much output" '^300000$' bash -c "timeout -k 5 60 buildah run ${with[*]} $c -- head -c 300000 /dev/zero | wc -c"
mkdir "$W/ctx"
printf 'FROM localhost/bb:latest\nENV K=v\nRUN echo built $K\nUSER user\nRUN id -u && exit 3\n' >"$W/ctx/Dockerfile"
fails "build: a failing RUN" 3 'exit status 3' buildah build --pull-never "${with[@]}" "$W/ctx"
saw "build: a RUN before" '^built v$'
saw "build: USER" '^1000$'
