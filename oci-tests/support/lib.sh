# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by oci-tests/func/*.sh. A test file defines functions t_NAME and ends
# with `cases "$@"`. Each case runs in a shell of its own (see run-func):
#   $T    fresh directory, removed afterwards
#   $TAG  word that marks everything the case makes (cgroups, interfaces)
#   $B    the bundle that `bundle` makes: $T/b
# A case fails when a command that it does not guard fails (set -e).

set -eu
umask 022
HERE=${HERE:-$(cd "$(dirname "$0")/.." && pwd)}
HULL=${HULL:-$HERE/../build/hull}
TESTS=${TESTS:-$HERE/../build/tests}
DATA=$HERE/data
B=${T:-}/b

# ---- verdicts

fail() {
	echo "FAILED: $*"
	exit 1
}
skip() {
	echo "SKIP: $*"
	exit 77
}
eq() { # got want [what]
	[ "$1" = "$2" ] || fail "${3:-value}: got '$1', expected '$2'"
}
has() { # text part
	case $1 in
	*"$2"*) ;;
	*) fail "no '$2' in: $1" ;;
	esac
}
hasnt() {
	case $1 in
	*"$2"*) fail "'$2' in: $1" ;;
	esac
}
status() { # expected status, command...
	want=$1
	shift
	rc=0
	"$@" || rc=$?
	[ "$rc" = "$want" ] || fail "status $rc, expected $want: $*"
}
# the command fails with 1 and says TEXT on stderr; nothing is left behind
refuses() { # text command...
	text=$1
	shift
	rc=0
	"$@" >"$T/refused.out" 2>"$T/refused" || rc=$?
	[ "$rc" -ne 0 ] || fail "was not refused: $*"
	grep -qF -- "$text" "$T/refused" || fail "no '$text' in: $(cat "$T/refused")"
}
no_sanitizers() { # why: the case cannot be had with them
	! ldd "$HULL" 2>/dev/null | grep -q asan || skip "with sanitizers: $1"
}
# hull-vmm, and what stands in for it, is executed inside of the container
stand_in_runs() {
	no_sanitizers 'their libraries are not in the rootfs'
}
wait_for() { # seconds command...
	n=$(($(patience "$1") * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || fail "never true: $*"
		sleep 0.05
	done
}

# ---- what kind of machine

is_v2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}
need_v2() {
	is_v2 || skip "needs pure cgroup v2 (this host is hybrid)"
}
need_systemd() {
	[ -d /run/systemd/system ] || skip "systemd is not running here"
}
need_cap() { # number name
	eff=$(awk '/CapEff/ {print $2}' /proc/self/status)
	[ $(((0x$eff >> $1) & 1)) = 1 ] || skip "this host lacks $2"
}
cg2() { # the cgroup2 mount
	if is_v2; then echo /sys/fs/cgroup; else echo /sys/fs/cgroup/unified; fi
}
kernel_at_least() { # major minor
	IFS=.- read -r k1 k2 _ <<-EOF
		$(uname -r)
	EOF
	[ "$k1" -gt "$1" ] || { [ "$k1" = "$1" ] && [ "$k2" -ge "$2" ]; }
}

# ---- which isolation (run-func: ISOLATION)

in_vm() {
	[ "${ISOLATION:-process}" = vm ]
}
# where a container takes SECONDS, and a guest must boot first
patience() { # seconds
	if in_vm; then echo $(($1 + 60)); else echo "$1"; fi
}
# how often to do what may go wrong now and then; a guest takes its time
rounds() { # number
	if in_vm; then echo 1; else seq "$1"; fi
}
# what `ps` calls the workload's first process: a guest has pids of its own
init_in_ps() {
	state pid
}

# where a limit on memory or processes holds: in the workload's kernel
limit() { # v1-controller file
	if in_vm; then
		hull exec "$TAG" cat "/sys/fs/cgroup/$2"
	elif is_v2; then
		cat "/sys/fs/cgroup/hull-test/$TAG/$2"
	else
		cat "/sys/fs/cgroup/$1/hull-test/$TAG/$2"
	fi
}

# as /proc shows it to whoever shares that kernel
namespace_of_init() { # name in /proc/PID/ns
	if in_vm; then
		hull exec "$TAG" readlink "/proc/1/ns/$1"
	else
		readlink "/proc/$(state pid)/ns/$1"
	fi
}

# ---- bundles

hull() {
	"$HULL" --root "$T/root" "$@"
}
# a busybox rootfs, made once a run and copied
rootfs() { # dir
	(mkdir -p "$1" && cd "$1" && mkdir -p bin dev etc proc sys tmp root var run usr/bin)
	chmod 1777 "$1/tmp"
	cp /bin/busybox "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s /bin
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' >"$1/etc/group"
}
copy_rootfs() {
	if [ -n "${SHARED:-}" ]; then
		cp -a --reflink=auto "$SHARED/rootfs" "$1"
	else
		rootfs "$1"
	fi
	[ ! -d "$TESTS" ] || [ ! -e "$TESTS/probe" ] || cp "$TESTS/probe" "$1/bin/probe"
}
# cfg FILTER [ARGS]: change the bundle's config.json with jq
cfg() {
	jq "$@" "$B/config.json" >"$B/config.new"
	mv "$B/config.new" "$B/config.json"
}
# bundle [FILTER [ARGS]]: hull's own default config, no terminal, a cgroup of
# its own
bundle() {
	mkdir -p "$B"
	copy_rootfs "$B/rootfs"
	hull spec -b "$B"
	cfg --arg cg "/hull-test/$TAG" \
		'.process.terminal = false | .linux.cgroupsPath = $cg'
	[ $# -eq 0 ] || cfg "$@"
}
# args WORD...: process.args
args() {
	jq -n '$ARGS.positional' --args -- "$@" >"$T/args.json"
	cfg --slurpfile a "$T/args.json" '.process.args = $a[0]'
}
# sh_args SCRIPT: a shell runs SCRIPT
sh_args() {
	cfg --arg s "$1" '.process.args = ["sh", "-c", $s]'
}
# run_sh SCRIPT: run the bundle's container in the foreground with this script
run_sh() {
	sh_args "$1"
	hull run -b "$B" "$TAG"
}
state() { # [id] field
	hull state "${2:-$TAG}" | jq -r ".$1"
}
# started [SCRIPT]: a detached container that sleeps (or runs SCRIPT)
started() {
	sh_args "${1:-sleep 1000}"
	hull run -d -b "$B" "${2:-$TAG}" </dev/null >"$T/out" 2>&1
}

# full_socket PATH: a socket whose queue is full, so that connect(2) to it waits
# until $listener is killed
full_socket() {
	python3 -c '
import socket, sys, time
s, c = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(0)
c.connect(sys.argv[1])
open(sys.argv[1] + ".full", "w")
time.sleep(60)' "$1" &
	listener=$!
	wait_for 10 test -e "$1.full"
}
# a container'"'"'s script that tells of each process but its own whether it can
# look into it: its program is not busybox, or cannot be told
look_at_others='while sleep 0.05; do
	for p in /proc/[0-9]*; do
		[ -e $p ] && exe=$(readlink $p/exe || echo CLOSED) && [ -e $p ] || continue
		case $exe in
		/bin/busybox) ;;
		CLOSED) echo CLOSED ;;
		*) echo "SEEN $exe" ;;
		esac
	done
