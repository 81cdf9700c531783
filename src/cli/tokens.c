/* SPDX-License-Identifier: Apache-2.0
 *
 * tokens.c - `geminga tokens`: keys and tokens, as `pulsar tokens` makes them.
 *
 * Nothing here speaks to a broker.  What is secret is written to files that only their owner reads, and wiped from
 * memory.
 */
#include "base/base64.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/relative_time.h"
#include "security/token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEY_FILE_MAX (64u * 1024)
#define HEADERS_MAX  32

/* Of all verbs; each has the options that it needs. */
struct tokens_config {
    char *algorithm;
    char *output, *private_output, *public_output;
    char *secret_key, *private_key, *public_key;
    char *subject, *expiry;
    char *token_file;
    char **headers;
    bool base64, stdin_;
};

#define AT(member) .offset = offsetof(struct tokens_config, member)
static const char *const algorithm_names[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
                                              "PS384", "PS512", "ES256", "ES384", "ES512", NULL};

/* With what a token is signed or verified. */
static const struct option key_options[] = {
    {.key = "tokens.algorithm",
     .flag = "-a|--signature-algorithm",
     .type = OPTION_CHOICE,
     .choices = algorithm_names,
     AT(algorithm),
     .text = "The algorithm; by default what the key is for."},
    {.key = "tokens.secret_key",
     .flag = "-sk|--secret-key",
     .type = OPTION_TEXT,
     .secret = true,
     AT(secret_key),
     .text = "The secret: file:PATH, data:;base64,TEXT, or the base64 itself."},
};

/* Where a token comes from. */
static const struct option source_options[] = {
    {.key = "tokens.stdin",
     .flag = "-i|--stdin",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(stdin_),
     .text = "Reads the token from standard input."},
    {.key = "tokens.token_file",
     .flag = "-f|--token-file",
     .type = OPTION_TEXT,
     AT(token_file),
     .text = "Reads the token from a file."},
};

/* ---- files and keys ---- */

/* A new file, that only its owner may read: a key that is there is not lost, and nobody's link is followed. */
static bool file_write(const char *path, struct bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool done = true;

    if (fd < 0)
        return false;
    for (size_t at = 0; done && at < bytes.len;) {
        ssize_t n = write(fd, bytes.data + at, bytes.len - at);
        done = n > 0;
        at += done ? (size_t)n : 0;
    }
    return close(fd) == 0 && done;
}

/* To the file, or else to standard output. */
static int bytes_put(const struct invocation *inv, const char *path, struct bytes bytes)
{
    bool done =
        path ? file_write(path, bytes) : fwrite(bytes.data, 1, bytes.len, stdout) == bytes.len && fflush(stdout) == 0;

    if (done)
        return CLI_OK;
    if (path && errno == EEXIST) {
        cli_error(inv, "%s is there already, and is not overwritten: remove it, or name another file", path);
        return CLI_FAILED;
    }
    cli_error(inv, "cannot write %s: %s", path ? path : "to standard output", strerror(errno));
    return CLI_FAILED;
}

/* What a key option names, for jws_bytes_free. */
static int key_bytes(const struct invocation *inv, const char *flag, const char *text, struct bytes *out)
{
    const char *path;
    struct bytes file;
    enum err err = token_key_text(text, out, &path);

    if (err == ERR_UNSUPPORTED) {
        if ((err = cli_file_read(path, KEY_FILE_MAX, &file)) != OK) {
            cli_error(inv, "cannot read %s: %s", path, err_text(err));
            return CLI_FAILED;
        }
        uint8_t *copy = OPENSSL_memdup(file.data, file.len > 0 ? file.len : 1);
        *out = bytes_of(copy, copy ? file.len : 0);
        secret_wipe((void *)(uintptr_t)file.data, file.len);
        free((void *)(uintptr_t)file.data);
        return copy ? CLI_OK : CLI_FAILED;
    }
    return err == OK ? CLI_OK : cli_usage_error(inv, "%s expects file:PATH, data:;base64,TEXT, or base64", flag);
}

typedef enum err (*key_reader)(struct jws_key **out, struct bytes bytes);

static int key_read(const struct invocation *inv, const char *flag, const char *text, key_reader read,
                    const char *expected, struct jws_key **out)
{
    struct bytes bytes;
    int status = key_bytes(inv, flag, text, &bytes);

    if (status != CLI_OK)
        return status;
    enum err err = read(out, bytes);
    jws_bytes_free(bytes);
    if (err == OK)
        return CLI_OK;
    cli_error(inv, "%s is no key that can be used: %s", flag, expected);
    return CLI_FAILED;
}

