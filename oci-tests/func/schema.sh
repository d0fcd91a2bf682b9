#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# state, events and features against JSON schemas: data/schema, written from the
# specification's text and strict about what hull adds; and the specification's
# own, where SPEC_SCHEMAS names a folder with them.
. "$(dirname "$0")/../support/lib.sh"

# valid SCHEMA [FILE]: by ours, and by the specification's of the same thing
valid() {
	said=$(python3 "$HERE/support/validate.py" "$DATA/schema/$1.json" <"${2:-$T/doc}") ||
		fail "$1: $said in: $(cat "${2:-$T/doc}")"
	[ -n "${SPEC_SCHEMAS:-}" ] && [ -e "$SPEC_SCHEMAS/$1-schema.json" ] || return 0
	# a status of the runtime's own may be added, says runtime.md
	said=$(ALLOW=paused python3 "$HERE/support/validate.py" \
		"$SPEC_SCHEMAS/$1-schema.json" <"${2:-$T/doc}") ||
		fail "the specification's $1: $said in: $(cat "${2:-$T/doc}")"
}
# what is made of the document by FILTER is not valid
invalid() { # schema filter
	jq "$2" "$T/doc" >"$T/bad"
	! python3 "$HERE/support/validate.py" "$DATA/schema/$1.json" <"$T/bad" >/dev/null ||
		fail "$2 is valid"
}
valid_state() { # expected status
	hull state "$TAG" >"$T/doc"
	eq "$(jq -r .status "$T/doc")" "$1"
	valid state
}
is_stopped() {
	[ "$(state status)" = stopped ]
}
life() { # hull's options for the container
	hull "$@" create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 ||
		fail "$(cat "$T/out")"
	valid_state created
	hull start "$TAG"
	valid_state running
	hull events --stats "$TAG" >"$T/doc"
	valid events
	hull pause "$TAG"
	valid_state paused
	hull resume "$TAG"
	hull kill "$TAG" KILL
	wait_for 5 is_stopped
	valid_state stopped
	ended=.exit
	! kernel_at_least 6 15 || ended='.exit.signal == 9' # older: known to who waited only
	jq -e "$ended and .pid == 0" "$T/doc" >/dev/null || fail "$(cat "$T/doc")"
	hull delete "$TAG"
}

t_features() {
	hull features >"$T/doc"
	valid features
	invalid features 'del(.ociVersionMax)'
	invalid features '.linux.capabilities[0] = "chown"'
	invalid features '.linux.more = 1'
}
t_state() {
	bundle '.annotations = {"a": "b", " ": "c\n\"d"}'
	sh_args 'sleep 1000'
	life
	started
	hull state "$TAG" >"$T/doc"
	for f in 'del(.id)' '.pid = "1"' '.pid = -1' '.status = "dead"' \
		'.bundle = "b"' '.annotations.x = 1' '.created = "now"' '.extra = 1'; do
		invalid state "$f"
	done
	hull delete -f "$TAG"
}
# as it is given to hooks
t_state_of_hooks() {
	bundle
	cfg --arg t "$T" '.annotations = {"a": "b"} | .hooks = ([
			["createRuntime", "creating"], ["createContainer", "creating"],
			["poststart", "running"], ["poststop", "stopped"]] |
		map({(.[0]): [{path: "/bin/sh", args: ["sh", "-c",
			("cat >" + $t + "/hook." + .[0] + "." + .[1])]}]}) | add)'
	run_sh true
	for f in createRuntime.creating createContainer.creating poststart.running poststop.stopped; do
		eq "$(jq -r .status "$T/hook.$f")" "${f#*.}" "$f"
		jq '. + {rootfs: "/r", created: "2000-01-01T00:00:00Z", owner: "", isolation: "process"} |
			.pid = (.pid // 0)' "$T/hook.$f" >"$T/doc"
		valid state
	done
}
t_state_of_a_microvm() {
	[ -c /dev/kvm ] || skip 'needs /dev/kvm'
	stand_in_runs
	mkdir -p "$T/bin"
	cp "$HULL" "${HULL%/*}/hull-net" "$T/bin/"
	cp "$TESTS/fakevmm" "$T/bin/hull-vmm"
	echo kernel >"$T/bin/vmlinux"
	echo initrd >"$T/bin/initrd.cpio"
	HULL=$T/bin/hull
	hull features >"$T/doc"
	valid features
	jq -e .vm.enabled "$T/doc" >/dev/null || skip "no microVM here: $(jq -r .vm.reason "$T/doc")"
	bundle
	args true fake:wait
	life --isolation vm
	args true fake:panic
	status 126 hull --isolation vm run --keep -b "$B" "$TAG"
	valid_state stopped
	hull delete "$TAG"
}
t_events() {
	bundle '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 50}}'
	sh_args 'sleep 1; dd if=/bin/busybox of=/tmp/x; probe alloc 100; sleep 1000'
	hull run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	timeout "$(patience 15)" "$HULL" --root "$T/root" events --interval 300ms "$TAG" >"$T/stream" 2>/dev/null &
	stream=$!
	wait_for 12 grep -q '"oom"' "$T/stream"
	hull kill "$TAG" KILL
	wait $stream
	valid events "$T/stream"
	grep '"stats"' "$T/stream" | tail -n 1 >"$T/doc"
	for f in 'del(.id)' 'del(.data)' '.type = "other"' '.data.cpu.usage.total = -1' \
		'.data.memory.raw.cache = "1"' '.data.pids.more = 1' '.data.cpu.psi = {"some": {}}'; do
		invalid events "$f"
	done
	# one line for each event
	eq "$(wc -l <"$T/stream")" "$(jq -s length "$T/stream")"
	hull delete -f "$TAG"
}
# the validator itself: the specification's good and bad examples
t_spec_examples() {
	[ -n "${SPEC_SCHEMAS:-}" ] || skip "SPEC_SCHEMAS names no folder with the specification's schemas"
	for kind in state features; do
		for f in "$SPEC_SCHEMAS/test/$kind"/good/*; do
			python3 "$HERE/support/validate.py" "$SPEC_SCHEMAS/$kind-schema.json" <"$f" || fail "$f"
		done
		for f in "$SPEC_SCHEMAS/test/$kind"/bad/*; do
			! python3 "$HERE/support/validate.py" "$SPEC_SCHEMAS/$kind-schema.json" <"$f" || fail "$f is valid"
		done
	done
}
cases "$@"
