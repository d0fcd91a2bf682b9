# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the tests of one engine each. RT=hull (default) or the name of
# another runtime that is installed, to compare with. Nothing outside $D is
# used: the engine gets its roots there. The last check of each is a census.
#
#   ok    NAME CMD...          status 0
#   rc    NAME N CMD...        status N
#   out   NAME TEXT CMD...     status 0 and exactly TEXT (both streams)
#   has   NAME REGEX CMD...    status 0 and a line that matches
#   fails NAME N REGEX CMD...  status N (a pattern) and a line that matches
#   saw   NAME REGEX           the last command, run by one of these, said it
#   runs  NAME CMD...          any status: what it says is for saw
#
# What failed shows what it said. CMD may be a function; engines are called
# with a time limit (see limit).

set -u
umask 022
export LC_ALL=C.UTF-8
engine=$(basename "$0" .sh)
here=$(cd "$(dirname "$0")" && pwd)
RT=${RT:-hull}
case $RT in
hull) RUNTIME=$(realpath "${HULL:-$here/../../build/hull}") ;;
*) RUNTIME=$(command -v "$RT") ;;
esac
passed=0 failed=0 skipped=0

[ "$(id -u)" = 0 ] || { echo "$engine: must be root" >&2; exit 2; }
[ -x "$RUNTIME" ] || { echo "$engine: no runtime '$RT'" >&2; exit 2; }
D=$(mktemp -d "/tmp/hull-$engine.XXXXXX")
W=$D/work # for the checks
mkdir "$W"

limit() { timeout -k 5 "${LIMIT:-120}" "$@"; }

need() { # command... : the whole test is skipped without
	local c
	for c; do
		command -v "$c" >/dev/null || {
			echo "skip $engine: no $c here"
			echo "engines/$engine: 0 passed, 0 failed, 1 skipped"
			rmdir "$W" "$D"
			exit 0
		}
	done
}

# ---- verdicts

verdict() { # name reason ('' is good)
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok   $1${TIMES:+ ($SECONDS s)}"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $2"
		tail -n "${LINES_SHOWN:-12}" "$D/out" | cut -c 1-400 | sed 's/^/     | /'
	fi
}
skip() { # name reason
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}
# a check chosen by PICK (a regular expression) or none: all
picked() { [[ $1 =~ ${PICK:-.} ]]; }
# without what script(1) shows of the end of its input
said() { tr -d '\r\b' <"$D/out" | sed 's/^\^[@D]//'; }
attempt() { # status command...: sets why
	local want=$1 got=0
	shift
	"$@" >"$D/out" 2>&1 </dev/null || got=$?
	why=
	# shellcheck disable=SC2053
	[[ $want = any || $got = $want ]] || why="status $got, expected $want"
}
fails() {
	local name=$1 want=$2 re=$3
	shift 3
	picked "$name" || return 0
	attempt "$want" "$@"
	[ -n "$why$re" ] && { [ -n "$why" ] || said | grep -qE -- "$re" ||
		why="nothing matches '$re'"; }
	verdict "$name" "$why"
}
has() {
	local name=$1 re=$2
	shift 2
	fails "$name" 0 "$re" "$@"
}
out() {
	local name=$1 text=$2
	shift 2
	picked "$name" || return 0
	attempt 0 "$@"
	[ -n "$why" ] || [ "$(said)" = "$text" ] || why="not '$text'"
	verdict "$name" "$why"
}
rc() {
	local name=$1 want=$2
	shift 2
	fails "$name" "$want" '' "$@"
}
ok() {
	local name=$1
	shift
	fails "$name" 0 '' "$@"
}
saw() {
	picked "$1" || return 0
	why=
	said | grep -qE -- "$2" || why="nothing matches '$2'"
	verdict "$1" "$why"
}
runs() {
	local name=$1
	shift
	fails "$name" any . "$@"
}
wait_for() { # seconds command...
	local n=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || { echo "never true: $*"; return 1; }
		sleep 0.2
	done
}
# the command under a terminal of its own, 33 rows by 77 columns
on_tty() {
	script -qec "stty rows 33 cols 77; $(printf '%q ' "$@")" /dev/null
}
tty_of() { limit "$(type -P bash)" -c "$(declare -f on_tty); on_tty \"\$@\"" _ "$@"; }

# ---- a small image

make_rootfs() { # directory
	local d
	for d in bin dev etc proc sys tmp root var/data home/user; do
		mkdir -p "$1/$d"
	done
	chmod 1777 "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	# one process for all: a fork is dear in the emulated machine
	busybox --list | (cd "$1/bin" && perl -ne 'chomp; symlink "busybox", $_')
	echo "from the image" >"$1/var/data/file"
	echo "not a program" >"$1/etc/text"
	printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nmore:x:2000:user\n' >"$1/etc/group"
	chown 1000:1000 "$1/home/user"
}
make_image() { # an OCI image in $D/image.tar, its tree in $D/rootfs(.tar)
	make_rootfs "$D/rootfs"
	tar -C "$D/rootfs" -cf "$D/rootfs.tar" .
}
# for tests: fills memory until it is killed
export FILL='dd if=/dev/zero of=/dev/null bs=64M count=1'

# ---- what is left behind

# containers of a runtime called without --root
default_states() {
	ls -d /run/hull/[!.]* /run/runc/* /run/crun/* 2>/dev/null
}
# without what systemd does by itself meanwhile
cgroup_tree() {
	find /sys/fs/cgroup -mindepth 1 -type d |
		grep -vE '^/sys/fs/cgroup/(init.scope|user.slice|system.slice)(/|$)'
}
census() {
	awk '{ print "mount " $5 " " $9 }' /proc/self/mountinfo
	cgroup_tree | sed 's/^/cgroup /'
	default_states | sed 's/^/state /'
	ip -o link | awk '{ print "interface " $2 }'
	ls /run/netns 2>/dev/null | sed 's/^/netns /'
	pgrep -af "$D/" | grep -vE "^($$|[0-9]+ diff) " | sed 's/^/process /'
}
# empty parents that an engine asked its runtime for and never removes
drop_parents() { # cgroup...
	local p d
	for p; do
		for d in "/sys/fs/cgroup/$p" /sys/fs/cgroup/*/"$p"; do
			[ ! -d "$d" ] || find "$d" -depth -type d -exec rmdir {} + 2>/dev/null
		done
	done
}
nothing_left() {
	local n=25
	while ! diff "$D/before" <(census | sort) >"$D/diff" && [ $n -gt 0 ]; do
		n=$((n - 1))
		sleep 0.2
	done
	cat "$D/diff"
	[ ! -s "$D/diff" ]
}
begin() {
	census | sort >"$D/before"
	started=$SECONDS
	echo "== $engine: $("$RUNTIME" --version | head -n 1)"
	trap finish EXIT
	trap 'exit 130' INT TERM HUP
}
# engines define stop_engine
finish() {
	trap - EXIT
	stop_engine >"$D/stop" 2>&1
	picked "nothing is left" && ok "nothing is left behind" nothing_left
	awk -v d="$D/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo |
		sort -r | while read -r m; do umount -l "$m"; done
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$D"
	echo "engines/$engine: $passed passed, $failed failed, $skipped skipped, $((SECONDS - started)) s"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}
kill_wait() { # pid: end a daemon and wait for it
	kill "$1" && wait_for 20 test ! -d "/proc/$1" || kill -9 "$1"
}
