/* SPDX-License-Identifier: Apache-2.0
 *
 * notices.c - a sender for each kind of channel, and the settings that say whom it may talk to.
 */
#include "services/notary/notices/notices.h"

#include "base/commas.h"
#include "base/secret.h"
#include "services/notary/notices/mail_message.h"
#include "services/runtime/http.h"
#include "services/runtime/mail.h"
#include "services/runtime/secret_source.h"
#include <assert.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define RECIPIENTS_MAX 50
#define BODY_MAX       (16u << 10)
#define ANSWER_MAX     (64u << 10)
#define NAME_SIZE      128
#define URL_SIZE       2048
#define HEADER_SIZE    160

struct notices {
    const struct notices_settings *settings;
};

/* One notice on its way. */
struct sending {
    const struct notices_settings *settings;
    const struct notice *notice;
    const json_t *value; /* of the channel's one member */
    int64_t timeout_ms;
    char *why;
    size_t why_size;
};

static enum err fail(const struct sending *s, enum err err, const char *what)
{
    (void)snprintf(s->why, s->why_size, "%s", what);
    return err;
}

/* ---- settings ---- */

static bool is_url(struct bytes text, const char *const *schemes)
{
    for (size_t i = 0; schemes[i]; i++)
        if (text.len > strlen(schemes[i]) && memcmp(text.data, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static bool is_web_hook(struct bytes text)
{
    static const char *const schemes[] = {"https://", "http://", "file:///", "env:", NULL};

    return is_url(text, schemes);
}

static bool names_equal(struct bytes name, const char *other, size_t other_len)
{
    if (name.len > 0 && name.data[0] == '#')
        name = bytes_of(name.data + 1, name.len - 1);
    if (other_len > 0 && *other == '#')
        other++, other_len--;
    return name.len > 0 && bytes_equal(name, bytes_of(other, other_len));
}

/* "NAME=VALUE, ...": the next pair. */
static bool next_pair(const char **list, struct bytes *name, struct bytes *value)
{
    const uint8_t *sign;

    if (!commas_next(list, name))
        return false;
    sign = memchr(name->data, '=', name->len);
    *value = sign ? bytes_of(sign + 1, name->len - (size_t)(sign + 1 - name->data)) : bytes_of("", 0);
    if (sign)
        name->len = (size_t)(sign - name->data);
    return true;
}

static bool pairs_find(const char *list, const char *wanted, struct bytes *value)
{
    struct bytes name;

    while (next_pair(&list, &name, value))
        if (names_equal(name, wanted, strlen(wanted)))
            return true;
    return false;
}

/* The names are no secrets, what they stand for may be. */
static enum err check_pairs(const char *option, const char *list, bool urls, char *why, size_t why_size)
{
    struct bytes name, value;

    while (next_pair(&list, &name, &value)) {
        if (name.len > 0 && name.len < NAME_SIZE && value.len > 0 && value.len < URL_SIZE &&
            (!urls || is_web_hook(value)))
            continue;
        (void)snprintf(why, why_size, "%s must be NAME=%s with commas", option,
                       urls ? "URL, file:///PATH or env:VARIABLE" : "SECRET");
        return ERR_INVALID;
    }
    return OK;
}

static enum err check_secrets_have_hooks(const struct notices_settings *s, char *why, size_t why_size)
{
    const char *list = s->webhook_secrets;
    struct bytes name, value;
    char own[NAME_SIZE];

    while (next_pair(&list, &name, &value)) {
        (void)snprintf(own, sizeof own, "%.*s", (int)name.len, (const char *)name.data);
        if (pairs_find(s->webhooks, own, &value))
            continue;
        (void)snprintf(why, why_size, "notary.notices.webhook_secrets has a name that notary.notices.webhooks has not");
        return ERR_INVALID;
    }
    return OK;
}

static enum err check_mail(const struct notices_settings *s, char *why, size_t why_size)
{
    static const char *const schemes[] = {"smtp://", "smtps://", "plain://", NULL};
    const char *domain;

    if (!s->smtp_url)
        return OK;
    if (!is_url(bytes_of_text(s->smtp_url), schemes) || strlen(s->smtp_url) >= URL_SIZE) {
        (void)snprintf(why, why_size, "notary.notices.smtp_url must be smtp://, smtps:// or plain://HOST:PORT");
        return ERR_INVALID;
    }
    if (!s->mail_from || !mail_address_is_valid(s->mail_from, &domain)) {
        (void)snprintf(why, why_size, "notary.notices.mail_from must be an address, such as notary@example.com");
        return ERR_INVALID;
    }
    if (!s->smtp_user == !s->smtp_password)
        return OK;
    (void)snprintf(why, why_size, "notary.notices.smtp_user and smtp_password go together");
    return ERR_INVALID;
}

static enum err check(const struct notices_settings *s, char *why, size_t why_size)
{
    enum err err;

    if (s->slack_url && !is_web_hook(bytes_of_text(s->slack_url))) {
        (void)snprintf(why, why_size, "notary.notices.slack_url must be a URL, file:///PATH or env:VARIABLE");
        return ERR_INVALID;
    }
    if ((err = check_pairs("notary.notices.slack_urls", s->slack_urls, true, why, why_size)) != OK ||
        (err = check_pairs("notary.notices.webhooks", s->webhooks, true, why, why_size)) != OK ||
        (err = check_pairs("notary.notices.webhook_secrets", s->webhook_secrets, false, why, why_size)) != OK ||
        (err = check_secrets_have_hooks(s, why, why_size)) != OK)
        return err;
    return check_mail(s, why, why_size);
}

enum err notices_new(struct notices **out, const struct notices_settings *s, char *why, size_t why_size)
{
    enum err err = check(s, why, why_size);
    struct notices *n;

    if (err != OK)
        return err;
    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if (!(n = calloc(1, sizeof *n)))
        return ERR_NOMEM;
    n->settings = s;
    *out = n;
    return OK;
}

void notices_free(struct notices *n)
{
    free(n);
}

/* ---- web hooks ---- */

/* A setting's text or what it stands for; the caller's to secret_free.  A file that is not there may be put there: so
 * that is tried again. */
static enum err read_secret(const struct sending *s, struct bytes setting, const char *what, char **out)
{
    char *copy = strndup((const char *)setting.data, setting.len);
    enum err err = copy ? OK : ERR_NOMEM;

    if (err == OK && secret_source_read(copy, what, out, s->why, s->why_size) != OK)
        err = ERR_AGAIN;
    secret_free(copy);
    return err;
}

static enum err judge_status(const struct sending *s, const char *whom, long status)
{
    char text[100];

    if (status >= 200 && status < 300)
        return OK;
    (void)snprintf(text, sizeof text, "%s answers %ld", whom, status);
    return fail(s, status == 408 || status == 425 || status == 429 || status >= 500 ? ERR_AGAIN : ERR_DENIED, text);
}

static enum err post(const struct sending *s, const char *whom, const char *url, const struct text *body,
                     const char *signature)
{
    char key[NOTICE_KEY_SIZE], key_header[HEADER_SIZE], kind_header[HEADER_SIZE];
    const char *headers[] = {"Content-Type: application/json", key_header, kind_header, signature, NULL};
    struct http_call call = {.url = url,
                             .headers = headers,
                             .body = bytes_of(body->data, body->len),
                             .timeout_ms = s->timeout_ms,
                             .answer_max = ANSWER_MAX,
                             .trust_certs = s->settings->trust_certs};
    struct http_reply reply;
    enum err err;

    if ((err = notice_key(s->notice, key)) != OK)
        return fail(s, err, err_text(err));
    (void)snprintf(key_header, sizeof key_header, "Idempotency-Key: %s", key);
    (void)snprintf(kind_header, sizeof kind_header, "X-Geminga-Event: %s", notice_kind_name(s->notice->kind));
    err = http_perform(&call, &reply, s->why, s->why_size);
    if (err == OK)
        err = judge_status(s, whom, reply.status);
    http_reply_deinit(&reply);
    return err;
}

/* ---- Slack ---- */

/* What Slack would read as markup: a mention of everybody, a link under a false name. */
static void add_escaped(struct text *to, const char *text)
{
    for (; *text; text++) {
        const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (escaped)
            text_add(to, escaped);
        else
            text_add_bytes(to, bytes_of(text, 1));
    }
}

static void write_slack(const struct notice *n, struct text *body)
{
    struct text words;

    text_init(&words, BODY_MAX);
    text_add(&words, "*");
    add_escaped(&words, n->title);
    text_add(&words, "*\n");
    add_escaped(&words, n->text);
    if (n->link && *n->link) {
        text_add(&words, "\n");
        add_escaped(&words, n->link);
    }
    text_add(body, "{\"text\":");
    text_add_json(body, bytes_of(words.data, words.len));
    text_add(body, "}");
    body->failed = body->failed || text_failed(&words);
    text_deinit(&words);
}

static enum err send_slack(const struct sending *s)
{
    const char *name = json_string_value(s->value);
    struct bytes setting;
    struct text body;
    char *url = NULL;
    enum err err;

    if (!name || !*name)
        return fail(s, ERR_INVALID, "a Slack channel must be a name, such as \"#ml-deployments\"");
    if (!pairs_find(s->settings->slack_urls, name, &setting)) {
        if (!s->settings->slack_url)
            return fail(s, ERR_NOT_FOUND, "no web hook is configured for this Slack channel");
        setting = bytes_of_text(s->settings->slack_url);
    }
    if ((err = read_secret(s, setting, "the URL of the Slack web hook", &url)) != OK)
        return err;
    text_init(&body, BODY_MAX);
    write_slack(s->notice, &body);
    err = text_failed(&body) ? fail(s, ERR_NOMEM, err_text(ERR_NOMEM)) : post(s, "Slack", url, &body, NULL);
    text_deinit(&body);
    secret_free(url);
    return err;
}

/* ---- a web hook ---- */

/* "X-Geminga-Signature: sha256=HEX", HMAC of the body; empty when there is no key for this target. */
static enum err sign(const struct sending *s, const char *name, const struct text *body, char header[HEADER_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    struct bytes setting;
    unsigned len = 0;
    char *key = NULL;
    enum err err;
    int at;

    header[0] = '\0';
    if (!pairs_find(s->settings->webhook_secrets, name, &setting))
        return OK;
    if ((err = read_secret(s, setting, "the key of the web hook", &key)) != OK)
        return err;
    if (!HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)body->data, body->len, mac, &len))
        err = fail(s, ERR_NOMEM, err_text(ERR_NOMEM));
    secret_free(key);
    at = snprintf(header, HEADER_SIZE, "X-Geminga-Signature: sha256=");
    for (unsigned i = 0; i < len; i++)
        at += snprintf(header + at, HEADER_SIZE - (size_t)at, "%02x", mac[i]);
    return err;
}

static enum err send_signed(const struct sending *s, const char *name, const char *url)
{
    char header[HEADER_SIZE];
    struct text body;
    enum err err;

    text_init(&body, BODY_MAX);
    if ((err = notice_body(s->notice, &body)) != OK)
        (void)fail(s, err, err_text(err));
    else if ((err = sign(s, name, &body, header)) == OK)
        err = post(s, "the web hook", url, &body, header[0] ? header : NULL);
    text_deinit(&body);
    return err;
}

static enum err send_webhook(const struct sending *s)
{
    const char *name = json_string_value(s->value);
    struct bytes setting;
    char *url = NULL;
    enum err err;

    if (!name || !*name)
        return fail(s, ERR_INVALID, "a web hook must be the name of a configured target");
    if (!pairs_find(s->settings->webhooks, name, &setting))
        return fail(s, ERR_NOT_FOUND, "no web hook of this name is configured");
    if ((err = read_secret(s, setting, "the URL of the web hook", &url)) != OK)
        return err;
    err = send_signed(s, name, url);
    secret_free(url);
    return err;
}

/* ---- mail ---- */

static bool domain_is_allowed(const char *domains, const char *domain)
{
    struct bytes name;

    while (commas_next(&domains, &name))
        if (name.len == strlen(domain) && strncasecmp((const char *)name.data, domain, name.len) == 0)
            return true;
    return false;
}

static enum err read_recipients(const struct sending *s, const char *recipients[RECIPIENTS_MAX + 1])
{
    size_t count = json_is_string(s->value) ? 1 : json_array_size(s->value);
    char text[400];

    if (count == 0 || count > RECIPIENTS_MAX)
        return fail(s, ERR_INVALID, "mail needs 1 to 50 recipients, as [\"a@example.com\"]");
    for (size_t i = 0; i < count; i++) {
        const char *domain;
        recipients[i] = json_string_value(json_is_string(s->value) ? s->value : json_array_get(s->value, i));
        if (!recipients[i] || !mail_address_is_valid(recipients[i], &domain))
            return fail(s, ERR_INVALID, "a recipient is no mail address");
        if (domain_is_allowed(s->settings->mail_domains, domain))
            continue;
        (void)snprintf(text, sizeof text, "%s is not of a domain of notary.notices.mail_domains", recipients[i]);
        return fail(s, ERR_DENIED, text);
    }
    recipients[count] = NULL;
    return OK;
}

static enum err give_to_server(const struct sending *s, const char *const *recipients, const struct text *message,
                               const char *password)
{
    const struct notices_settings *settings = s->settings;
    bool plain = strncmp(settings->smtp_url, "plain://", 8) == 0;
    struct mail_call call = {.without_tls = plain,
                             .user = settings->smtp_user,
                             .password = password,
                             .from = settings->mail_from,
                             .recipients = recipients,
                             .message = bytes_of(message->data, message->len),
                             .timeout_ms = s->timeout_ms,
                             .trust_certs = settings->trust_certs};
    char url[URL_SIZE + 8];

    (void)snprintf(url, sizeof url, "%s%s", plain ? "smtp://" : "", settings->smtp_url + (plain ? 8 : 0));
    call.url = url;
    return mail_send(&call, s->why, s->why_size);
}

static enum err send_email(const struct sending *s)
{
    const char *recipients[RECIPIENTS_MAX + 1];
    const char *setting = s->settings->smtp_password;
    struct text message;
    char *password = NULL;
    enum err err;

    if (!s->settings->smtp_url)
        return fail(s, ERR_NOT_FOUND, "no mail server is configured (notary.notices.smtp_url)");
    if ((err = read_recipients(s, recipients)) != OK ||
        (setting && (err = read_secret(s, bytes_of_text(setting), "the password of the mail server", &password)) != OK))
        return err;
    text_init(&message, BODY_MAX);
    if ((err = mail_message(s->notice, s->settings->mail_from, recipients, &message)) != OK)
        (void)fail(s, err, err_text(err));
    else
        err = give_to_server(s, recipients, &message, password);
    text_deinit(&message);
    secret_free(password);
    return err;
}

/* ---- channels ---- */

static enum err refuse_topic(const struct sending *s)
{
    return fail(s, ERR_NOT_FOUND, "this topic is not the configured one (notary.notices.topic)");
}

static const struct {
    const char *name;
    enum err (*send)(const struct sending *s);
} senders[] = {{"slack", send_slack}, {"email", send_email}, {"webhook", send_webhook}, {"topic", refuse_topic}};

static enum err dispatch(struct sending *s, json_t *channel)
{
    const char *kind = json_object_iter_key(json_object_iter(channel));
    enum err err;

    s->value = kind ? json_object_get(channel, kind) : NULL;
    for (size_t i = 0; kind && i < sizeof senders / sizeof *senders; i++) {
        if (strcmp(senders[i].name, kind) != 0)
            continue;
        if ((err = senders[i].send(s)) == ERR_NOMEM)
            (void)fail(s, err, err_text(err));
        return err;
    }
    return fail(s, ERR_UNSUPPORTED, "a channel is one of slack, email, webhook, topic");
}

enum err notices_send(struct notices *n, const struct notice *notice, int64_t timeout_ms, char *why, size_t why_size)
{
    const struct notices_settings *settings = n->settings;
    struct sending s = {.settings = settings,
                        .notice = notice,
                        .timeout_ms = timeout_ms < settings->timeout_ms ? timeout_ms : settings->timeout_ms,
                        .why = why,
                        .why_size = why_size};
    json_t *channel = json_loadb((const char *)notice->channel.data, notice->channel.len, 0, NULL);
    enum err err;

    assert(timeout_ms > 0);
    err = json_object_size(channel) == 1 ? dispatch(&s, channel)
                                         : fail(&s, ERR_INVALID, "a channel must be an object with one member");
    json_decref(channel);
    return err;
}

const char *notices_topic(const struct notices *n, struct bytes channel)
{
    const char *topic = n ? n->settings->topic : NULL;
    json_t *json = topic ? json_loadb((const char *)channel.data, channel.len, 0, NULL) : NULL;
    const char *named = json_string_value(json_object_get(json, "topic"));
    bool is_it = named && strcmp(named, topic) == 0;

    json_decref(json);
    return is_it ? topic : NULL;
}
