#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each system call of a command fails once with each of seven errnos: no crash,
# no hang, a message when the command fails, and one `delete -f` afterwards leaves
# nothing. FAULT_STEP=N takes each Nth pair of call and errno; 1 takes all. (A
# multiple of 7 would leave errnos out.)
. "$(dirname "$0")/../support/lib.sh"
. "$(dirname "$0")/../support/sweep.sh"

STEP=${FAULT_STEP:-17}
# ENOMEM EMFILE ENOSPC EPERM EINTR EAGAIN ENOSYS
ERRNOS='12 24 28 1 4 11 38'

# sweep SETUP CMD...
sweep() {
	[ "$(uname -m)" = x86_64 ] || skip 'failat knows x86-64 only'
	setup=$1
	shift
	$setup
	"$TESTS/failat" 0 0 "$@" </dev/null >"$T/fail" 2>/dev/null
	tail -n 1 "$T/fail" >"$T/total"
	read -r total _ status <"$T/total"
	[ "$status" = 0 ] || fail "without a fault: status $status"
	clean 'after the whole run'
	[ "$total" -gt 20 ] || fail "only $total calls"
	pair=0 count=0
	while [ $pair -lt $((total * 7)) ]; do
		n=$((pair / 7 + 1))
		e=$(echo "$ERRNOS" | cut -d ' ' -f $((pair % 7 + 1)))
		$setup
		"$TESTS/failat" $n "$e" "$@" </dev/null >"$T/fail" 2>"$T/said"
		tail -n 1 "$T/fail" >"$T/total"
		read -r _ nr status <"$T/total"
		when="when call $n of $total (syscall $nr) fails with $e: $*"
		[ "$status" -lt 1000 ] || fail "signal or hang $status $when"
		[ "$status" = 0 ] || grep -q '^hull: ' "$T/said" || fail "status $status and no message $when"
		clean "$when"
		pair=$((pair + STEP)) count=$((count + 1))
	done
	echo "$count faults in $total calls, each with 7 errnos"
}
t_run() {
	bundle
	sh_args true
	sweep none "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
t_create() {
	bundle
	sh_args 'sleep 1000'
	sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
}
t_create_with_limits() {
	bundle '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}}'
	sh_args 'sleep 1000'
	sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
}
t_start() {
	bundle
	sh_args 'sleep 1000'
	sweep creating "$HULL" --root "$T/root" start "$TAG"
}
t_exec() {
	bundle
	sh_args 'sleep 1000'
	sweep running "$HULL" --root "$T/root" exec "$TAG" true
}
t_kill() {
	bundle
	sh_args 'sleep 1000'
	sweep running "$HULL" --root "$T/root" kill "$TAG" KILL
}
t_delete() {
	bundle
	sh_args 'sleep 1000'
	sweep dead "$HULL" --root "$T/root" delete "$TAG"
}
cases "$@"
