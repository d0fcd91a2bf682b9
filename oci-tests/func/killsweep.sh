#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL at system-call boundaries, hull's own and those of the processes it
# makes: once to hull, wherever the boundary is, once to the child that stands
# there. One `delete -f` afterwards leaves nothing, and `list` never fails. The
# census of run-func comes on top, after the last one. SWEEP=N: at most N moments
# of each case, spread over all there are.
. "$(dirname "$0")/../support/lib.sh"
. "$(dirname "$0")/../support/sweep.sh"

SWEEP=${SWEEP:-150}

# a pid namespace ends when what joined it is reaped, and killed hulls leave that
# to others
if [ "${1:-}" = --case ] && [ -z "${REAPED:-}" ]; then
	REAPED=1 exec "$TESTS/subreaper" -a sh "$0" "$@"
fi

# killed WHO N CMD...: sets total and ended
killed() {
	# not through a pipe, which the container would hold open
	"$TESTS/killat" "$@" </dev/null >"$T/kill" 2>"$T/said" || true
	tail -n 1 "$T/kill" >"$T/total"
	read -r total ended <"$T/total"
}
# sweep_of WHO SETUP CMD...: SETUP before each kill
sweep_of() {
	who=$1 setup=$2
	shift 2
	$setup
	killed "$who" 0 "$@"
	eq "$ended" 0 "the status of $*"
	clean 'after the whole run'
	step=$(((total + SWEEP - 1) / SWEEP))
	n=1 count=0 all=$total
	while [ $n -le "$all" ]; do
		when="after SIGKILL to $who at boundary $n of $all of: $*"
		$setup
		killed "$who" $n "$@"
		[ "$ended" != 2000 ] || fail "hung $when"
		if [ "$who" = child ] && [ "$ended" != 0 ] && [ "$ended" -lt 128 ]; then
			grep -q '^hull: ' "$T/said" || fail "status $ended and no message $when"
		fi
		clean "$when"
		n=$((n + step)) count=$((count + 1))
	done
	echo "$count kills of $who over $all boundaries"
}
sweep() { # SETUP CMD...
	sweep_of self "$@"
	[ "$all" -gt 20 ] || fail "only $all boundaries"
	sweep_of child "$@"
}
t_run() {
	bundle
	sh_args true
	sweep none "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
t_run_detached() {
	bundle
	sh_args 'sleep 1000'
	sweep none "$HULL" --root "$T/root" run -d -b "$B" "$TAG"
}
t_create() {
	bundle
	sh_args 'sleep 1000'
	sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
}
# a process joins them first, and makes init
t_create_joined() {
	bundle
	sh_args 'sleep 1000'
	unshare --fork --pid --ipc sleep 1000 &
	holder=$!
	wait_for 5 sh -c "pgrep -P $holder"
	other=$(pgrep -P $holder)
	cfg --arg p "/proc/$other/ns" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "pid" or .type == "ipc" then .path = $p + "/" + .type else . end]'
	sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
	kill -9 "$other"
	wait $holder || true
}
t_run_with_hooks() {
	bundle '.hooks = (["createRuntime", "createContainer", "startContainer", "poststart", "poststop"] |
		map({(.): [{path: "/bin/true"}]}) | add)'
	sh_args true
	sweep none "$HULL" --root "$T/root" run -b "$B" "$TAG"
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
t_delete_force() {
	bundle
	sh_args 'sleep 1000'
	sweep running "$HULL" --root "$T/root" delete -f "$TAG"
}
t_create_with_limits() {
	bundle '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}}'
	sh_args 'sleep 1000'
	sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
}
cases "$@"
