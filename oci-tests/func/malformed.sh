#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Thousands of broken configs: each is refused in one go and leaves nothing.
. "$(dirname "$0")/../support/lib.sh"

t_every_one_is_refused() {
	bundle
	python3 "$HERE/support/malformed.py" "$HULL" "$T"
}
cases "$@"
