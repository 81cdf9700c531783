/* SPDX-License-Identifier: Apache-2.0
 *
 * json_form.h - how schemas of type JSON were written before they were Avro's: Jackson's JSON schema.
 *
 * Old topics have them still.  Pulsar looks at their "type" and their "id" only, and so do we.
 */
#ifndef SCHEMA_JSON_FORM_H
#define SCHEMA_JSON_FORM_H

#include "schema/schema.h"

#define JSON_FORM_ID_MAX 512

/* Is it that?  Writes its id, cut at the bound; "": it has none.  ERR_INVALID: no; ERR_NOMEM. */
MUST_USE enum err json_form_read(struct bytes data, char id[JSON_FORM_ID_MAX]);

#endif
