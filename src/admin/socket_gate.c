/* SPDX-License-Identifier: Apache-2.0
 *
 * socket_gate.c - see socket_gate.h.
 *
 * A question belongs to two threads: who waits for its answer may have gone when it comes.  The last frees it.
 */
#include "admin/socket_gate.h"

#include "admin/authenticate.h"
#include "broker/audit.h"
#include "broker/authenticator.h"
#include "broker/authorization.h"
#include "sys/uv_sys.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXTS_MAX (256 * 1024)

struct question {
    struct task task;
    struct list node; /* gate->questions, from the core's first look on */
    struct socket_gate *gate;
    atomic_uint holders;
    struct arena arena; /* copies of what is asked */
    struct bytes authorization;
    const char *method, *original, *peer, *topic, *subscription; /* the last: NULL when there is none */
    bool produces;
    struct authentication_op op;
    struct uv_event *answered;
    unsigned status; /* the answer, before the event */
    const char *reason;
};

static void question_release(struct question *q)
{
    if (atomic_fetch_sub(&q->holders, 1) > 1)
        return;
    if (q->authorization.len > 0)
        explicit_bzero((void *)(uintptr_t)q->authorization.data, q->authorization.len);
    arena_deinit(&q->arena);
    uv_event_free(q->answered);
    free(q);
}

/* ---- on the core ---- */

static void answer(struct question *q, unsigned status, const char *reason)
{
    q->status = status;
    q->reason = reason;
    uv_event_set(q->answered);
    list_remove(&q->node);
    question_release(q);
}

/* Whoever is refused is in the audit log. */
static void turn_away(struct question *q, const struct subject *who, unsigned status, const char *reason)
{
    const char *action = arena_printf(&q->arena, "%s %s%s%s", q->produces ? "PRODUCE" : "CONSUME", q->topic,
                                      q->subscription ? " " : "", q->subscription ? q->subscription : "");

    audit_note(q->gate->core->audit, &(struct audit_event){.who = *who,
                                                           .peer = *q->peer ? q->peer : NULL,
                                                           .via = "websocket",
                                                           .action = bytes_of_text(action ? action : "?"),
                                                           .status = (int)status,
                                                           .refusal = reason});
    answer(q, status, reason);
}

/* A connection looks a topic up and then produces or consumes: the first is implied by the second. */
static bool may(const struct question *q, const struct subject *who)
{
    struct topic_name topic;
    struct refusal why;

    if (topic_name_parse(&topic, bytes_of_text(q->topic)) != OK)
        return true; /* the broker says what is wrong with it */
    const struct target target = {.topic = &topic,
                                  .subscription = q->subscription ? bytes_of_text(q->subscription) : bytes_of("", 0)};
    return authorization_check(q->gate->core->authorization, who, q->produces ? OPERATION_PRODUCE : OPERATION_CONSUME,
                               &target, &why) == OK;
}

static void judge(struct question *q, const char *role)
{
    const struct authenticator *a = q->gate->core->authenticator;
    const struct subject who = {.role = role, .original = authenticator_is_proxy(a, role) ? q->original : NULL};
    const char *why = original_refuse(a, role, q->original);

    if (why)
        turn_away(q, &who, 401, why);
    else if (!may(q, &who))
        turn_away(q, &who, 403, "Not authorized");
    else
        answer(q, 0, "");
}

static void on_checked(struct authentication_op *op, enum err err)
{
    struct question *q = container_of(op, struct question, op);
    struct identity identity = op->identity; /* the question may be gone when it is answered */

    op->identity = (struct identity){0};
    if (err == OK)
        judge(q, identity.role);
    else if (err == ERR_DENIED)
        turn_away(q, &(struct subject){0}, 401, "Authentication required");
    else
        answer(q, 0, ""); /* too much is under way: the broker decides later */
    identity_deinit(&identity);
}

static void ask_task(struct task *task)
{
    struct question *q = container_of(task, struct question, task);
    struct authenticator *a = q->gate->core->authenticator;
    const struct credentials shown = {.method = *q->method ? q->method : NULL, .data = q->authorization, .http = true};

    list_push_back(&q->gate->questions, &q->node);
    if (authentication_is_slow(authenticator_peek(a), &shown)) {
        answer(q, 0, "");
        return;
    }
    q->op = (struct authentication_op){.done = on_checked};
    authenticator_check(a, &q->op, &shown, q->peer);
}

/* ---- on the server's thread ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False: no memory. */
static bool question_fill(struct question *q, const struct web_credentials *shown, const struct web_target *target,
                          const char *peer)
{
    q->authorization = bytes_of(arena_text_of(&q->arena, shown->authorization), shown->authorization.len);
    q->method = arena_text_of(&q->arena, shown->method);
    q->original = arena_text_of(&q->arena, shown->original);
    q->peer = arena_text(&q->arena, peer);
    q->topic = arena_text(&q->arena, target->topic);
    q->subscription = target->subscription ? arena_text(&q->arena, target->subscription) : NULL;
    q->produces = target->produces;
    return q->authorization.data && q->method && q->original && q->peer && q->topic &&
           !q->subscription == !target->subscription;
}

static struct question *question_new(struct socket_gate *g, const struct web_credentials *shown,
                                     const struct web_target *target, const char *peer)
{
    struct question *q = calloc(1, sizeof *q);

    if (!q)
        return NULL;
    q->gate = g;
    q->task.run = ask_task;
    list_init(&q->node);
    arena_init(&q->arena, TEXTS_MAX);
    atomic_init(&q->holders, 1);
    if (uv_event_new(&q->answered) == OK && question_fill(q, shown, target, peer))
        return q;
    q->authorization.len = q->authorization.data ? q->authorization.len : 0;
    question_release(q);
    return NULL;
}

static unsigned gate_refuse(void *ctx, const struct web_credentials *shown, const struct web_target *target,
                            const char *peer, char *reason, size_t reason_size)
{
    struct socket_gate *g = ctx;
    struct question *q;
    unsigned status = 0;

    if (!g->core->authenticator || now_ms() < g->pause_until_ms)
        return 0;
    if (!(q = question_new(g, shown, target, peer))) {
        (void)snprintf(reason, reason_size, "no memory");
        return 503;
    }
    atomic_store(&q->holders, 2);
    if (!loop_post(g->core->loop, &q->task)) {
        question_release(q);
        (void)snprintf(reason, reason_size, "the broker is stopping");
        status = 503;
    } else if (uv_event_wait(q->answered, GATE_WAIT_MS)) {
        (void)snprintf(reason, reason_size, "%s", q->reason);
        status = q->status;
    } else {
        g->pause_until_ms = now_ms() + GATE_PAUSE_MS;
    }
    question_release(q);
    return status;
}

void socket_gate_init(struct socket_gate *g, struct admin_core *core)
{
    *g = (struct socket_gate){.gate = {gate_refuse, g}, .core = core};
    list_init(&g->questions);
}

void socket_gate_deinit(struct socket_gate *g)
{
    list_each_safe (node, &g->questions) {
        list_remove(node);
        question_release(container_of(node, struct question, node));
    }
}
