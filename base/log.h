/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_LOG_H
#define HULL_BASE_LOG_H

#include <stdbool.h>

struct err;

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/**
 * log_open() - choose where log lines go. The only process-wide state below
 * cmd/; called by cmd/ alone, once.
 * @dest:   path of a file (created 0644, appended to), "file:PATH",
 *          "journald:IDENT", "syslog:IDENT", or NULL for stderr
 * @format: text or JSON (one object per line, keys level, msg, time
 *          (RFC 3339), and stage, field, errno where known)
 * @level:  lines above it are dropped
 *
 * Return: 0, or -errno of opening the destination.
 */
int log_open(const char *dest, enum log_format format, enum log_level level,
	     struct err *err);

/** log_use_fd() - as log_open(), with a descriptor that is open already. */
void log_use_fd(int fd, enum log_format format, enum log_level level);

/** log_is_file() - true when log lines go somewhere else than stderr. */
bool log_is_file(void);

/** log_level_get() - the level chosen by log_open(), LOG_LEVEL_WARN before. */
enum log_level log_level_get(void);

/**
 * log_fd() - the descriptor that log lines go to, or -1; for code that sweeps
 * descriptors and for a child that must not keep it.
 */
int log_fd(void);

/**
 * log_error() - report the error that ends the program: one line in the log
 * with stage, field and errno as keys of their own. Only cmd/ calls it.
 */
void log_error(const struct err *err);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
