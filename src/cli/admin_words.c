/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_words.c - the words of a command line as a command's arguments and options.
 *
 * As pulsar-admin reads them: options may stand anywhere, "--time 7d", "--time=7d", "-t 7d"; after "--" nothing is an
 * option; what follows an option that takes a value is its value, also when it begins with a dash.
 */
#include "cli/admin_call.h"

#include "base/options.h"
#include "cli/relative_time.h"
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX  (8u * 1024 * 1024)
#define WORDS_MAX 64

/* ---- what is said ---- */

int admin_refuse(struct admin_call *call, const char *format, ...)
{
    char message[ADMIN_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)fprintf(call->errors, "geminga admin %s %s: %s\nTry `geminga admin %s %s --help`.\n", call->group->name,
                  call->command->name, message, call->group->name, call->command->name);
    return ADMIN_FAILED;
}

int admin_fail(struct admin_call *call, const char *format, ...)
{
    char message[ADMIN_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)fprintf(call->errors, "%s\n\nReason: %s\n", message, message);
    return ADMIN_FAILED;
}

/* ---- values ---- */

static json_t *pair_read(json_t *object, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    char key[256];

    if (!equals || equals == text || (size_t)(equals - text) >= sizeof key)
        return NULL;
    memcpy(key, text, (size_t)(equals - text));
    key[equals - text] = '\0';
    (void)json_object_set_new(object, key, json_stringn(equals + 1, len - (size_t)(equals + 1 - text)));
    return object;
}

static bool is_like(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const int x = a[i] == '-' ? '_' : tolower((unsigned char)a[i]);
        const int y = b[i] == '-' ? '_' : tolower((unsigned char)b[i]);
        if (x != y)
            return false;
    }
    return true;
}

/* One of "a|b|c", in the table's spelling, whatever the case and the dashes; any text where there are no choices; NULL:
 * none of them. */
static json_t *choice_value(const char *choices, const char *text, size_t text_len)
{
    if (!choices)
        return json_stringn(text, text_len);
    for (const char *p = choices; *p;) {
        const size_t len = strcspn(p, "|");
        if (len == text_len && is_like(p, text, len))
            return json_stringn(p, len);
        p += len + (p[len] == '|');
    }
    return NULL;
}

/* Adds what one word says to a list or an object that may be there already; `commas`: it may say several. */
static json_t *several_read(const struct admin_option *option, json_t *sofar, const char *text, bool pairs, bool commas)
{
    json_t *to = sofar ? json_incref(sofar) : pairs ? json_object() : json_array();

    if (commas && !*text)
        return to; /* "" is a list of none */
    for (const char *p = text;;) {
        const size_t len = commas ? strcspn(p, ",") : strlen(p);
        if (pairs ? !pair_read(to, p, len) : json_array_append_new(to, choice_value(option->choices, p, len)) != 0) {
            json_decref(to);
            return NULL;
        }
        p += len;
        if (!*p)
            return to;
        p++;
    }
}

static json_t *numbers_read(const char *text)
{
    json_t *to = json_array();

    for (const char *p = text;; p++) {
        char *end;
        errno = 0;
        const long long n = strtoll(p, &end, 10);
        if (end == p || (*end != ',' && *end != '\0') || errno != 0) {
            json_decref(to);
            return NULL;
        }
        (void)json_array_append_new(to, json_integer(n));
        p = end;
        if (!*p)
            return to;
    }
}

static json_t *file_read(const char *path)
{
    FILE *file = fopen(path, "r");
    json_t *json = file ? json_loadf(file, JSON_DECODE_ANY, NULL) : NULL;

    if (file)
        (void)fclose(file);
    return json;
}

