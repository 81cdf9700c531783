/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor_submit.c - one entry to the anchors that the environment names, and what they answer, for tests in Python.
 *
 *     anchor_submit FILE  FILE is an entry of our log: any bytes, or as receipt.h composes them
 *
 * For each anchor a line "NAME ok RECEIPT" or "NAME ERR WHY"; a receipt is verified once more, with the entry and with
 * another one in its place, and the report is printed behind it.  The log's key is that of fixture.h.
 */
#include "base/options.h"
#include "services/notary/anchors/anchor.h"
#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/files.h"
#include "services/notary/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char *environment(const char *name, void *ctx)
{
    return getenv(name);
}

static void verify(const struct text *receipt, const struct anchor_entry *entry, const struct public_key *log_key)
{
    json_t *json = json_loadb(receipt->data, receipt->len, 0, NULL);
    const struct anchor_trust nobody = {0};
    struct text report;
    bool verified;

    text_init(&report, 1u << 16);
    if (anchor_verify(json, entry, log_key, &nobody, &report, &verified) == OK)
        printf("%s%s\n", report.data, verified ? "verified" : "not verified");
    text_deinit(&report);
    json_decref(json);
}

static void submit(struct anchor *a, const struct anchor_entry *entry, const struct anchor_settings *s,
                   const struct public_key *log_key)
{
    const struct anchor_entry other = {.index = entry->index, .leaf = bytes_of_text("{\"event_id\":\"another\"}")};
    struct text receipt;
    char why[400] = "";
    enum err err;

    text_init(&receipt, ANCHOR_RECEIPT_MAX);
    err = anchor_submit(a, entry, s->timeout_ms, &receipt, why, sizeof why);
    if (err == OK) {
        printf("%s ok %s\n", anchor_name(a), receipt.data);
        verify(&receipt, entry, log_key);
        verify(&receipt, &other, log_key);
    } else {
        printf("%s %s: %s\n", anchor_name(a), err_text(err), why);
    }
    text_deinit(&receipt);
}

int main(int argc, char **argv)
{
    struct anchor_settings settings = {0};
    struct anchor *anchors[ANCHORS_MAX];
    struct fixture_signer log_key;
    struct options options = {0};
    struct text leaf;
    size_t count = 0;
    char why[400];

    text_init(&leaf, 1u << 20);
    if (argc < 2 || file_read_whole(argv[1], &leaf) != OK)
        return 2;
    if (options_init(&options, anchor_options.rows, anchor_options.count, &settings) != OK ||
        options_env(&options, environment, NULL, why, sizeof why) != OK)
        return 2;
    fixture_signer_init(&log_key, 7);
    bool refused = anchors_open(&settings, &log_key.signer, anchors, &count, why, sizeof why) != OK;
    if (refused)
        printf("refused: %s\n", why);
    const struct anchor_entry entry = {.index = 5, .leaf = bytes_of(leaf.data, leaf.len)};
    for (size_t i = 0; i < count; i++)
        submit(anchors[i], &entry, &settings, &log_key.public_key);
    while (count > 0)
        anchor_close(anchors[--count]);
    fixture_signer_deinit(&log_key);
    options_deinit(&options);
    text_deinit(&leaf);
    return refused ? 1 : 0;
}
