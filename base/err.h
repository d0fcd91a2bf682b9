/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_ERR_H
#define HULL_BASE_ERR_H

#include <stdarg.h>

/**
 * struct err - why a call failed, for a person and for the JSON log.
 * @code:  negative errno, 0 while nothing failed
 * @stage: step of the pipeline ("config", "cgroup", "mount", ...), or ""
 * @field: JSON path in config.json ("linux.resources.cpu.shares"), or ""
 * @msg:   lower case, what failed first, subject in quotes, no full stop;
 *         several problems are separated by '\n'
 *
 * Flat and without pointers, so that a child can send it byte for byte over
 * the sync socket. Functions that take a struct err * fill it on failure and
 * leave it untouched on success; NULL is allowed and means "do not care".
 */
struct err {
	int code;
	char stage[32];
	char field[256];
	char msg[2048];
};

/**
 * err_set() - fill in an error.
 * @code: negative errno; returned unchanged
 */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_sys() - fill in an error from errno; ": <lower-case reason>" is added.
 *
 * Return: -errno as it was on entry.
 */
int err_sys(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * err_code() - as err_sys(), but with a given negative errno as the reason.
 */
int err_code(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_at() - fill in an error that belongs to a place in config.json.
 * @field: JSON path; becomes the beginning of the message: "FIELD: ..."
 */
int err_at(struct err *err, int code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * err_add() - add one more problem (a line) to an error; the first one sets
 * code and field. What does not fit is counted in a last line
 * "... and N more".
 */
int err_add(struct err *err, int code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * err_wrap() - put "PREFIX: " before the message that is already there.
 *
 * Return: err->code, or -EIO when nothing had been set.
 */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** err_stage() - name the step, unless a deeper call has named one already. */
int err_stage(struct err *err, const char *stage);

/**
 * err_text() - the reason of an errno as the callers' pattern matching wants
 * it: glibc's text with a lower-case first letter ("no such file or
 * directory"; see contracts: docker and podman match lower case).
 * @code: errno, positive or negative
 *
 * Return: a string that lives until the next call.
 */
const char *err_text(int code);

#endif