static json_t *number_value(const struct admin_option *option, const char *text)
{
    int64_t n = 0;
    char *end;

    switch (option->kind) {
    case ADMIN_NUMBER:
        errno = 0;
        n = strtoll(text, &end, 10);
        return *text && !*end && errno == 0 ? json_integer(n) : NULL;
    case ADMIN_SIZE:
        return admin_size_read(text, &n) ? json_integer(n) : NULL;
    case ADMIN_MEGABYTES:
        return admin_size_read(text, &n) ? json_integer(n == -1 ? -1 : n / (1024 * 1024)) : NULL;
    case ADMIN_SECONDS:
        return relative_time_parse(text, &n) ? json_integer(n) : NULL;
    case ADMIN_MINUTES:
        return relative_time_parse(text, &n) ? json_integer(n == -1 ? -1 : n / 60) : NULL;
    default:
        assert(option->kind == ADMIN_MILLIS);
        return relative_time_parse(text, &n) && !__builtin_mul_overflow(n, 1000, &n) ? json_integer(n) : NULL;
    }
}

static json_t *real_value(const char *text)
{
    char *end;
    const double d = strtod(text, &end);

    return *text && !*end ? json_real(d) : NULL; /* NULL too for what is no number of JSON */
}

/* The value that a word gives an option, on top of `sofar`; NULL: it is none. */
static json_t *value_read(const struct admin_option *option, const char *text, json_t *sofar)
{
    switch (option->kind) {
    case ADMIN_TEXT:
    case ADMIN_SUBSCRIPTION:
        return choice_value(option->choices, text, strlen(text));
    case ADMIN_REAL:
        return real_value(text);
    case ADMIN_LIST:
    case ADMIN_WORDS:
        return several_read(option, sofar, text, false, option->kind == ADMIN_LIST);
    case ADMIN_NUMBERS:
        return numbers_read(text);
    case ADMIN_PAIRS:
    case ADMIN_PAIRS_LIST:
        return several_read(option, sofar, text, true, option->kind == ADMIN_PAIRS_LIST);
    case ADMIN_MESSAGE_ID:
        return admin_message_id(text);
    case ADMIN_FILE:
        return file_read(text);
    case ADMIN_FLAG:
    case ADMIN_IF:
    case ADMIN_ON:
        return json_true();
    case ADMIN_UNLESS:
    case ADMIN_OFF:
        return json_false();
    default:
        return number_value(option, text);
    }
}

static const char *kind_text(const struct admin_option *option)
{
    switch (option->kind) {
    case ADMIN_NUMBER:
    case ADMIN_REAL:
        return "a number";
    case ADMIN_NUMBERS:
        return "numbers, separated by commas";
    case ADMIN_SIZE:
    case ADMIN_MEGABYTES:
        return "a size such as 4096, 100K, 10M, 16G, 2T";
    case ADMIN_SECONDS:
    case ADMIN_MINUTES:
    case ADMIN_MILLIS:
        return "a time such as 90, 30s, 100m, 3h, 2d, 5w, 1y";
    case ADMIN_PAIRS:
    case ADMIN_PAIRS_LIST:
        return "KEY=VALUE";
    case ADMIN_MESSAGE_ID:
        return "earliest, latest or LEDGER:ENTRY";
    case ADMIN_FILE:
        return "a file of JSON that can be read";
    default:
        return option->choices ? option->choices : "a text";
    }
}

static int value_set(struct admin_call *call, const struct admin_option *option, const char *text, bool given)
{
    const size_t i = (size_t)(option - call->command->options);
    json_t *sofar = given && call->given[i] ? call->values[i] : NULL;
    json_t *value = value_read(option, text, sofar);

    if (!value) {
        size_t len;
        const char *name = admin_option_name(option, &len);
        return admin_refuse(call, "--%.*s wants %s, not `%s`", (int)len, name, kind_text(option), text);
    }
    json_decref(call->values[i]);
    call->values[i] = value;
    call->given[i] = given;
    return 0;
}

/* ---- words ---- */

