/* SPDX-License-Identifier: Apache-2.0
 *
 * name_fuzz.c - any bytes as names of topics, namespaces, subscriptions; as a list of listeners; as a pattern, behind
 * which, after a newline, stands a name to be matched.
 */
#include "fuzz.h"

#include "broker/names.h"
#include "session/listeners.h"
#include "wire/topic_pattern.h"

#include <string.h>

static void try_topic(struct bytes text)
{
    struct topic_name name, again;

    if (topic_name_parse(&name, text) != OK)
        return;
    HOLDS(name.len <= TOPIC_NAME_MAX && strlen(name.text) == name.len);
    HOLDS(topic_name_namespace(&name).len <= NAMESPACE_NAME_MAX);
    HOLDS(topic_name_local(&name).len > 0 && topic_name_tenant(&name).len > 0);
    HOLDS(topic_name_parse(&again, topic_name_full(&name)) == OK);
    HOLDS(again.len == name.len && memcmp(again.text, name.text, name.len) == 0);
    HOLDS(again.partition == name.partition && again.domain == name.domain && again.base_len == name.base_len);
}

static void try_listeners(struct bytes text)
{
    char *list = strndup((const char *)text.data, text.len), message[300] = "";
    struct listeners l;

    HOLDS(list != NULL);
    if (listeners_parse(&l, list, message, sizeof message) == OK) {
        HOLDS(l.count <= LISTENERS_MAX);
        for (size_t i = 0; i < l.count; i++)
            HOLDS(listeners_find(&l, l.at[i].name, false) || listeners_find(&l, l.at[i].name, true));
    } else {
        HOLDS(strlen(message) > 0);
    }
    free(list);
}

static void try_pattern(struct bytes text)
{
    const uint8_t *end = memchr(text.data, '\n', text.len);
    struct topic_pattern *p;
    char message[300] = "";

    if (!end)
        return;
    const struct bytes name = bytes_of(end + 1, (size_t)(text.data + text.len - end - 1));
    if (topic_pattern_new(&p, bytes_of(text.data, (size_t)(end - text.data)), message, sizeof message) != OK) {
        HOLDS(strlen(message) > 0);
        return;
    }
    (void)topic_pattern_matches(p, name);
    topic_pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = bytes_of(data, size);

    try_topic(text);
    (void)namespace_name_parse(text, NULL, NULL);
    (void)tenant_name_valid(text);
    (void)subscription_name_valid(text);
    (void)partition_of(text, NULL);
    try_listeners(text);
    try_pattern(text);
    return 0;
}