done 2>/dev/null'

# ended STATUS: wait says so. Before Linux 6.15 nothing of a reaped process is
# kept: who begins to wait after the end is told that nobody saw how.
ended() {
	rc=0
	hull wait "$TAG" 2>"$T/ended" || rc=$?
	[ "$rc" != "$1" ] || return 0
	if kernel_at_least 6 15 || ! grep -q 'nobody saw how' "$T/ended"; then
		fail "wait: status $rc, expected $1: $(cat "$T/ended")"
	fi
}

# ---- census: what carries the tag

census() {
	grep -F -e "$T/" -e "$TAG" /proc/self/mountinfo | sed 's/^/mount: /' || true
	find /sys/fs/cgroup -maxdepth 6 -type d -name "*$TAG*" 2>/dev/null |
		sed 's/^/cgroup: /'
	grep -lF "$TAG" /proc/[0-9]*/cgroup 2>/dev/null | while read -r p; do
		p=${p%/cgroup}
		# a zombie is its parent's business: it has left everything else
		st=$(grep '^State:' "$p/status" 2>/dev/null) || continue
		case $st in
		*Z* | *X*) ;;
		*) echo "process: ${p#/proc/} $(cat "$p/cmdline" 2>/dev/null | tr '\0' ' ')" ;;
		esac
	done
	if [ -d "$T/root" ]; then
		find "$T/root" -mindepth 1 -maxdepth 1 ! -name .cache | sed 's/^/state: /'
	fi
	ip -o link 2>/dev/null | grep -F "${TAG#hull-}" | sed 's/^/interface: /' || true
}

# ---- entry: --list, or --case NAME

cases() {
	case ${1:-} in
	--list)
		sed -n 's/^\(t_[a-zA-Z0-9_]*\)() *{.*/\1/p' "$0"
		;;
	--case)
		"$2"
		;;
	*)
		echo "run it by oci-tests/support/run-func $0" >&2
		exit 2
		;;
	esac
}
