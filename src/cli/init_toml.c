/* SPDX-License-Identifier: Apache-2.0
 *
 * init_toml.c - see init_toml.h.
 */
#include "cli/init_toml.h"

#include "base/text.h"

#include <string.h>

#define LINE_WIDTH 120

static bool is_named(const struct option *option, const char *name)
{
    return strcmp(option->key, name) == 0 || (option->alias && strcmp(option->alias, name) == 0);
}

/* NULL: nobody sets it. */
static const struct init_setting *setting_of(const struct option *option, const struct init_setting *settings,
                                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_named(option, settings[i].name))
            return &settings[i];
    }
    return NULL;
}

static bool all_known(const struct option_table *table, const struct init_setting *settings, size_t count,
                      const char **unknown)
{
    for (size_t i = 0; i < count; i++) {
        size_t row = 0;
        while (row < table->count && !is_named(&table->rows[row], settings[i].name))
            row++;
        if (row == table->count) {
            *unknown = settings[i].name;
            return false;
        }
    }
    return true;
}

/* "authentication" of "authentication.enabled"; empty: it is in none. */
static struct bytes section_of(const struct option *option)
{
    const char *dot = strrchr(option->key, '.');

    return bytes_of(option->key, dot ? (size_t)(dot - option->key) : 0);
}

/* "# ..." in lines that are not too long. */
static void comment_write(const char *words, struct text *out)
{
    size_t column = 0;

    while (*words) {
        const size_t len = strcspn(words, " ");
        if (column > 0 && column + 1 + len > LINE_WIDTH) {
            text_add(out, "\n");
            column = 0;
        }
        text_add(out, column == 0 ? "# " : " ");
        text_add_bytes(out, bytes_of(words, len));
        column += (column == 0 ? 2 : 1) + len;
        words += len + (words[len] == ' ');
    }
    text_add(out, "\n");
}

static void setting_write(const struct option *option, const char *value, struct text *out)
{
    const char *dot = strrchr(option->key, '.');

    text_add(out, "\n");
    comment_write(option->text, out);
    text_printf(out, "%s = ", dot ? dot + 1 : option->key);
    if (option->type == OPTION_BOOL || option->type == OPTION_INTEGER)
        text_add(out, value);
    else
        text_add_json(out, bytes_of_text(value)); /* which is a string of TOML as well */
    text_add(out, "\n");
}

/* Those of the section that the row is in. */
static void section_write(const struct option_table *table, struct bytes section, const struct init_setting *settings,
                          size_t count, struct text *out)
{
    if (section.len > 0)
        text_printf(out, "\n[%.*s]\n", (int)section.len, (const char *)section.data);
    for (size_t i = 0; i < table->count; i++) {
        const struct init_setting *s = setting_of(&table->rows[i], settings, count);
        if (s && bytes_equal(section_of(&table->rows[i]), section))
            setting_write(&table->rows[i], s->value, out);
    }
}

/* A row before this one that is set is in the same section. */
static bool section_is_written(const struct option_table *table, size_t row, const struct init_setting *settings,
                               size_t count)
{
    for (size_t i = 0; i < row; i++) {
        if (setting_of(&table->rows[i], settings, count) &&
            bytes_equal(section_of(&table->rows[i]), section_of(&table->rows[row])))
            return true;
    }
    return false;
}

bool init_toml_write(const struct option_table *table, const struct init_setting *settings, size_t count,
                     struct text *out, const char **unknown)
{
    *unknown = NULL;
    if (!all_known(table, settings, count, unknown))
        return false;
    for (size_t i = 0; i < table->count; i++) {
        if (setting_of(&table->rows[i], settings, count) && !section_is_written(table, i, settings, count))
            section_write(table, section_of(&table->rows[i]), settings, count, out);
    }
    return !text_failed(out);
}
