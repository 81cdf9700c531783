/* SPDX-License-Identifier: Apache-2.0
 *
 * files.h - whole small files, for the verbs of the command line that read and write what the user names.
 */
#ifndef SERVICES_NOTARY_FILES_H
#define SERVICES_NOTARY_FILES_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

/* Appends the file's bytes; `to` was made with a limit.  ERR_TOO_LARGE beyond it; ERR_IO, and errno says why. */
MUST_USE enum err file_read_whole(const char *path, struct text *to);

/* Makes or replaces the file.  ERR_IO, and errno says why. */
MUST_USE enum err file_write_whole(const char *path, struct bytes bytes);

#endif
