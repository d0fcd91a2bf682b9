# SPDX-License-Identifier: Apache-2.0
src-namespaces := $(sort $(wildcard namespaces/*.c))
