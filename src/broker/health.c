/* SPDX-License-Identifier: Apache-2.0
 *
 * health.c - the health check of broker.h: one entry through the journal, and read back.
 */
#include "broker/core.h"
#include "broker/publish.h"
#include "broker/reads.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdlib.h>

static void fail(struct health_op *health, enum err err, const char *what)
{
    (void)refuse(&health->op.why, err, ABOUT_BROKER, "the health check could not %s: %s", what, err_text(err));
    op_resume(&health->op);
}

static void finish_step(struct broker_op *op)
{
    struct health_op *health = container_of(op, struct health_op, op);

    health->elapsed_us = (loop_now_ns(op->broker->loop) - health->started_ns) / 1000;
    slice_unref(&health->entry);
    op_finish(op);
}

static void read_done(struct store_read *r, enum err err)
{
    struct health_op *health = broker_read_of(r)->owner;

    if (err == OK && !bytes_equal(slice_bytes(r->entries[0].bytes), slice_bytes(health->entry)))
        err = ERR_CORRUPT;
    if (err != OK)
        fail(health, err, "read its entry back");
    else
        op_resume(&health->op);
    broker_read_free(broker_read_of(r), err == ERR_CORRUPT ? OK : err);
}

static void published(struct sink *sink, const struct published *p)
{
    struct health_op *health = container_of(sink, struct health_op, sink);
    struct broker_read *r;

    if (p->err != OK) {
        fail(health, p->err, "store its entry");
    } else if (!(r = broker_read_new(health->op.broker, health, read_done))) {
        fail(health, ERR_NOMEM, "read its entry back");
    } else {
        r->read.from = p->position;
        r->read.max = 1;
        r->read.bytes_max = 1;
        ledger_read(health->op.broker->store, &r->read);
    }
}

/* It has no producers and no consumers: nothing else is ever called. */
static const struct sink_ops health_ops = {.published = published};

static enum err make_entry(struct health_op *health)
{
    struct broker *b = health->op.broker;
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t bytes[256], packed[128];

    metadata.producer_name = wire_text("healthcheck");
    metadata.publish_time = (uint64_t)loop_wall_ms(b->loop);
    size_t len = wire__message_metadata__pack(&metadata, packed);
    struct bytes payload = bytes_of_text("healthcheck");
    entry_head_encode(bytes, bytes_of(packed, len), payload);
    memcpy(bytes + ENTRY_HEAD_SIZE, packed, len);
    memcpy(bytes + ENTRY_HEAD_SIZE + len, payload.data, payload.len);
    return slice_copy(&health->entry, bytes_of(bytes, ENTRY_HEAD_SIZE + len + payload.len), NULL);
}

static void publish_step(struct broker_op *op)
{
    struct health_op *health = container_of(op, struct health_op, op);
    struct topic_name name;
    struct topic *t;
    enum err err;

    op->step = finish_step;
    health->entry = (struct slice){0};
    health->sink = (struct sink){.ops = &health_ops, .peer = "-", .client_version = "-"};
    health->started_ns = loop_now_ns(op->broker->loop);
    err = topic_name_parse(&name, bytes_of_text("persistent://pulsar/system/healthcheck"));
    if (err == OK)
        err = topic_obtain(op->broker, &name, true, &t, &op->why);
    if (err == OK)
        err = make_entry(health);
    if (err != OK) {
        fail(health, err, "begin");
        return;
    }
    const struct publish m = {
        .messages = 1,
        .publish_ms = loop_wall_ms(op->broker->loop),
        .bytes = health->entry,
    };
    topic_publish(t, &health->sink, NULL, &m);
}

void broker_check_health(struct broker *b, struct health_op *health)
{
    op_start(b, &health->op, publish_step);
}
