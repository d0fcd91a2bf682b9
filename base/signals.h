/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_SIGNALS_H
#define HULL_BASE_SIGNALS_H

/**
 * signal_number() - "9", "KILL", "SIGKILL", "kill", "RTMIN+3", "SIGRTMAX-1".
 *
 * Return: 0..64 (0 only for the text "0"), or -EINVAL.
 */
int signal_number(const char *text);

/** signal_name() - "KILL" for 9, "RTMIN+3" ...; NULL for a number unknown. */
const char *signal_name(int number);

#endif
