/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_FEATURES_SECCOMP_H
#define HULL_LIBCONTAINER_FEATURES_SECCOMP_H

#include <stddef.h>

struct json_gen;

/* The part of features that libseccomp's own header is needed for. */

/** features_seccomp() - write the member linux.seccomp. */
void features_seccomp(struct json_gen *g);

/** features_libseccomp() - the library's version, "2.5.4". */
void features_libseccomp(char *text, size_t size);

#endif