/* The one of a secret and a key of a pair that is given. */
static int either_key(const struct invocation *inv, const struct tokens_config *c, bool signs, struct jws_key **out)
{
    const char *const flag = signs ? "--private-key" : "--public-key", *const other =
                                                                           signs ? c->private_key : c->public_key;

    if (!c->secret_key == !other)
        return cli_usage_error(inv, "%s --secret-key %s %s", c->secret_key ? "give one of" : "give",
                               c->secret_key ? "and" : "or", flag);
    if (c->secret_key)
        return key_read(inv, "--secret-key", c->secret_key, jws_key_from_secret, "a secret has at least 32 bytes", out);
    return key_read(inv, flag, other, signs ? jws_key_from_private : jws_key_from_public,
                    signs ? "PKCS8 in DER is expected, RSA of 2048 bits at least, or P-256, P-384, P-521"
                          : "X.509 in DER is expected, RSA of 2048 bits at least, or P-256, P-384, P-521",
                    out);
}

static enum jws_algorithm algorithm_of(const char *name)
{
    enum jws_algorithm algorithm = JWS_HS256;
    bool found = jws_algorithm_find(bytes_of_text(name), &algorithm);

    return found ? algorithm : JWS_HS256; /* the option has no other choices */
}

/* Options into `config`, one word at most left in argv. */
static int tokens_configure(struct invocation *inv, struct options *sets, struct tokens_config *config, int words)
{
    void *const values[VERB_TABLES_MAX] = {config, config, config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > words)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[words]);
    return status;
}

static int tokens_run(struct invocation *inv, int words,
                      int (*run)(const struct invocation *inv, const struct tokens_config *c))
{
    struct options sets[VERB_TABLES_MAX];
    struct tokens_config config = {0};
    int status = tokens_configure(inv, sets, &config, words);

    if (status == CLI_OK)
        status = run(inv, &config);
    if (config.secret_key)
        secret_wipe(config.secret_key, strlen(config.secret_key));
    if (config.private_key)
        secret_wipe(config.private_key, strlen(config.private_key));
    cli_deconfigure(inv, sets);
    return status;
}

/* ---- create-secret-key ---- */

static const struct option secret_options[] = {
    {.key = "tokens.algorithm",
     .flag = "-a|--signature-algorithm",
     .type = OPTION_CHOICE,
     .fallback = "HS256",
     .choices = algorithm_names,
     AT(algorithm),
     .text = "The algorithm that it is for: HS256, HS384, HS512."},
    {.key = "tokens.output",
     .flag = "-o|--output",
     .type = OPTION_TEXT,
     AT(output),
     .text = "The file to write it to, instead of standard output."},
    {.key = "tokens.base64",
     .flag = "-b|--base64",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(base64),
     .text = "Writes it in base64."},
};

static int secret_put(const struct invocation *inv, const struct tokens_config *c, struct bytes secret)
{
    struct text text;

    if (!c->base64)
        return bytes_put(inv, c->output, secret);
    text_init(&text, KEY_FILE_MAX);
    base64_encode(&text, secret);
    if (!c->output)
        text_add(&text, "\n");
    int status = text_failed(&text) ? CLI_FAILED : bytes_put(inv, c->output, bytes_of(text.data, text.len));
    if (text.data)
        secret_wipe(text.data, text.len);
    text_deinit(&text);
    return status;
}

static int secret_create(const struct invocation *inv, const struct tokens_config *c)
{
    const enum jws_algorithm algorithm = algorithm_of(c->algorithm);
    struct jws_key *key;
    struct bytes secret;

    if (jws_algorithm_info(algorithm)->family != JWS_SECRET)
        return cli_usage_error(inv, "%s has no secret: `geminga tokens create-key-pair` makes its keys", c->algorithm);
    enum err err = jws_key_make(&key, algorithm);
    if (err == OK && (err = jws_key_private_bytes(key, &secret)) != OK)
        jws_key_free(key);
    if (err != OK) {
        cli_error(inv, "cannot make a key: %s", err_text(err));
        return CLI_FAILED;
    }
    int status = secret_put(inv, c, secret);
    jws_bytes_free(secret);
    jws_key_free(key);
    return status;
}

static int secret_run(struct invocation *inv)
{
    return tokens_run(inv, 0, secret_create);
}

/* ---- create-key-pair ---- */

