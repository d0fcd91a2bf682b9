#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL to hull at its system-call boundaries: at each of SWEEP moments, spread
# over all there are, one `delete -f` afterwards leaves nothing, and `list` never
# fails. The census of run-func comes on top, after the last one.
. "$(dirname "$0")/../support/lib.sh"

SWEEP=${SWEEP:-200}

clean() { # when
	hull list >/dev/null 2>"$T/le" || fail "list failed $1: $(cat "$T/le")"
	timeout 30 "$HULL" --root "$T/root" delete -f "$TAG" 2>"$T/de" || fail "delete -f failed $1: $(cat "$T/de")"
	[ ! -e "$T/root/$TAG" ] || fail "a state directory is left $1"
	[ ! -e "$(cg2)/hull-test/$TAG" ] || fail "a cgroup is left $1"
	! grep -qF "$T/" /proc/self/mountinfo || fail "a mount is left $1"
}
# sweep SETUP CMD...: SETUP before each kill
sweep() {
	setup=$1
	shift
	$setup
	# not through a pipe, which the container would hold open
	"$TESTS/killat" 999999 "$@" </dev/null >"$T/total" 2>/dev/null || true
	total=$(tail -n 1 "$T/total")
	clean 'after the whole run'
	[ "$total" -gt 20 ] || fail "only $total boundaries"
	step=$(((total + SWEEP - 1) / SWEEP))
	n=1 count=0
	while [ $n -lt "$total" ]; do
		$setup
		"$TESTS/killat" $n "$@" </dev/null >/dev/null 2>&1 || true
		clean "after a kill at boundary $n of $total of: $*"
		n=$((n + step)) count=$((count + 1))
	done
	echo "$count kills over $total boundaries"
}
none() { :; }
creating() {
	hull create -b "$B" "$TAG" </dev/null >/dev/null 2>&1
}
running() {
	hull run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
}
dead() {
	running
	hull kill "$TAG" KILL
	hull wait "$TAG" >/dev/null 2>&1 || true
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
	SWEEP=$((SWEEP / 3 + 1)) sweep none "$HULL" --root "$T/root" create -b "$B" "$TAG"
}
cases "$@"
