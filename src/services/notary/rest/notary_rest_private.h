/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_rest_private.h - what the files of the notary's HTTP port share.
 *
 * notary_rest.c has the table of routes and the life of it; rest_workflows.c and rest_log.c answer what is read,
 * rest_decide.c takes decisions.
 */
#ifndef SERVICES_NOTARY_NOTARY_REST_PRIVATE_H
#define SERVICES_NOTARY_NOTARY_REST_PRIVATE_H

#include "services/notary/approvals_writer.h"
#include "services/notary/approvers_source.h"
#include "services/notary/documents/decision.h"
#include "services/notary/registry/registry.h"
#include "services/notary/rest/notary_rest.h"
#include "services/runtime/rest.h"
#include "sys/uv_sys.h"
#include <pthread.h>

#define REST_TEXT_MAX (64u << 20) /* of one answer out of the registry */

struct notary_rest {
    /* set at the start */
    const struct notary_settings *settings;
    struct notary_service *service;
    struct log *log;
    struct signer *log_key;
    struct approvals_writer *writer;
    struct rest *rest;
    struct uv_event *stopping; /* who waits need not wait any more */
    /* under the lock: several workers, one view */
    pthread_mutex_t lock;
    struct registry_view *view; /* NULL: not opened yet, or it failed */
};

/* What is asked of the view, with what it fills in `to` on OK. */
typedef enum err (*rest_question)(struct registry_view *v, const void *about, struct text *to);

/* Asks the view, one question at a time; opens it first, and anew after a failure of the file's. */
MUST_USE enum err notary_rest_ask(struct notary_rest *r, rest_question question, const void *about, struct text *to);

/* Asks and answers with that; other results than OK become a status and a reason. */
void notary_rest_answer(struct notary_rest *r, struct rest_call *c, rest_question question, const void *about);
void notary_rest_fail(struct rest_call *c, enum err err);

/* The workflow as the registry shows it (registry_view_show), parsed.  Its own to json_decref.  ERR_NOT_FOUND, ... */
MUST_USE enum err notary_rest_workflow(struct notary_rest *r, const char *event_id, json_t **out);

/* ---- handlers; `ctx` is the notary_rest ---- */

void rest_workflows_list(void *ctx, struct rest_call *c);
void rest_workflow_show(void *ctx, struct rest_call *c);
void rest_workflow_receipt(void *ctx, struct rest_call *c);
void rest_workflow_artifact(void *ctx, struct rest_call *c);

void rest_log_show(void *ctx, struct rest_call *c);
void rest_log_entry(void *ctx, struct rest_call *c);
void rest_log_consistency(void *ctx, struct rest_call *c);
void rest_log_key(void *ctx, struct rest_call *c);
void rest_log_file(void *ctx, struct rest_call *c);

void rest_approve(void *ctx, struct rest_call *c);
void rest_reject(void *ctx, struct rest_call *c);
void rest_cancel(void *ctx, struct rest_call *c);
void rest_retry(void *ctx, struct rest_call *c);

#endif
