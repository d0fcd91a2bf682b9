/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

#define DEFAULT_IDENT "hull"
#define SYSLOG_DAEMON                                          \
	(3 << 3) /* RFC 3164, 4.1.1: facility "system daemons" \
		  */

/**
 * struct entry - one log line before it is formatted.
 * @stage, @field: "" when not known
 * @code: negative errno or 0
 */
struct entry {
	enum log_level level;
	const char *msg;
	const char *stage;
	const char *field;
	int code;
	struct timespec time;
};

typedef void entry_format(struct strbuf *out, const struct entry *e);

static const struct {
	const char *name; /* as logrus, whose output callers know */
	int priority;     /* RFC 3164 severity, journald's PRIORITY= */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static void format_plain(struct strbuf *out, const struct entry *e);

/* The one sink of the process. */
static struct {
	int fd;
	enum log_level level;
	entry_format *format;
	char ident[64];
} sink = { STDERR_FILENO, LOG_LEVEL_WARN, format_plain, DEFAULT_IDENT };

/* ---- formats */

/* Problems on lines of their own become one line. */
static void add_joined(struct strbuf *out, const char *msg)
{
	for (;;) {
		size_t len = strcspn(msg, "\n");

		strbuf_addn(out, msg, len);
		if (!msg[len])
			return;
		strbuf_add(out, "; ");
		msg += len + 1;
	}
}

/* As a quoted string, which in JSON and in logrus's text is the same thing. */
static void add_quoted(struct strbuf *out, const char *msg)
{
	auto_strbuf struct strbuf line = STRBUF_INIT;

	add_joined(&line, msg);
	strbuf_add_json_string(out, line.s ? line.s : "");
}

/*
 * Days to a date in the Gregorian calendar, years begun in March (Hinnant,
 * "chrono-compatible low-level date algorithms"). Not gmtime(3): glibc reads
 * the zone file even for UTC, and after pivot_root(2) that would be the
 * image's own file.
 */
static void add_date(struct strbuf *out, int64_t days)
{
	const int64_t days_per_era = 146097;
	int64_t era, day_of_era, year, day_of_year, month;

	days += 719468; /* from 0000-03-01 to 1970-01-01 */
	era = days / days_per_era;
	day_of_era = days % days_per_era;
	year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
		day_of_era / 146096) /
	       365;
	day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	month = (5 * day_of_year + 2) / 153;
	strbuf_addf(out, "%04d-%02d-%02d",
		    (int)(year + era * 400 + (month >= 10)),
		    (int)(month < 10 ? month + 3 : month - 9),
		    (int)(day_of_year - (153 * month + 2) / 5 + 1));
}

/* RFC 3339, in UTC. */
static void add_time(struct strbuf *out, const struct timespec *t, bool nanos)
{
	int64_t now = t->tv_sec > 0 ? t->tv_sec : 0;
	int sec = (int)(now % 86400);

	add_date(out, now / 86400);
	strbuf_addf(out, "T%02d:%02d:%02d", sec / 3600, sec / 60 % 60,
		    sec % 60);
	if (nanos)
		strbuf_addf(out, ".%09ld", t->tv_nsec);
	strbuf_add(out, "Z");
}

/* "ENOENT", or NULL when there is none; musl knows no names. */
static const char *errno_name(int code)
{
#ifdef __GLIBC__
	return code < 0 ? strerrorname_np(-code) : NULL;
#else
	(void)code;
	return NULL;
#endif
}

static void format_json(struct strbuf *out, const struct entry *e)
{
	const char *name = errno_name(e->code);

	strbuf_addf(out, "{\"level\":\"%s\",\"msg\":", levels[e->level].name);
	add_quoted(out, e->msg);
	strbuf_add(out, ",\"time\":\"");
	add_time(out, &e->time, true);
	strbuf_add(out, "\"");
	if (*e->stage) {
		strbuf_add(out, ",\"stage\":");
		strbuf_add_json_string(out, e->stage);
	}
	if (*e->field) {
		strbuf_add(out, ",\"field\":");
		strbuf_add_json_string(out, e->field);
	}
	if (name)
		strbuf_addf(out, ",\"errno\":\"%s\"", name);
	strbuf_add(out, "}\n");
}

static void format_text(struct strbuf *out, const struct entry *e)
{
	const char *name = errno_name(e->code);

	strbuf_add(out, "time=\"");
	add_time(out, &e->time, false);
	strbuf_addf(out, "\" level=%s msg=", levels[e->level].name);
	add_quoted(out, e->msg);
	if (*e->stage) {
		strbuf_add(out, " stage=");
		strbuf_add_json_string(out, e->stage);
	}
	if (*e->field) {
		strbuf_add(out, " field=");
		strbuf_add_json_string(out, e->field);
	}
	if (name)
		strbuf_addf(out, " errno=%s", name);
	strbuf_add(out, "\n");
}

/* For a terminal: each problem on a line of its own. */
static void format_plain(struct strbuf *out, const struct entry *e)
{
	const char *msg = e->msg;

	for (;;) {
		size_t len = strcspn(msg, "\n");

		strbuf_add(out, "hull: ");
		if (e->level != LOG_LEVEL_ERROR)
			strbuf_addf(out, "%s: ", levels[e->level].name);
		strbuf_addn(out, msg, len);
		strbuf_add(out, "\n");
		if (!msg[len])
			return;
		msg += len + 1;
	}
}

