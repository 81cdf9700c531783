/* SPDX-License-Identifier: Apache-2.0
 *
 * documents.h - what administrators keep with the instance as a whole: JSON texts, by kind and name.
 *
 * Clusters, resource groups, isolation policies and the like are rows "KIND/NAME" of CATALOG_BROKER, with a JSON text
 * as their value, and nothing beside the rows.  What stands in a text is the admin interface's business; nobody else
 * reads it.  Each call answers at once; a change is durable after broker_when_durable.  Core thread. May call: store/,
 * names.h.
 *
 * A name may have slashes in it ("CLUSTER/DOMAIN"), a kind has none.
 */
#ifndef BROKER_DOCUMENTS_H
#define BROKER_DOCUMENTS_H

#include "base/bytes.h"
#include "broker/refusal.h"

struct broker;

#define DOCUMENT_BYTES_MAX (64 * 1024)
#define DOCUMENT_NAME_MAX  1024
#define DOCUMENTS_MAX      10000 /* of one kind */

/* Borrowed until the next change of the catalog.  False: there is none of this name. */
bool document_find(struct broker *b, const char *kind, struct bytes name, struct bytes *value);

/* Makes it, or replaces what it says.  ERR_TOO_LARGE: the value; ERR_INVALID: the name is empty, or too long; ERR_FULL:
 * there are as many as there may be. */
MUST_USE enum err document_put(struct broker *b, const char *kind, struct bytes name, struct bytes value,
                               struct refusal *why);
/* ERR_NOT_FOUND. */
MUST_USE enum err document_remove(struct broker *b, const char *kind, struct bytes name, struct refusal *why);
/* The same of one that need not be there. */
MUST_USE enum err document_forget(struct broker *b, const char *kind, struct bytes name, struct refusal *why);

/* Those whose names begin with `prefix`, in the order of their names, which are given without it.  `each` returns false
 * to stop, and changes nothing. */
typedef bool document_visitor(void *ctx, struct bytes name, struct bytes value);
void documents_each(struct broker *b, const char *kind, struct bytes prefix, document_visitor *each, void *ctx);

#endif
