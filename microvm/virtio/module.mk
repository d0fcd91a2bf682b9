# SPDX-License-Identifier: Apache-2.0
src-microvm/virtio := $(sort $(wildcard microvm/virtio/*.c))