static const struct option pair_options[] = {
    {.key = "tokens.algorithm",
     .flag = "-a|--signature-algorithm",
     .type = OPTION_CHOICE,
     .fallback = "RS256",
     .choices = algorithm_names,
     AT(algorithm),
     .text = "The algorithm that it is for: RS256 and so on, PS256, ES256."},
    {.key = "tokens.private_output",
     .flag = "--output-private-key",
     .type = OPTION_TEXT,
     AT(private_output),
     .text = "The file to write the private key to; must be given."},
    {.key = "tokens.public_output",
     .flag = "--output-public-key",
     .type = OPTION_TEXT,
     AT(public_output),
     .text = "The file to write the public key to; must be given."},
};

static int half_put(const struct invocation *inv, const struct jws_key *key, const char *path,
                    enum err (*half)(const struct jws_key *key, struct bytes *out))
{
    struct bytes der;

    if (half(key, &der) != OK) {
        cli_error(inv, "no memory");
        return CLI_FAILED;
    }
    int status = bytes_put(inv, path, der);
    jws_bytes_free(der);
    return status;
}

static int pair_create(const struct invocation *inv, const struct tokens_config *c)
{
    const enum jws_algorithm algorithm = algorithm_of(c->algorithm);
    struct jws_key *key;

    if (!c->private_output || !c->public_output)
        return cli_usage_error(inv, "give --output-private-key and --output-public-key");
    if (jws_algorithm_info(algorithm)->family == JWS_SECRET)
        return cli_usage_error(inv, "%s has no pair: `geminga tokens create-secret-key` makes its key", c->algorithm);
    enum err err = jws_key_make(&key, algorithm);
    if (err != OK) {
        cli_error(inv, "cannot make keys: %s", err_text(err));
        return CLI_FAILED;
    }
    int status = half_put(inv, key, c->private_output, jws_key_private_bytes);
    if (status == CLI_OK && (status = half_put(inv, key, c->public_output, jws_key_public_bytes)) != CLI_OK)
        (void)unlink(c->private_output); /* ours, just made: half a pair is none */
    jws_key_free(key);
    return status;
}

static int pair_run(struct invocation *inv)
{
    return tokens_run(inv, 0, pair_create);
}

/* ---- create ---- */

static const struct option create_options[] = {
    {.key = "tokens.private_key",
     .flag = "-pk|--private-key",
     .type = OPTION_TEXT,
     .secret = true,
     AT(private_key),
     .text = "The private key: file:PATH, data:;base64,TEXT, or the base64 itself."},
    {.key = "tokens.subject",
     .flag = "-s|--subject",
     .type = OPTION_TEXT,
     AT(subject),
     .text = "Who it is for, the role; must be given."},
    {.key = "tokens.expiry",
     .flag = "-e|--expiry-time",
     .type = OPTION_TEXT,
     AT(expiry),
     .text = "When it ends: 1h, 3d, 10y from now; by default never."},
    {.key = "tokens.headers",
     .flag = "-hs|--headers",
     .type = OPTION_TEXTS,
     AT(headers),
     .text = "NAME=VALUE, to stand in the token's header; may be said again."},
};

/* NAME=VALUE each. */
static int headers_fill(const struct invocation *inv, char *const *pairs, json_t *header)
{
    for (; pairs && *pairs; pairs++) {
        const char *sign = strchr(*pairs, '=');
        if (!sign || sign == *pairs || json_object_size(header) == HEADERS_MAX)
            return cli_usage_error(inv, "--headers expects NAME=VALUE, %d times at most", HEADERS_MAX);
        if (strncmp(*pairs, "alg=", 4) == 0 || strncmp(*pairs, "crit=", 5) == 0)
            return cli_usage_error(inv, "--headers: `%.*s` is not for you to say", (int)(sign - *pairs), *pairs);
        char *name = strndup(*pairs, (size_t)(sign - *pairs));
        bool set = name && json_object_set_new(header, name, json_string(sign + 1)) == 0;
        free(name);
        if (!set)
            return cli_usage_error(inv, "--headers: `%s` is not UTF-8", *pairs);
    }
    return CLI_OK;
}

static int algorithm_choose(const struct invocation *inv, const struct tokens_config *c, const struct jws_key *key,
                            enum jws_algorithm *out)
{
    *out = c->algorithm ? algorithm_of(c->algorithm) : jws_key_algorithm(key);
    if (jws_key_fits(key, *out))
        return CLI_OK;
    return cli_usage_error(inv, "%s is not for this key", c->algorithm);
}

