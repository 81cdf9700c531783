/* SPDX-License-Identifier: Apache-2.0
 *
 * book_file.h - the notary's book on the log file of one directory, for a notary that is alone and has no journal.
 *
 * What it can keep is what the log has: workflows that begin and end in one document.  May call: base/, the core.
 */
#ifndef SERVICES_NOTARY_BOOK_FILE_H
#define SERVICES_NOTARY_BOOK_FILE_H

#include "services/notary/book.h"
#include "services/notary/ports.h"

struct book_file {
    struct book book;
    struct transparency_log *log;
};

void book_file_init(struct book_file *b, struct transparency_log *log);

#endif