static int option_unknown(struct admin_call *call, const char *word)
{
    const char *names[WORDS_MAX];
    char copies[WORDS_MAX][48];
    size_t count = 0;
    const int len = (int)strcspn(word, "=");
    char asked[64];

    for (const struct admin_option *o = call->command->options; o && o->names; o++) {
        for (const char *p = o->names; *p && count < WORDS_MAX;) {
            const size_t name_len = strcspn(p, "|");
            (void)snprintf(copies[count], sizeof copies[count], "%.*s", (int)name_len, p);
            names[count] = copies[count];
            count++;
            p += name_len + (p[name_len] == '|');
        }
    }
    (void)snprintf(asked, sizeof asked, "%.*s", len, word);
    const char *nearest = nearest_word(asked, names, count);
    if (nearest)
        return admin_refuse(call, "there is no option `%s`; did you mean `%s`?", asked, nearest);
    return admin_refuse(call, "there is no option `%s`", asked);
}

/* "-fs" and "-n5": letters of flags, the last of which may take a value.  The option of the first letter is found. */
static int letters_read(struct admin_call *call, const char *word, const struct admin_option *first, int *i, int argc,
                        char *const *argv)
{
    const struct admin_option *option = first;
    char spelling[3] = {'-', word[1], '\0'};

    for (const char *p = word + 1; *p; p++) {
        spelling[1] = *p;
        option = admin_option_find(call->command->options, spelling, 2);
        if (!option)
            return option_unknown(call, word);
        if (!admin_option_alone(option)) {
            if (p[1])
                return value_set(call, option, p + 1, true);
            if (*i + 1 >= argc)
                return admin_refuse(call, "`%s` wants %s", spelling, kind_text(option));
            return value_set(call, option, argv[++*i], true);
        }
        const int status = value_set(call, option, "", true);
        if (status != 0)
            return status;
    }
    return 0;
}

static int option_read(struct admin_call *call, int *i, int argc, char *const *argv)
{
    const char *word = argv[*i];
    const size_t len = strcspn(word, "=");
    const struct admin_option *option = admin_option_find(call->command->options, word, len);

    if (!option && word[1] != '-') {
        option = admin_option_find(call->command->options, word, 2);
        if (option)
            return letters_read(call, word, option, i, argc, argv);
    }
    if (!option)
        return option_unknown(call, word);
    if (admin_option_alone(option)) {
        if (word[len] == '=')
            return admin_refuse(call, "`%.*s` takes no value", (int)len, word);
        return value_set(call, option, "", true);
    }
    if (word[len] == '=')
        return value_set(call, option, word + len + 1, true);
    if (*i + 1 >= argc)
        return admin_refuse(call, "`%s` wants %s", word, kind_text(option));
    return value_set(call, option, argv[++*i], true);
}

static size_t arguments_count(const struct admin_command *command)
{
    size_t count = 0;

    while (command->arguments && command->arguments[count].name)
        count++;
    assert(count <= ADMIN_ARGUMENTS_MAX);
    return count;
}

/* The topic that a service's variables name: within PULSAR_TENANT and PULSAR_NAMESPACE, unless it is whole. */
static bool topic_from_environment(struct admin_call *call, const char *variable)
{
    const char *topic = variable ? getenv(variable) : NULL;
    const char *tenant = getenv("PULSAR_TENANT"), *namespace = getenv("PULSAR_NAMESPACE");
    int len;

    if (!topic || !*topic)
        return false;
    if (strstr(topic, "://"))
        len = snprintf(call->from_environment, sizeof call->from_environment, "%s", topic);
    else
        len = snprintf(call->from_environment, sizeof call->from_environment, "persistent://%s/%s/%s",
                       tenant && *tenant ? tenant : "afdp", namespace && *namespace ? namespace : "default", topic);
    return len > 0 && (size_t)len < sizeof call->from_environment;
}

static int words_take(struct admin_call *call, int argc, char *const *argv)
{
    const size_t wanted = arguments_count(call->command);
    size_t count = 0;
    bool only_arguments = false;

    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
            continue;
        }
        if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0') {
            const int status = option_read(call, &i, argc, argv);
            if (status != 0)
                return status;
            continue;
        }
        if (count == wanted)
            return admin_refuse(call, "what is `%s`?", argv[i]);
        call->arguments[count++] = argv[i];
    }
    if (count == wanted)
        return 0;
    const struct admin_argument *missing = &call->command->arguments[count];
    if (count + 1 == wanted && topic_from_environment(call, missing->variable)) {
        call->arguments[count] = call->from_environment;
        return 0;
    }
    return admin_refuse(call, "which %s?%s%s", missing->name, missing->variable ? " None is said, and not by " : "",
                        missing->variable ? missing->variable : "");
}

