# SPDX-License-Identifier: Apache-2.0
man-pages := $(sort $(wildcard man/*.[1-8]))
