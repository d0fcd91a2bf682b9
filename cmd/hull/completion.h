/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_COMPLETION_H
#define HULL_CMD_HULL_COMPLETION_H

#include <stdbool.h>

struct cmd;
struct opt;
struct strbuf;

/** enum takes - what a shell offers behind an option; from its value's name. */
enum takes { TAKES_NOTHING, TAKES_TEXT, TAKES_FILE, TAKES_DIR, TAKES_WORDS };

enum takes completion_takes(const struct opt *opt);

/** completion_words() - "a|b|c" with blanks in place of the bars. */
void completion_words(struct strbuf *out, const char *words);

/** completion_wants_id() - true when the first operand is a container's id. */
bool completion_wants_id(const struct cmd *cmd);

void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);
void completion_fish(struct strbuf *out);

/** completion_mdoc() - "PAGE.1<tab>.It ..." for each option: see man/check. */
void completion_mdoc(struct strbuf *out);

#endif