/*
 * RFC 3164 as local daemons take it, without the host's name. The zone was
 * loaded by log_open(); localtime_r(3) reads no file any more.
 */
static void format_syslog(struct strbuf *out, const struct entry *e)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { .tm_mday = 1 };

	localtime_r(&e->time.tv_sec, &tm);
	strbuf_addf(out, "<%d>%.3s %2d %02d:%02d:%02d %s[%d]: ",
		    SYSLOG_DAEMON | levels[e->level].priority,
		    months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec, sink.ident, (int)getpid());
	add_joined(out, e->msg);
}

/* One field of systemd's "Native Journal Protocol". */
static void journal_field(struct strbuf *out, const char *key,
			  const char *value)
{
	uint64_t len = strlen(value);
	unsigned char little[8];

	strbuf_add(out, key);
	if (strchr(value, '\n')) {
		for (size_t i = 0; i < sizeof(little); i++)
			little[i] = (unsigned char)(len >> (8 * i));
		strbuf_add(out, "\n");
		strbuf_addn(out, little, sizeof(little));
	} else {
		strbuf_add(out, "=");
	}
	strbuf_add(out, value);
	strbuf_add(out, "\n");
}

static void format_journal(struct strbuf *out, const struct entry *e)
{
	journal_field(out, "MESSAGE", e->msg);
	strbuf_addf(out, "PRIORITY=%d\n", levels[e->level].priority);
	journal_field(out, "SYSLOG_IDENTIFIER", sink.ident);
	if (*e->stage)
		journal_field(out, "HULL_STAGE", e->stage);
	if (*e->field)
		journal_field(out, "HULL_FIELD", e->field);
	if (e->code < 0)
		strbuf_addf(out, "ERRNO=%d\n", -e->code);
}

/* ---- the sink */

static int open_file(const char *path, struct err *err)
{
	int fd;

	if (!*path)
		return err_set(err, -EINVAL, "log file name is empty");
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		  0644);
	if (fd < 0)
		return err_sys(err, "cannot open log file '%s'", path);
	return fd;
}

static int open_socket(const char *path, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, "cannot make a socket for the log");
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, "cannot connect to log socket '%s'", path);
	return take_fd(&fd);
}

static const struct {
	const char *prefix;
	const char *path;
	entry_format *format;
} sockets[] = {
	{ "journald:", "/run/systemd/journal/socket", format_journal },
	{ "syslog:", "/dev/log", format_syslog },
};

static void set_ident(const char *ident)
{
	if (!*ident)
		ident = DEFAULT_IDENT;
	snprintf(sink.ident, sizeof(sink.ident), "%s", ident);
	/* the receivers split lines */
	for (char *p = sink.ident; *p; p++)
		if ((unsigned char)*p <= ' ')
			*p = '_';
}

int log_open(const char *dest, enum log_format format, enum log_level level,
	     struct err *err)
{
	int fd;

	sink.level = level;
	if (!dest) {
		if (format == LOG_FORMAT_JSON)
			sink.format = format_json;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		if (!str_starts(dest, sockets[i].prefix))
			continue;
		fd = open_socket(sockets[i].path, err);
		if (fd < 0)
			return fd;
		tzset();
		set_ident(dest + strlen(sockets[i].prefix));
		sink.format = sockets[i].format;
		sink.fd = fd;
		return 0;
	}
	fd = open_file(str_starts(dest, "file:") ? dest + 5 : dest, err);
	if (fd < 0)
		return fd;
	sink.format = format == LOG_FORMAT_JSON ? format_json : format_text;
	sink.fd = fd;
	return 0;
}

void log_use_fd(int fd, enum log_format format, enum log_level level)
{
	sink.level = level;
	sink.format = format == LOG_FORMAT_JSON ? format_json : format_text;
	sink.fd = fd;
}

bool log_is_file(void)
{
	return sink.fd != STDERR_FILENO;
}

enum log_level log_level_get(void)
{
	return sink.level;
}

int log_fd(void)
{
	return log_is_file() ? sink.fd : -1;
}

/* One write(2), so that lines of several processes do not mix. There is nobody
 * to tell when it fails. */
static void emit(int fd, entry_format *format, const struct entry *e)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	ssize_t n;

	format(&out, e);
	if (!strbuf_ok(&out))
		return;
	do
		n = write(fd, out.s, out.len);
	while (n < 0 && errno == EINTR);
}

void log_error(const struct err *err)
{
	struct entry e = {
		.level = LOG_LEVEL_ERROR,
		.msg = err->msg,
		.stage = err->stage,
		.field = err->field,
		.code = err->code,
	};
	int saved = errno;

	if (!err->msg[0])
		e.msg = err_text(err->code);
	clock_gettime(CLOCK_REALTIME, &e.time);
	emit(sink.fd, sink.format, &e);
	/* engines match messages on stderr whatever the log is */
	if (log_is_file())
		emit(STDERR_FILENO, format_plain, &e);
	errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	struct entry e = { .level = level, .stage = "", .field = "" };
	char msg[sizeof(((struct err *)0)->msg)];
	int saved = errno;
	va_list args;

	if (level > sink.level)
		return;
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	e.msg = msg;
	clock_gettime(CLOCK_REALTIME, &e.time);
	emit(sink.fd, sink.format, &e);
	errno = saved;
}
