/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.c - words from an event; who asked for them; their JSON and their key.
 */
#include "services/notary/notices/notice.h"

#include "services/notary/documents/canonical.h"
#include "services/notary/documents/digest.h"
#include <assert.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *says; /* the title's beginning */
} kinds[NOTICE_KINDS] = {
    [NOTICE_STARTED] = {"workflow_started", "Notarization started"},
    [NOTICE_APPROVAL_REQUIRED] = {"approval_required", "Approval required"},
    [NOTICE_COMPLETED] = {"workflow_completed", "Notarized"},
    [NOTICE_REJECTED] = {"workflow_rejected", "Rejected"},
    [NOTICE_EXPIRED] = {"workflow_expired", "Expired"},
    [NOTICE_FAILED] = {"workflow_failed", "Notarization failed"},
    [NOTICE_CANCELLED] = {"workflow_cancelled", "Cancelled"},
};

const char *notice_kind_name(enum notice_kind kind)
{
    assert(kind < NOTICE_KINDS);
    return kinds[kind].name;
}

enum notice_kind notice_kind_of(const char *name)
{
    size_t i = 0;

    while (i < NOTICE_KINDS && strcmp(kinds[i].name, name) != 0)
        i++;
    return (enum notice_kind)i;
}

/* ---- what the event asks for ---- */

static const json_t *notifications_of(const json_t *event)
{
    const json_t *notifications = json_object_get(json_object_get(event, "workflow_config"), "notifications");

    return json_is_true(json_object_get(notifications, "enabled")) ? notifications : NULL;
}

bool notice_is_wanted(const json_t *event, enum notice_kind kind)
{
    const json_t *notifications = notifications_of(event);
    const json_t *events = json_object_get(notifications, "events");

    if (!notifications || !json_is_array(events))
        return notifications != NULL;
    for (size_t i = 0; i < json_array_size(events); i++)
        if (strcmp(json_string_value(json_array_get(events, i)), notice_kind_name(kind)) == 0)
            return true;
    return false;
}

const json_t *notice_channels(const json_t *event)
{
    const json_t *channels = json_object_get(notifications_of(event), "channels");

    return json_is_array(channels) ? channels : NULL;
}

/* ---- words ---- */

/* A growing sentence: a character that would be a control character or does not fit ends up left out. */
struct sentence {
    char *to;
    size_t len, size;
};

static void say(struct sentence *s, const char *text)
{
    for (; text && *text; text++) {
        struct bytes rest = bytes_of_text(text);
        size_t len = utf8_sequence(rest);
        if (len == 0 || len > s->size - 1 - s->len)
            break;
        if ((unsigned char)*text >= 0x20 && *text != 0x7f) {
            memcpy(s->to + s->len, text, len);
            s->len += len;
        }
        text += len - 1;
    }
    s->to[s->len] = '\0';
}

static const char *text_at(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

/* "fraud-detection-v2 2.1.0", or the type of an event that is about something else. */
static void say_subject(struct sentence *s, json_t *type)
{
    const json_t *deployment = json_object_get(type, "model_deployment");

    if (!deployment) {
        say(s, json_object_iter_key(json_object_iter(type)));
        return;
    }
    say(s, text_at(deployment, "model_id"));
    say(s, " ");
    say(s, text_at(deployment, "version"));
    say(s, " to ");
    say(s, text_at(deployment, "environment"));
}

static void say_approvers(struct sentence *s, const json_t *event)
{
    const json_t *approvers = json_object_get(json_object_get(event, "workflow_config"), "approvers");

    for (size_t i = 0; i < json_array_size(approvers); i++) {
        say(s, i == 0 ? " To decide: " : ", ");
        say(s, json_string_value(json_array_get(approvers, i)));
    }
    if (json_array_size(approvers) > 0)
        say(s, ".");
}

static void write_title(struct notice_words *to, enum notice_kind kind, const json_t *event)
{
    struct sentence s = {to->title, 0, sizeof to->title};

    say(&s, kinds[kind].says);
    say(&s, ": ");
    say_subject(&s, json_object_get(event, "event_type"));
}

static void write_text(struct notice_words *to, enum notice_kind kind, const json_t *event, const char *reason)
{
    struct sentence s = {to->text, 0, sizeof to->text};

    say(&s, "Event ");
    say(&s, text_at(event, "event_id"));
    say(&s, " of ");
    say(&s, text_at(event, "source"));
    say(&s, ", by ");
    say(&s, text_at(json_object_get(event, "actor"), "id"));
    say(&s, ".");
    if (reason && *reason) {
        say(&s, " Reason: ");
        say(&s, reason);
        say(&s, ".");
    }
    if (kind == NOTICE_APPROVAL_REQUIRED)
        say_approvers(&s, event);
}

static void write_link(struct notice_words *to, const char *public_url, const char *workflow_id)
{
    size_t len = public_url ? strlen(public_url) : 0;
    int written;

    while (len > 0 && public_url[len - 1] == '/')
        len--;
    written = snprintf(to->link, sizeof to->link, "%.*s/v1/workflows/%s", (int)len, public_url ? public_url : "",
                       workflow_id);
    if (len == 0 || written < 0 || (size_t)written >= sizeof to->link)
        to->link[0] = '\0';
}

void notice_words(struct notice_words *to, enum notice_kind kind, const json_t *event, const char *workflow_id,
                  const char *reason, const char *public_url)
{
    assert(kind < NOTICE_KINDS);
    write_title(to, kind, event);
    write_text(to, kind, event, reason);
    write_link(to, public_url, workflow_id);
}

/* ---- key and body ---- */

static enum err canonical_of(json_t *value, struct text *to)
{
    enum err err = value ? canonical_json(value, to) : ERR_NOMEM;

    json_decref(value);
    return err;
}

enum err notice_key(const struct notice *notice, char to[NOTICE_KEY_SIZE])
{
    json_t *channel = json_loadb((const char *)notice->channel.data, notice->channel.len, JSON_DECODE_ANY, NULL);
    json_t *all =
        channel ? json_pack("[sssO]", notice_kind_name(notice->kind), notice->event_id, notice->workflow_id, channel)
                : NULL;
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    struct text text;
    enum err err;

    text_init(&text, 1 << 20);
    err = channel ? canonical_of(all, &text) : ERR_INVALID;
    if (err == OK) {
        digest = digest_of(bytes_of(text.data, text.len));
        digest_hex(&digest, hex);
        memcpy(to, hex, NOTICE_KEY_SIZE - 1);
        to[NOTICE_KEY_SIZE - 1] = '\0';
    }
    text_deinit(&text);
    json_decref(channel);
    return err;
}

enum err notice_body(const struct notice *notice, struct text *to)
{
    char key[NOTICE_KEY_SIZE];
    enum err err = notice_key(notice, key);

    if (err != OK)
        return err;
    return canonical_of(json_pack("{ss ss ss ss ss ss* ss}", "event", notice_kind_name(notice->kind), "event_id",
                                  notice->event_id, "workflow_id", notice->workflow_id, "title", notice->title, "text",
                                  notice->text, "link", notice->link && *notice->link ? notice->link : NULL, "key",
                                  key),
                        to);
}
