#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A container's state files cut, changed, swapped for links, pipes and more: no
# command hangs, none touches another container or a process that is not the
# container's, and `delete -f` ends clean.
. "$(dirname "$0")/../support/lib.sh"

ways='gone empty half cut flip1 flip2 flip3 zeros link_neighbour link_passwd link_nowhere
	link_loop dir full_dir pipe socket null huge mode_0 hard_link'
statuses='created running stopped'
[ -z "${SLOW:-}" ] || statuses=running

# hurt WAY FILE: done to the file of $TAG
hurt() {
	f=$T/root/$TAG/$2
	size=$(stat -c %s "$f")
	case $1 in
	half) truncate -s $((size / 2)) "$f" && return ;;
	cut) truncate -s $((size > 0 ? size - 1 : 0)) "$f" && return ;;
	flip*)
		at=$((size * ${1#flip} / 4))
		[ "$size" -gt 0 ] || return 0
		python3 -c '
import sys
f = open(sys.argv[1], "r+b")
f.seek(int(sys.argv[2]))
b = f.read(1)[0] ^ 4
f.seek(int(sys.argv[2]))
f.write(bytes([b]))' "$f" "$at"
		return
		;;
	mode_0) chmod 0 "$f" && return ;;
	esac
	rm "$f"
	case $1 in
	gone) ;;
	empty) : >"$f" ;;
	zeros) head -c 4096 /dev/zero >"$f" ;;
	link_neighbour) ln -s "../$TAG-n/$2" "$f" ;;
	link_passwd) ln -s /etc/passwd "$f" ;;
	link_nowhere) ln -s nowhere "$f" ;;
	link_loop) ln -s "$2" "$f" ;;
	dir) mkdir "$f" ;;
	full_dir) mkdir "$f" && echo >"$f/file" ;;
	pipe) mkfifo "$f" ;;
	socket) python3 -c '
import socket, sys, os
os.chdir(os.path.dirname(sys.argv[1]))
socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))' "$f" ;;
	null) mknod "$f" c 1 3 ;;
	huge) truncate -s 3G "$f" ;;
	# the same inode: what is removed here must not be emptied there
	hard_link) ln "$T/root/$TAG-n/$2" "$f" ;;
	esac
}
brief() { # command...: it may fail, and does not hang
	rc=0
	timeout 10 "$HULL" --root "$T/root" "$@" >"$T/o" 2>&1 </dev/null || rc=$?
	[ $rc -lt 124 ] || [ $rc = 255 ] || fail "status $rc $when: $*: $(cat "$T/o")"
}
one() { # way file status
	when="with $2 $1 of a container that is $3"
	# somebody else's process, beside the neighbour
	sleep 1000 &
	other=$!
	hull "$([ "$3" = created ] && echo create || echo run)" $([ "$3" = created ] || echo -d) \
		-b "$B" "$TAG" </dev/null >/dev/null 2>&1
	init=$(state pid)
	if [ "$3" = stopped ]; then
		hull kill "$TAG" KILL
		wait_for 5 is_stopped
	fi
	[ -e "$T/root/$TAG/$2" ] || fail "no $2 $when"
	hurt "$1" "$2"
	before=$(cat "$T/root/$TAG-n/state.json" "$T/root/$TAG-n/config.json")
	brief state "$TAG"
	brief exec "$TAG" true
	brief pause "$TAG"
	brief resume "$TAG"
	brief update --pids-limit 100 "$TAG"
	[ "$3" != created ] || brief start "$TAG"
	brief kill "$TAG" TERM
	brief list
	eq $rc 0 "list $when"
	has "$(cat "$T/o")" "$TAG-n"
	brief delete -f "$TAG"
	eq $rc 0 "delete -f $when: $(cat "$T/o")"
	[ ! -e "$T/root/$TAG" ] || fail "the state directory is left $when: $(ls -la "$T/root/$TAG")"
	[ ! -e "$(cg2)/hull-test/$TAG" ] || fail "the cgroup is left $when"
	! kill -0 "$init" 2>/dev/null || grep -q '^State:.*Z' "/proc/$init/status" ||
		fail "init $init is left $when"
	kill -0 $other || fail "another process was killed $when"
	kill $other
	eq "$(state status "$TAG-n")" running "the neighbour $when"
	[ "$(cat "$T/root/$TAG-n/state.json" "$T/root/$TAG-n/config.json")" = "$before" ] ||
		fail "the neighbour's files are others $when"
}
is_stopped() {
	[ "$(state status)" = stopped ]
}
all() { # file
	bundle '.linux.cgroupsPath += "-n"'
	sh_args 'sleep 1000'
	hull run -d -b "$B" "$TAG-n" </dev/null >/dev/null 2>&1
	cfg '.linux.cgroupsPath |= rtrimstr("-n")'
	for status in $statuses; do
		for way in $ways; do
			one "$way" "$1" $status
		done
	done
	grep -q '^root:' /etc/passwd || fail '/etc/passwd was changed'
	hull delete -f "$TAG-n"
}

t_state() {
	all state.json
}
t_config() {
	all config.json
}
t_gate() {
	ways='gone empty zeros link_passwd link_nowhere link_loop dir full_dir pipe socket null mode_0'
	statuses=created # who runs has none
	all gate.sock
}
# the directory itself
t_directory() {
	bundle
	sh_args 'sleep 1000'
	for to in /etc "$T/mine" nowhere; do
		mkdir -p "$T/root" "$T/mine"
		chmod 700 "$T/root"
		echo mine >"$T/mine/config.json"
		ln -s "$to" "$T/root/$TAG"
		when="with a link to $to"
		for cmd in state start kill 'delete' 'delete -f' pause; do
			# shellcheck disable=SC2086
			brief $cmd "$TAG"
		done
		brief list
		eq $rc 0
		[ -e "$T/mine/config.json" ] && [ -e /etc/passwd ] || fail "something else was removed $when"
		rm -f "$T/root/$TAG"
	done
	mkfifo "$T/root/$TAG"
	when='with a pipe'
	brief state "$TAG"
	brief delete -f "$TAG"
	brief list
	eq $rc 0
	rm -f "$T/root/$TAG"
}
cases "$@"