/* ---- what is missing ---- */

static int fallbacks_set(struct admin_call *call)
{
    for (const struct admin_option *o = call->command->options; o && o->names; o++) {
        const size_t i = (size_t)(o - call->command->options);
        if (call->values[i])
            continue;
        if (o->kind == ADMIN_FLAG)
            call->values[i] = json_false();
        else if (o->kind == ADMIN_UNLESS)
            call->values[i] = json_true();
        else if (o->fallback && value_set(call, o, o->fallback, false) != 0)
            return ADMIN_FAILED;
    }
    return 0;
}

/* Of an ADMIN_ON and an ADMIN_OFF, just one; an ADMIN_ON alone is false when absent. */
static int switch_check(struct admin_call *call)
{
    const struct admin_option *on = NULL, *off = NULL;

    for (const struct admin_option *o = call->command->options; o && o->names; o++) {
        on = o->kind == ADMIN_ON ? o : on;
        off = o->kind == ADMIN_OFF ? o : off;
    }
    if (!on || !off)
        return 0;
    if (call->given[on - call->command->options] != call->given[off - call->command->options])
        return 0;
    size_t on_len, off_len;
    const char *on_name = admin_option_name(on, &on_len), *off_name = admin_option_name(off, &off_len);
    return admin_refuse(call, "either --%.*s or --%.*s, please", (int)on_len, on_name, (int)off_len, off_name);
}

static int required_check(struct admin_call *call)
{
    for (const struct admin_option *o = call->command->options; o && o->names; o++) {
        if (!o->required || call->given[o - call->command->options])
            continue;
        size_t len;
        const char *name = admin_option_name(o, &len);
        return admin_refuse(call, "--%.*s is missing: %s", (int)len, name, o->text);
    }
    return 0;
}

static int arguments_check(struct admin_call *call)
{
    char why[ADMIN_MESSAGE_MAX];

    for (size_t i = 0; i < arguments_count(call->command); i++) {
        const struct admin_argument *argument = &call->command->arguments[i];
        struct admin_topic topic;
        if (argument->place == ADMIN_NAMESPACE && !admin_namespace_ok(call->arguments[i]))
            return admin_refuse(call, "`%s` is no namespace: one is TENANT/NAMESPACE", call->arguments[i]);
        if (argument->place != ADMIN_TOPIC && argument->place != ADMIN_PERSISTENT)
            continue;
        if (admin_topic_read(&topic, call->arguments[i], why, sizeof why) != OK)
            return admin_refuse(call, "%s", why);
        if (argument->place == ADMIN_PERSISTENT && !topic.persistent)
            return admin_refuse(call, "`%s` is not persistent", call->arguments[i]);
    }
    return 0;
}

int admin_words_read(struct admin_call *call, int argc, char *const *argv)
{
    int status = words_take(call, argc, argv);

    if (status == 0)
        status = required_check(call);
    if (status == 0)
        status = switch_check(call);
    if (status == 0)
        status = fallbacks_set(call);
    if (status == 0)
        status = arguments_check(call);
    if (status == 0 && call->command->check)
        status = call->command->check(call);
    return status;
}

void admin_call_free(struct admin_call *call)
{
    for (size_t i = 0; i < ADMIN_OPTIONS_MAX; i++)
        json_decref(call->values[i]);
}

/* ---- asking for values ---- */

static size_t option_index(const struct admin_call *call, const char *name)
{
    const struct admin_option *option = admin_option_named(call->command->options, name);

    assert(option);
    return (size_t)(option - call->command->options);
}

json_t *admin_value(const struct admin_call *call, const char *name)
{
    return call->values[option_index(call, name)];
}

const char *admin_text(const struct admin_call *call, const char *name)
{
    return json_string_value(admin_value(call, name));
}

bool admin_given(const struct admin_call *call, const char *name)
{
    return call->given[option_index(call, name)];
}
