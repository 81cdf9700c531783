/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - one table of options: type, default, bounds, text; what a file, the environment and flags
 * fill in, in that order.
 *
 * A room declares its options as a static array of struct option and a struct of values; files name an
 * option by `key` ("pulsar.consumer.name": the path in TOML, or Pulsar's own key in key=value files),
 * the environment by `env`, the command line by `flag`.  Help, validation and `config show` come from
 * the table.  Errors name the file, the line and the nearest known key.  A secret is never printed.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/foreign_keys.h"

enum option_type {
    OPTION_TEXT,    /* char *, on the heap */
    OPTION_TEXTS,   /* char **, ends with NULL, or NULL: each time that it is said adds one */
    OPTION_BOOL,    /* bool */
    OPTION_INTEGER, /* int64_t, between min and max */
    OPTION_BYTES,   /* int64_t; "64MB", "1GiB", "512k" (all of 1024, as in Pulsar's tools), or a bare number of bytes */
    OPTION_DURATION, /* int64_t milliseconds; "30s", "100ms", "5m", "2h", "7d", or a bare number of milliseconds */
    OPTION_CHOICE,   /* char *, one of `choices`, compared without case, stored as the table spells it */
};

struct option {
    const char *group; /* what it and those after it are about, a heading of the help; NULL: as the one before */
    const char *key;   /* path in our TOML */
    const char *alias; /* Pulsar's own key in key=value files, or NULL */
    const char *env;   /* environment variable, or NULL */
    const char *flag;  /* "--http-port", or more spellings: "-m|--messages"; or NULL */
    enum option_type type;
    const char *fallback;       /* the default, as one would write it in the file; NULL: unset */
    const char *empty;          /* what no value means in a key=value file; NULL: the default */
    int64_t min, max;           /* of INTEGER, BYTES, DURATION, in the unit stored; both 0: any that is >= 0 */
    const char *const *choices; /* NULL-terminated */
    int64_t unit;               /* of BYTES, DURATION: what a bare number counts (Pulsar's minutes, MB); 0: one */
    size_t offset;              /* of the value in the struct of values */
    bool secret;
    const char *text; /* one sentence, for help and the documentation */
};

/* The options of one struct of values. */
struct option_table {
    const struct option *rows;
    size_t count;
};

#define OPTION_TABLE(array)                                                                                            \
    {                                                                                                                  \
        (array), sizeof(array) / sizeof((array)[0])                                                                    \
    }

struct options {
    const struct option *table;
    size_t count;
    void *values;         /* zeroed by the owner before options_init */
    char **origin;        /* per option: "default", "geminga.toml:12", "PULSAR_TENANT", "--port"; for `config show` */
    struct options *next; /* another table that may be fed from the same files and flags, or NULL */
    /* Of the first of a chain, set after options_init: what else key=value files, the environment and the flags may
     * have, or NULL; and what of it they had. */
    const struct foreign_keys *foreign;
    struct passed_over passed;
};

/* Applies the defaults.  Everything set later replaces them.  options_deinit frees the texts. */
MUST_USE enum err options_init(struct options *o, const struct option *table, size_t count, void *values);
void options_deinit(struct options *o);

/* Reads a file's text (TOML, or key=value when `name` ends in ".conf" or ".properties") into the table, or
 * tables chained by `next`.  An empty value in a key=value file is `empty`, or leaves the default.  On ERR_INVALID
 * `message` is the whole sentence for the user, as in "geminga.toml:7: unknown key `brocker.port`; did you mean
 * `broker.port`?". */
MUST_USE enum err options_read(struct options *o, const char *name, struct bytes text, char *message,
                               size_t message_size);

/* The environment: `get` is getenv-like.  An option with an alias may also be given as PULSAR_PREFIX_alias, which `env`
 * goes before, and, when there are foreign keys, as the alias itself: so Pulsar's images have it.  An empty value is
 * none. */
MUST_USE enum err options_env(struct options *o, const char *(*get)(const char *name, void *ctx), void *ctx,
                              char *message, size_t message_size);

/* What the environment has besides, `environ`-like: PULSAR_PREFIX_ with a foreign key, or with one that nobody knows,
 * is passed over; a foreign key that matters is refused with a value that does, with the prefix or without. */
MUST_USE enum err options_env_foreign(struct options *o, char *const *environment, char *message, size_t message_size);

/* Flags: takes those it knows out of argv (--flag value, --flag=value; a bool stands alone or as --flag=false) and
 * leaves the rest in order, *argc adjusted and argv[*argc] NULL if it was.  An unknown --flag is left for the caller to
 * refuse; after "--" nothing is a flag. */
MUST_USE enum err options_flags(struct options *o, int *argc, char **argv, char *message, size_t message_size);

/* One value by its key: what the file would have said.  ERR_NOT_FOUND for an unknown key. */
MUST_USE enum err options_set(struct options *o, const char *key, const char *value, const char *origin, char *message,
                              size_t message_size);

/* Another default than the table's: the same, unless something has been said. */
MUST_USE enum err options_set_default(struct options *o, const char *key, const char *value, const char *origin,
                                      char *message, size_t message_size);

/* The option of the chain whose flag the word is, alone or with "=value": then *value is that, or NULL.  NULL: none. */
const struct option *options_flag(const struct options *o, const char *word, const char **value);
/* How many words of `words` are one flag of the chain, and its value: 0, 1 or 2. */
int options_flag_words(const struct options *o, int count, char *const *words);

/* Writes "key = value  # origin" lines, secrets as "***"; of the whole chain, as those below.  Without `all` only what
 * is not the default. */
struct text;
void options_show(const struct options *o, bool all, struct text *out);
/* The same as JSON: {"key": {"value": ..., "origin": "..."}}.  Sizes and times are texts, what is unset is null. */
void options_show_json(const struct options *o, bool all, struct text *out);
/* The help's list of flags, then of what has none. */
void options_help(const struct options *o, struct text *out);
/* The spelling of a flag nearest to `word`, which may be "--word=value"; NULL: none is near.  Written to `to`. */
const char *options_nearest_flag(const struct options *o, const char *word, char *to, size_t size);
/* The known name nearest to `word` by edit distance, without regard to case, or NULL when none is near. */
const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
