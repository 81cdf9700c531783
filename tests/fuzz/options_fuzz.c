/* SPDX-License-Identifier: Apache-2.0
 *
 * options_fuzz.c - a configuration file: key=value when its first byte is '#', else TOML.
 */
#include "fuzz.h"

#include "base/options.h"
#include "base/text.h"

struct values {
    char *text, *choice;
    bool yes;
    int64_t number, bytes, time;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct option table[] = {
    {.key = "a.text", .alias = "text", .type = OPTION_TEXT, .offset = offsetof(struct values, text)},
    {.key = "a.choice",
     .alias = "choice",
     .type = OPTION_CHOICE,
     .choices = choices,
     .offset = offsetof(struct values, choice)},
    {.key = "a.yes", .alias = "yes", .type = OPTION_BOOL, .offset = offsetof(struct values, yes)},
    {.key = "number", .type = OPTION_INTEGER, .min = -5, .max = 5, .offset = offsetof(struct values, number)},
    {.key = "bytes", .type = OPTION_BYTES, .max = 1 << 30, .offset = offsetof(struct values, bytes)},
    {.key = "time", .type = OPTION_DURATION, .offset = offsetof(struct values, time)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *name = size > 0 && data[0] == '#' ? "f.conf" : "f.toml";
    struct values values = {0};
    struct options o;
    struct text shown;
    char message[300] = "";

    if (options_init(&o, table, sizeof table / sizeof table[0], &values) != OK)
        return 0;
    enum err err = options_read(&o, name, bytes_of(data, size), message, sizeof message);
    HOLDS(err == OK || strncmp(message, name, strlen(name)) == 0);
    HOLDS(values.number >= -5 && values.number <= 5);
    HOLDS(values.bytes >= 0 && values.bytes <= 1 << 30);
    HOLDS(values.time >= 0);
    HOLDS(!values.choice || strcmp(values.choice, "one") == 0 || strcmp(values.choice, "two") == 0);
    text_init(&shown, 4u * 1024 * 1024);
    options_show(&o, true, &shown);
    options_show_json(&o, false, &shown);
    HOLDS(!text_failed(&shown));
    text_deinit(&shown);
    options_deinit(&o);
    return 0;
}
