# SPDX-License-Identifier: Apache-2.0
man-pages := $(sort $(wildcard man/*.[1-8]))

.PHONY: check-man
check-man: $(BUILD)/hull ## compare the manual pages with the option tables
	$(Q)man/check $(BUILD)/hull
