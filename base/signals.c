/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include "base/auto.h"
#include "base/num.h"

/*
 * Real-time signals as glibc counts them: 32 and 33 belong to its threads, so
 * SIGRTMIN is 34. Constants, because the macros are function calls.
 */
#define RT_MIN 34
#define RT_MAX 64

/* clang-format off */
static const char *const names[] = {
	[SIGHUP] = "HUP",       [SIGINT] = "INT",       [SIGQUIT] = "QUIT",
	[SIGILL] = "ILL",       [SIGTRAP] = "TRAP",     [SIGABRT] = "ABRT",
	[SIGBUS] = "BUS",       [SIGFPE] = "FPE",       [SIGKILL] = "KILL",
	[SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV",     [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM",     [SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD",     [SIGCONT] = "CONT",
	[SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP",     [SIGTTIN] = "TTIN",
	[SIGTTOU] = "TTOU",     [SIGURG] = "URG",       [SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ",     [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
	[SIGWINCH] = "WINCH",   [SIGIO] = "IO",         [SIGPWR] = "PWR",
	[SIGSYS] = "SYS",
	[RT_MIN] = "RTMIN",
	"RTMIN+1",  "RTMIN+2",  "RTMIN+3",  "RTMIN+4",  "RTMIN+5",  "RTMIN+6",
	"RTMIN+7",  "RTMIN+8",  "RTMIN+9",  "RTMIN+10", "RTMIN+11", "RTMIN+12",
	"RTMIN+13", "RTMIN+14", "RTMIN+15", "RTMIN+16", "RTMIN+17", "RTMIN+18",
	"RTMIN+19", "RTMIN+20", "RTMIN+21", "RTMIN+22", "RTMIN+23", "RTMIN+24",
	"RTMIN+25", "RTMIN+26", "RTMIN+27", "RTMIN+28", "RTMIN+29",
	[RT_MAX] = "RTMAX",
};

static const struct {
	const char *name;
	int number;
} aliases[] = {
	{ "IOT",  SIGABRT },
	{ "CLD",  SIGCHLD },
	{ "POLL", SIGIO   },
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(names) == RT_MAX + 1, "one name per signal");

/* "RTMIN+N" and "RTMAX-N"; the plain names are in the table. */
static int rt_number(const char *text)
{
	uint32_t n;

	if (!strncasecmp(text, "RTMIN+", 6) && !num_u32(text + 6, &n) &&
	    n <= RT_MAX - RT_MIN)
		return RT_MIN + (int)n;
	if (!strncasecmp(text, "RTMAX-", 6) && !num_u32(text + 6, &n) &&
	    n <= RT_MAX - RT_MIN)
		return RT_MAX - (int)n;
	return -EINVAL;
}

int signal_number(const char *text)
{
	uint32_t n;

	if (!num_u32(text, &n))
		return n <= RT_MAX ? (int)n : -EINVAL;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcasecmp(text, names[i]))
			return (int)i;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcasecmp(text, aliases[i].name))
			return aliases[i].number;
	return rt_number(text);
}

const char *signal_name(int number)
{
	if (number < 0 || number >= (int)ARRAY_SIZE(names))
		return NULL;
	return names[number];
}