static int token_print(const struct invocation *inv, const struct tokens_config *c, const struct jws_key *key,
                       const json_t *header, int64_t expires_s)
{
    enum jws_algorithm algorithm;
    struct text token;
    int status = algorithm_choose(inv, c, key, &algorithm);

    if (status != CLI_OK)
        return status;
    text_init(&token, JWS_TEXT_MAX);
    if (token_make(key, algorithm, header, c->subject, expires_s, &token) == OK && puts(token.data) >= 0) {
        status = CLI_OK;
    } else {
        cli_error(inv, "cannot make this token");
        status = CLI_FAILED;
    }
    text_deinit(&token);
    return status;
}

static int token_create(const struct invocation *inv, const struct tokens_config *c)
{
    int64_t span = 0, expires_s = 0;
    struct jws_key *key;
    json_t *header;

    if (!c->subject)
        return cli_usage_error(inv, "give --subject");
    if (c->expiry) {
        if (!relative_time_parse(c->expiry, &span))
            return cli_usage_error(inv, "--expiry-time expects a time such as 1h, 3d or 10y, not `%s`", c->expiry);
        expires_s = (int64_t)time(NULL) + span;
    }
    int status = either_key(inv, c, true, &key);
    if (status != CLI_OK)
        return status;
    header = json_object();
    status = header ? headers_fill(inv, c->headers, header) : CLI_FAILED;
    if (status == CLI_OK)
        status = token_print(inv, c, key, header, expires_s);
    json_decref(header);
    jws_key_free(key);
    return status;
}

static int create_run(struct invocation *inv)
{
    return tokens_run(inv, 0, token_create);
}

/* ---- show and validate ---- */

static const struct option validate_options[] = {
    {.key = "tokens.public_key",
     .flag = "-pk|--public-key",
     .type = OPTION_TEXT,
     AT(public_key),
     .text = "The public key: file:PATH, data:;base64,TEXT, or the base64 itself."},
};

/* The word, standard input, the file or the variable TOKEN, without blanks around; to be freed. */
static int token_gather(const struct invocation *inv, const struct tokens_config *c, char **out)
{
    const char *given = inv->argc > 0 ? inv->argv[0] : !c->stdin_ && !c->token_file ? getenv("TOKEN") : NULL;
    const char *path = c->stdin_ ? "/dev/stdin" : c->token_file;
    struct bytes bytes = given ? bytes_of_text(given) : (struct bytes){0};

    if (!given && !path)
        return cli_usage_error(inv, "which token? Give it, --stdin, --token-file, or the variable TOKEN");
    enum err err = given ? OK : cli_file_read(path, JWS_TEXT_MAX, &bytes);
    if (err != OK) {
        cli_error(inv, "cannot read %s: %s", path, err_text(err));
        return CLI_FAILED;
    }
    const char *text = (const char *)bytes.data;
    size_t begin = 0, end = bytes.len;
    while (begin < end && strchr(" \t\r\n", text[begin]))
        begin++;
    while (end > begin && strchr(" \t\r\n", text[end - 1]))
        end--;
    *out = strndup(text + begin, end - begin);
    if (!given)
        free((void *)(uintptr_t)bytes.data);
    return *out ? CLI_OK : CLI_FAILED;
}

/* As it is in the token, like Pulsar's: header, a line, payload. */
static int token_show(const struct invocation *inv, const struct tokens_config *c)
{
    struct jws jws;
    const char *why;
    char *token, *header;
    int status = token_gather(inv, c, &token);

    if (status != CLI_OK)
        return status;
    enum err err = jws_parse(bytes_of_text(token), &jws, &why);
    free(token);
    if (err != OK) {
        cli_error(inv, "this is no token: %s", why);
        return CLI_FAILED;
    }
    header = json_dumps(jws.header, JSON_COMPACT);
    (void)printf("%s\n---\n%.*s\n", header ? header : "", (int)jws.payload.len, (const char *)jws.payload.data);
    free(header);
    jws_deinit(&jws);
    return CLI_OK;
}

static int show_run(struct invocation *inv)
{
    return tokens_run(inv, 1, token_show);
}

/* As Java shows a map, which is what `pulsar tokens validate` prints: {sub=me, aud=[a, b]}. */
static void claim_write(const json_t *value, struct text *out)
{
    const char *key, *between = "";
    json_t *each;
    size_t i;

    if (json_is_object(value)) {
        text_add(out, "{");
        json_object_foreach((json_t *)(uintptr_t)value, key, each)
        {
            text_printf(out, "%s%s=", between, key);
            claim_write(each, out);
            between = ", ";
        }
        text_add(out, "}");
    } else if (json_is_array(value)) {
        text_add(out, "[");
        json_array_foreach(value, i, each)
        {
            text_add(out, between);
            claim_write(each, out);
            between = ", ";
        }
        text_add(out, "]");
    } else if (json_is_string(value)) {
        text_add_bytes(out, bytes_of(json_string_value(value), json_string_length(value)));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        text_add(out, text ? text : "");
        free(text);
    }
}

