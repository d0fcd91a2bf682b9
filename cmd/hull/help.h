/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_HELP_H
#define HULL_CMD_HULL_HELP_H

struct cmd;
struct err;

/** help_print() - hull's own help, or that of @cmd, on standard output. */
int help_print(const char *program, const struct cmd *cmd, struct err *err);

/** help_usage() - the usage line of @cmd, or of hull, on standard error. */
void help_usage(const char *program, const struct cmd *cmd);

/** version_print() - what --version prints. */
int version_print(const char *program, struct err *err);

#endif
