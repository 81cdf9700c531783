/* SPDX-License-Identifier: Apache-2.0
 *
 * change_events.c - see change_events.h.
 */
#include "admin/change_events.h"

#include "admin/kept_policies.h"
#include "admin/policy_event.h"
#include "broker/policy_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENT_MAX     (256 * 1024)
#define GLOBAL_PREFIX "__G__" /* of the keys of what is for all clusters */

struct change_events {
    struct policy_observer observer;
    struct broker *broker;
    const char *cluster;
    char *schema;
};

static json_t *tree_of(struct bytes settings)
{
    return settings.len ? json_loadb((const char *)settings.data, settings.len, 0, NULL) : NULL;
}

static void write_event(struct change_events *c, const struct topic_name *topic, bool everywhere, struct bytes value)
{
    char key[sizeof GLOBAL_PREFIX + TOPIC_NAME_MAX];
    const int len = snprintf(key, sizeof key, "%s%s", everywhere ? GLOBAL_PREFIX : "", topic->text);

    policy_log_write(c->broker, topic,
                     &(struct policy_event_bytes){.key = bytes_of(key, (size_t)len),
                                                  .value = value,
                                                  .schema = c->schema,
                                                  .replicate_to = everywhere ? NULL : c->cluster});
}

static void tell(struct change_events *c, const struct topic_name *topic, bool everywhere, const struct topic_set *set)
{
    json_t *settings = tree_of(set->settings);
    const struct policy_event e = {
        .topic = topic,
        .cluster = c->cluster,
        .everywhere = everywhere,
        .policies = everywhere ? &set->everywhere : &set->own,
        .subscriptions = everywhere ? bytes_of(NULL, 0) : set->subscriptions,
        .settings = everywhere ? json_object_get(settings, KEPT_EVERYWHERE) : settings,
    };
    struct text value;

    text_init(&value, EVENT_MAX);
    policy_event_encode(&e, &value);
    json_decref(settings);
    assert(!text_failed(&value) || value.len < EVENT_MAX); /* what is kept is far less, or memory is short */
    if (!text_failed(&value))
        write_event(c, topic, everywhere, bytes_of(value.data, value.len));
    text_deinit(&value);
}

/* Settings for all clusters are, or were, among these. */
static bool has_everywhere(struct bytes settings)
{
    json_t *tree = tree_of(settings);
    const bool has = json_object_get(tree, KEPT_EVERYWHERE) != NULL;

    json_decref(tree);
    return has;
}

static void changed(struct policy_observer *o, const struct policy_change *change)
{
    struct change_events *c = container_of(o, struct change_events, observer);
    const struct topic_name *topic = change->topic;
    struct topic_set set = {.own = {0}};
    struct refusal why;

    if (change->gone) {
        write_event(c, topic, false, bytes_of(NULL, 0));
        if (change->everywhere)
            write_event(c, topic, true, bytes_of(NULL, 0));
        return;
    }
    if (topic_set_of(c->broker, topic, &set, &why) != OK)
        return;                                                 /* it was there a moment ago, and is not any more */
    const bool of_settings = change->own && change->everywhere; /* whose they are, they say themselves */
    const bool everywhere =
        of_settings ? has_everywhere(change->settings_before) || has_everywhere(set.settings) : change->everywhere;
    if (everywhere)
        tell(c, topic, true, &set);
    if (change->own && (!everywhere || topic_set_of(c->broker, topic, &set, &why) == OK)) /* the catalog has changed */
        tell(c, topic, false, &set);
}

enum err change_events_new(struct change_events **out, struct broker *broker, const char *cluster)
{
    struct change_events *c = calloc(1, sizeof *c);
    struct text schema;

    if (!c)
        return ERR_NOMEM;
    text_init(&schema, EVENT_MAX);
    policy_event_schema(&schema);
    *c = (struct change_events){.observer.changed = changed, .broker = broker, .cluster = cluster};
    if (!(c->schema = text_take(&schema))) {
        free(c);
        return ERR_NOMEM;
    }
    policies_observe(broker, &c->observer);
    *out = c;
    return OK;
}

void change_events_free(struct change_events *c)
{
    if (!c)
        return;
    free(c->schema);
    free(c);
}