/* True if the token's algorithm is the one asked for, or any will do. */
static bool algorithm_is(const char *wanted, const char *token)
{
    struct jws jws;
    const char *why;

    if (!wanted)
        return true;
    if (jws_parse(bytes_of_text(token), &jws, &why) != OK)
        return true; /* that is told better by whoever verifies it */
    const char *name = json_string_value(json_object_get(jws.header, "alg"));
    bool same = name && strcmp(name, wanted) == 0;
    jws_deinit(&jws);
    return same;
}

static int token_check(const struct invocation *inv, const struct tokens_config *c, const struct jws_key *key,
                       const char *text)
{
    const struct token_rules rules = {.now_s = (int64_t)time(NULL)};
    struct token token;
    struct text out;
    const char *why = "it is signed with another algorithm";

    if (!algorithm_is(c->algorithm, text) || token_verify(key, bytes_of_text(text), &rules, &token, &why) != OK) {
        cli_error(inv, "this token is not valid: %s", why);
        return CLI_FAILED;
    }
    text_init(&out, 16 * JWS_TEXT_MAX);
    claim_write(token.claims, &out);
    (void)puts(text_failed(&out) ? "" : out.data);
    text_deinit(&out);
    token_deinit(&token);
    return CLI_OK;
}

static int token_validate(const struct invocation *inv, const struct tokens_config *c)
{
    struct jws_key *key;
    char *token;
    int status = either_key(inv, c, false, &key);

    if (status != CLI_OK)
        return status;
    status = token_gather(inv, c, &token);
    if (status == CLI_OK) {
        status = token_check(inv, c, key, token);
        free(token);
    }
    jws_key_free(key);
    return status;
}

static int validate_run(struct invocation *inv)
{
    return tokens_run(inv, 1, token_validate);
}

/* ---- the verbs ---- */

static const struct verb secret_verb = {
    .name = "create-secret-key",
    .arguments = "[-a HS256] [-o FILE] [-b]",
    .text = "Makes a secret that signs and verifies tokens.",
    .example = "  geminga tokens create-secret-key --output secret.key\n",
    .tables = {VERB_TABLE(secret_options)},
    .run = secret_run,
};

static const struct verb pair_verb = {
    .name = "create-key-pair",
    .arguments = "[-a RS256] --output-private-key FILE --output-public-key FILE",
    .text = "Makes a private key that signs tokens, and the public one that verifies them.",
    .example =
        "  geminga tokens create-key-pair -a ES256 --output-private-key private.key --output-public-key public.key\n",
    .tables = {VERB_TABLE(pair_options)},
    .run = pair_run,
};

static const struct verb create_verb = {
    .name = "create",
    .arguments = "-s SUBJECT -sk KEY | -pk KEY [-e TIME] [-hs NAME=VALUE]...",
    .text = "Makes a token.",
    .example = "  geminga tokens create --secret-key file:secret.key --subject me --expiry-time 1y\n",
    .tables = {VERB_TABLE(create_options), VERB_TABLE(key_options)},
    .run = create_run,
};

static const struct verb validate_verb = {
    .name = "validate",
    .arguments = "-sk KEY | -pk KEY [TOKEN | -f FILE | -i]",
    .text = "Verifies a token, and shows its claims.",
    .example = "  geminga tokens validate --secret-key file:secret.key -f token.txt\n",
    .tables = {VERB_TABLE(validate_options), VERB_TABLE(key_options), VERB_TABLE(source_options)},
    .run = validate_run,
};

static const struct verb show_verb = {
    .name = "show",
    .arguments = "[TOKEN | -f FILE | -i]",
    .text = "Shows what a token says, believing nothing.",
    .example = "  geminga tokens show -f token.txt\n",
    .tables = {VERB_TABLE(source_options)},
    .run = show_run,
};

static const struct verb *const tokens_verbs[] = {&secret_verb,   &pair_verb, &create_verb,
                                                  &validate_verb, &show_verb, NULL};

const struct verb tokens_verb = {
    .name = "tokens",
    .text = "Makes keys and tokens, as `pulsar tokens` does.",
    .example = "  geminga tokens create-secret-key -o secret.key\n"
               "  geminga tokens create -sk file:secret.key -s me\n",
    .verbs = tokens_verbs,
};
