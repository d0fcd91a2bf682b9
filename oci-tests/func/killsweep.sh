#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL to hull at its system-call boundaries: at each of SWEEP moments, spread
# over all there are, one `delete -f` afterwards leaves nothing, and `list` never
# fails. The census of run-func comes on top, after the last one.
. "$(dirname "$0")/../support/lib.sh"
. "$(dirname "$0")/../support/sweep.sh"

SWEEP=${SWEEP:-200}

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
