/* SPDX-License-Identifier: Apache-2.0
 *
 * artifact_uri.h - where an artifact is, as an event's sender writes it; read strictly, so that nobody after us reads
 * it otherwise.  Pure; may call: base/.
 */
#ifndef SERVICES_NOTARY_ARTIFACTS_ARTIFACT_URI_H
#define SERVICES_NOTARY_ARTIFACTS_ARTIFACT_URI_H

#include "base/err.h"
#include <stddef.h>

#define ARTIFACT_HOST_MAX 255
#define ARTIFACT_PATH_MAX 4096

enum artifact_scheme { ARTIFACT_FILE, ARTIFACT_HTTP, ARTIFACT_HTTPS, ARTIFACT_S3, ARTIFACT_SCHEMES };

/* "file", "http", "https", "s3". */
const char *artifact_scheme_name(enum artifact_scheme scheme);
/* Of a uri's beginning, or a name alone; ARTIFACT_SCHEMES: another. */
enum artifact_scheme artifact_scheme_of(const char *uri);

struct artifact_uri {
    enum artifact_scheme scheme;
    char host[ARTIFACT_HOST_MAX +
              1]; /* http, https: in lower case, without brackets and port; s3: the bucket; file: empty */
    /* file: the path, unescaped, from the root on, "/a/b".  s3: the key, escaped as a path's segments, "/models/a%20b".
     * http, https: empty, the uri is asked for as it is. */
    char path[ARTIFACT_PATH_MAX];
};

/* ERR_INVALID: `why` says what is wrong with it, after "its uri ...". */
MUST_USE enum err artifact_uri_parse(struct artifact_uri *out, const char *uri, char *why, size_t why_size);

#endif
