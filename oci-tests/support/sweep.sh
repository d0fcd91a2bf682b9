# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the tests that break a command at each of its steps: what a
# container is before the command, and what must be gone after one `delete -f`.

clean() { # when
	hull list >/dev/null 2>"$T/le" || fail "list failed $1: $(cat "$T/le")"
	timeout 30 "$HULL" --root "$T/root" delete -f "$TAG" 2>"$T/de" || fail "delete -f failed $1: $(cat "$T/de")"
	[ ! -e "$T/root/$TAG" ] || fail "a state directory is left $1"
	[ ! -e "$(cg2)/hull-test/$TAG" ] || fail "a cgroup is left $1"
	! grep -qF "$T/" /proc/self/mountinfo || fail "a mount is left $1"
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
