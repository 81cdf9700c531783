/* SPDX-License-Identifier: Apache-2.0
 *
 * json_out.c - see json_out.h.
 */
#include "admin/json_out.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <time.h>

static void begin(struct json *j, const char *key)
{
    if (j->comma)
        text_add(j->out, ",");
    j->comma = true;
    if (key) {
        text_add_json(j->out, bytes_of_text(key));
        text_add(j->out, ":");
    }
}

static void open(struct json *j, const char *key, const char *bracket)
{
    begin(j, key);
    text_add(j->out, bracket);
    j->depth++;
    j->comma = false;
}

static void end(struct json *j, const char *bracket)
{
    assert(j->depth > 0);
    text_add(j->out, bracket);
    j->depth--;
    j->comma = true;
}

void json_object_begin(struct json *j, const char *key)
{
    open(j, key, "{");
}

void json_object_end(struct json *j)
{
    end(j, "}");
}

void json_array_begin(struct json *j, const char *key)
{
    open(j, key, "[");
}

void json_array_end(struct json *j)
{
    end(j, "]");
}

void json_text(struct json *j, const char *key, const char *value)
{
    if (value)
        json_bytes(j, key, bytes_of_text(value));
}

void json_bytes(struct json *j, const char *key, struct bytes value)
{
    begin(j, key);
    text_add_json(j->out, value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
    begin(j, key);
    text_printf(j->out, "%" PRIu64, value);
}

void json_int(struct json *j, const char *key, int64_t value)
{
    begin(j, key);
    text_printf(j->out, "%" PRId64, value);
}

void json_double(struct json *j, const char *key, double value)
{
    begin(j, key);
    text_printf(j->out, "%.10g", isfinite(value) ? value : 0.0);
}

void json_bool(struct json *j, const char *key, bool value)
{
    begin(j, key);
    text_add(j->out, value ? "true" : "false");
}

void json_key(struct json *j, struct bytes key)
{
    begin(j, NULL);
    text_add_json(j->out, key);
    text_add(j->out, ":");
    j->comma = false;
}

void json_time(struct json *j, const char *key, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;

    if (ms <= 0 || !gmtime_r(&seconds, &utc))
        return;
    begin(j, key);
    text_printf(j->out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(ms % 1000));
}
