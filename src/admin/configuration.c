/* SPDX-License-Identifier: Apache-2.0
 *
 * configuration.c - see configuration.h; and what all options are.
 */
#include "admin/configuration.h"

#include "admin/handlers.h"
#include "admin/json_call.h"
#include "base/log.h"
#include "base/option_value.h"
#include "broker/documents.h"

#include <stdio.h>
#include <stdlib.h>

#define KIND "configuration"

/* By Pulsar's name or, where it has none, by ours. */
static const char *name_of(const struct option *option)
{
    return option->alias ? option->alias : option->key;
}

static const struct options *options_of(const struct admin_core *core)
{
    return core->configuration ? core->configuration->options : NULL;
}

/* The number of a dynamic option; false: there is none of this name. */
static bool dynamic_find(const struct admin_core *core, struct bytes name, size_t *out)
{
    const struct options *o = options_of(core);

    for (size_t i = 0; o && i < o->count; i++) {
        if (core->configuration->is_dynamic(&o->table[i]) && bytes_equal(name, bytes_of_text(name_of(&o->table[i])))) {
            *out = i;
            return true;
        }
    }
    return false;
}

void configuration_names_get(struct call *call)
{
    const struct options *o = options_of(call->core);
    struct json j = json_to(&call->answer.body);

    json_array_begin(&j, NULL);
    for (size_t i = 0; o && i < o->count; i++) {
        if (call->core->configuration->is_dynamic(&o->table[i]))
            json_text(&j, NULL, name_of(&o->table[i]));
    }
    json_array_end(&j);
    call_json(call);
}

static bool write_one(void *ctx, struct bytes name, struct bytes value)
{
    struct json *j = ctx;

    json_key(j, name);
    text_add_bytes(j->out, value); /* a JSON text */
    j->comma = true;
    return true;
}

void configuration_values_get(struct call *call)
{
    struct json j = json_to(&call->answer.body);

    json_object_begin(&j, NULL);
    documents_each(call->core->broker, KIND, bytes_of(NULL, 0), write_one, &j);
    json_object_end(&j);
    call_json(call);
}

/* Texts all of them, as Pulsar's; secrets are stars. */
void configuration_runtime_get(struct call *call)
{
    const struct options *o = options_of(call->core);
    struct json j = json_to(&call->answer.body);
    struct text value;

    json_object_begin(&j, NULL);
    for (size_t i = 0; o && i < o->count; i++) {
        text_init(&value, BODY_MAX);
        option_value_write(&o->table[i], o->values, &value);
        json_key(&j, bytes_of_text(name_of(&o->table[i])));
        if (value.len > 0 && value.data[0] == '"') {
            text_add_bytes(j.out, bytes_of(value.data, value.len)); /* a JSON text already */
            j.comma = true;
        } else {
            json_bytes(&j, NULL, bytes_of(value.data, value.len));
        }
        text_deinit(&value);
    }
    json_object_end(&j);
    call_json(call);
}

static enum err change(const struct admin_core *core, size_t i, const char *value, char *message, size_t size)
{
    const struct admin_configuration *c = core->configuration;

    return c->change(c->ctx, core->broker, &c->options->table[i], value, message, size);
}

/* As Pulsar, which keeps a flag that is neither true nor false, and goes on as before; a number has to be good. */
void configuration_post(struct call *call)
{
    const struct bytes name = call->parameters[0];
    const char *value = call_copy(call, call->parameters[1]);
    char message[300];
    size_t i;

    if (!value)
        return;
    if (!dynamic_find(call->core, name, &i))
        call_reason(call, 412, "Can't update non-dynamic configuration");
    else if (change(call->core, i, value, message, sizeof message) != OK &&
             options_of(call->core)->table[i].type != OPTION_BOOL)
        call_reason(call, 412, "Invalid dynamic-config value: %s", message);
    else if (document_keep_first(call, KIND, name, json_string(value)))
        call_ok_when_durable(call);
}

void configuration_delete(struct call *call)
{
    const struct bytes name = call->parameters[0];
    struct refusal why;
    char message[300];
    size_t i;

    if (!dynamic_find(call->core, name, &i))
        call_reason(call, 412, "Can't delete non-dynamic configuration");
    else if (document_forget(call->core->broker, KIND, name, &why) != OK)
        call_refused(call, &why);
    else if (change(call->core, i, NULL, message, sizeof message) != OK)
        call_reason(call, 500, "%s", message);
    else
        call_no_content_when_durable(call);
}

struct restoring {
    const struct admin_core *core;
    struct log *log;
};

static bool restore_one(void *ctx, struct bytes name, struct bytes kept)
{
    const struct restoring *r = ctx;
    json_t *value = json_loadb((const char *)kept.data, kept.len, JSON_DECODE_ANY, NULL);
    char message[300] = "it cannot be changed while the broker runs";
    size_t i;

    if (!json_is_string(value) || !dynamic_find(r->core, name, &i) ||
        change(r->core, i, json_string_value(value), message, sizeof message) != OK)
        log_warn(r->log, "admin", "the option %.*s, which was set over HTTP, is as it was before: %s", (int)name.len,
                 (const char *)name.data, message);
    json_decref(value);
    return true;
}

void configuration_restore(const struct admin_core *core, struct log *log)
{
    struct restoring r = {.core = core, .log = log};

    if (core->configuration)
        documents_each(core->broker, KIND, bytes_of(NULL, 0), restore_one, &r);
}
