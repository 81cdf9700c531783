/* SPDX-License-Identifier: Apache-2.0
 *
 * json_call.h - calls whose bodies and answers are JSON trees (jansson), and documents (broker/documents.h) as such.
 *
 * For what is kept with names and changed by people: small.  Long answers are written with json_out.h.
 */
#ifndef ADMIN_JSON_CALL_H
#define ADMIN_JSON_CALL_H

#include "admin/core.h"
#include "admin/json_shape.h"

/* The body; *out is NULL when it is empty, or null.  False: the call is finished, with 400. */
bool call_body(struct call *call, json_t **out);
/* The body as an object of this shape.  False: finished, with 400. */
bool call_body_shape(struct call *call, const struct shape_member *shape, json_t **out);

/* 200 and the tree, which is taken; NULL: 500, memory ran out. */
void call_tree(struct call *call, json_t *tree);
/* 200, and the text as it is: where Pulsar answers with a bare String. */
void call_bare_text(struct call *call, const char *text);
/* 200 when all changes made so far are durable, without a body: where Pulsar does not answer 204. */
void call_ok_when_durable(struct call *call);

/* A parameter, or the NUL-terminated copy of any bytes, in the arena.  NULL: the call is finished, with 500. */
const char *call_copy(struct call *call, struct bytes b);

/* *out: a new tree, or NULL, for it is not there.  False: it is there and cannot be read, which is not to be taken for
 * none; finished, with 500. */
bool document_tree(struct call *call, const char *kind, struct bytes name, json_t **out);
/* All whose names begin with `prefix`. */
MUST_USE enum err documents_forget(struct broker *b, const char *kind, struct bytes prefix, struct refusal *why);
/* Takes the tree, keeps it, and finishes the call: 204 when it is durable. */
void document_keep(struct call *call, const char *kind, struct bytes name, json_t *tree);
/* The same without finishing, unless it fails: false. */
bool document_keep_first(struct call *call, const char *kind, struct bytes name, json_t *tree);

/* "a/b" of two texts, in the arena; NULL bytes: finished, with 500. */
struct bytes call_joined(struct call *call, struct bytes a, struct bytes b);

#endif
