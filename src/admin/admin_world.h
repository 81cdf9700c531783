/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_world.h - for tests: a broker in a simulated world, asked over the route table without HTTP.
 *
 * A test is set up with ADMIN_TEST(name) and has the world in *state; a question steps the world until there is an
 * answer, which stays until the next question.  On the way to the answer nothing is sent: a peer's side (parts) is
 * played by the test.
 */
#ifndef ADMIN_ADMIN_WORLD_H
#define ADMIN_ADMIN_WORLD_H

#include "base/base_test.h"

#include "admin/core.h"
#include "admin/routes.h"
#include "broker/producer.h"
#include "broker/stats.h"
#include "sys/sim/sim.h"

#include <jansson.h>

/* json_object and the like are jansson's here; json_out.h's have other names. */

struct admin_world {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct store *store;
    struct broker_options options;
    struct broker *broker;
    struct admin_core core;
    struct subject who; /* asks; where there is core.authorization */

    struct web_credentials credentials; /* that are shown from now on */
    struct call call;                   /* the last one */
    bool in_call, finished;
    enum route_match match;
};

#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown(name, admin_world_set_up, admin_world_tear_down)

int admin_world_set_up(void **state);
int admin_world_tear_down(void **state);
/* As kill -9 and a new start, with the same disk and w->options. */
void admin_world_restart(struct admin_world *w);

/* Each asks, steps until there is an answer, and gives its status.  `query` is a name and a value, or NULL. */
int ask(struct admin_world *w, enum http_method method, const char *path);
int ask_body(struct admin_world *w, enum http_method method, const char *path, const char *body);
int ask_with(struct admin_world *w, enum http_method method, const char *path, const char *const query[2],
             const char *body);
/* ... with several, as they stand behind a question mark: "a=1&b=2"; nothing is decoded. */
int ask_query(struct admin_world *w, enum http_method method, const char *path, const char *query, const char *body);
/* True: no row of the table is for this method and path. */
bool no_route(struct admin_world *w, enum http_method method, const char *path);
/* The peer has taken a part of a long answer: steps until the next is there. */
void take_part(struct admin_world *w);

const char *answer(struct admin_world *w);                                    /* the body */
json_t *answer_json(struct admin_world *w);                                   /* the caller's */
const char *answer_header(struct admin_world *w, const char *name);           /* "X-Name:"; NULL: it has none */
void assert_get(struct admin_world *w, const char *path, const char *wanted); /* 200 and exactly this */
/* assert_refused(w, ask(w, ...), 404, "..."): this status, and {"reason":"..."} with exactly this. */
void assert_refused(struct admin_world *w, int status, int wanted, const char *reason);
json_int_t number(const json_t *object, const char *member);

/* ---- a client of the broker ---- */

struct admin_client {
    struct sink sink;
    struct producer_open open;
    struct bytes metadata; /* of the producer, if any */
    unsigned published;
    unsigned closed; /* by the broker: the producer is gone */
};

/* Opens a producer and publishes `count` entries of ten bytes; the client detaches open.producer itself. */
void client_publish(struct admin_world *w, struct admin_client *c, const char *topic, unsigned count);
/* One message more, with metadata as Pulsar's clients write it; compressed: with LZ4. */
void client_publish_text(struct admin_world *w, struct admin_client *c, const char *text, bool compressed);

#endif
