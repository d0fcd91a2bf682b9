/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_UNDO_H
#define HULL_CGROUPS_UNDO_H

#include <stdbool.h>
#include <stddef.h>

/**
 * cg_undo_text() - what has to be written to a file so that it is as before.
 * @file:  its name
 * @value: what was written since
 * @old:   all that could be read from it before
 *
 * Most files hold one value. Files with one line per device change the line of
 * the device that is named in the value; a device without a line has the
 * file's neutral value.
 *
 * Return: false when no single write can do it.
 */
bool cg_undo_text(const char *file, const char *value, const char *old,
		  char *out, size_t size);

#endif
