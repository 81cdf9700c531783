/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_log.c - the transparency log for others: its checkpoint, entries, proofs, and C2SP's tiles as files.
 *
 * The files under /log/ are those of DIR/log (registry.h), as they are: checkpoint, tile/L/N, tile/entries/N, and
 * partial ones.  A name is made of these words and of digits, so that nothing else can be named by it.
 */
#include "services/notary/rest/notary_rest_private.h"

#include "services/notary/files.h"
#include <stdio.h>

static enum err log_ask(struct registry_view *v, const void *about, struct text *to)
{
    return registry_view_log(v, to);
}

void rest_log_show(void *ctx, struct rest_call *c)
{
    notary_rest_answer(ctx, c, log_ask, NULL);
}

static enum err entry_ask(struct registry_view *v, const void *about, struct text *to)
{
    return registry_view_entry(v, *(const uint64_t *)about, to);
}

static bool read_number(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || *out > UINT64_MAX / 16)
            return false;
        *out = *out * 10 + (uint64_t)(*p - '0');
    }
    return *text != '\0';
}

void rest_log_entry(void *ctx, struct rest_call *c)
{
    uint64_t index;

    if (read_number(c->parameters[0], &index))
        notary_rest_answer(ctx, c, entry_ask, &index);
    else
        call_reason(c->call, 400, "an entry is named by its number");
}

struct sizes {
    uint64_t from, to;
};

static enum err consistency_ask(struct registry_view *v, const void *about, struct text *to)
{
    const struct sizes *sizes = about;

    return registry_view_consistency(v, sizes->from, sizes->to, to);
}

void rest_log_consistency(void *ctx, struct rest_call *c)
{
    const char *from = rest_query(c, "from"), *to = rest_query(c, "to");
    struct sizes sizes;

    if (!from || !to || !read_number(from, &sizes.from) || !read_number(to, &sizes.to) || sizes.from > sizes.to)
        call_reason(c->call, 400, "say from which size of the log to which: ?from=N&to=M, N not larger than M");
    else
        notary_rest_answer(ctx, c, consistency_ask, &sizes);
}

void rest_log_key(void *ctx, struct rest_call *c)
{
    struct notary_rest *r = ctx;

    public_key_to_pem(signer_key(r->log_key), &c->call->answer.body);
    c->call->answer.content_type = "application/x-pem-file";
    c->call->answer.status = text_failed(&c->call->answer.body) ? 500 : 200;
    call_finish(c->call);
}

/* ---- files ---- */

static bool is_word(const char *part, size_t len)
{
    static const char *const words[] = {"checkpoint", "tile", "entries"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && memcmp(words[i], part, len) == 0)
            return true;
    return false;
}

/* "7", "067", "x001", "067.p". */
static bool is_number(const char *part, size_t len)
{
    size_t i = len > 0 && part[0] == 'x';
    const size_t digits = i;

    while (i < len && part[i] >= '0' && part[i] <= '9')
        i++;
    if (i == digits)
        return false;
    return i == len || (len - i == 2 && part[i] == '.' && part[i + 1] == 'p');
}

static bool is_name(const char *path)
{
    while (*path) {
        const size_t len = strcspn(path, "/");
        if (!is_word(path, len) && !is_number(path, len))
            return false;
        path += len;
        if (*path == '/' && !*++path)
            return false;
    }
    return true;
}

void rest_log_file(void *ctx, struct rest_call *c)
{
    const struct notary_rest *r = ctx;
    const char *path = c->parameters[0];
    char file[4096];

    if (!is_name(path) ||
        (size_t)snprintf(file, sizeof file, "%s/log/%s", r->settings->own.data_dir, path) >= sizeof file ||
        file_read_whole(file, &c->call->answer.body) != OK) {
        call_reason(c->call, 404, "the log has no such file");
        return;
    }
    c->call->answer.content_type =
        strcmp(path, "checkpoint") == 0 ? "text/plain; charset=utf-8" : "application/octet-stream";
    c->call->answer.status = 200;
    call_finish(c->call);
}
