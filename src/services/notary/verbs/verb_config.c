/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_config.c - `geminga notary config`: what a notary with this file, this environment and these flags would go
 * by, and who said so; secrets are stars.  What would be refused is said after it.
 */
#include "services/notary/verbs/notary_verbs.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX (256u << 10)

static bool print(const struct options *sets, bool all, bool as_json)
{
    struct text out;
    bool done;

    text_init(&out, SHOWN_MAX);
    (as_json ? options_show_json : options_show)(sets, all, &out);
    if (as_json)
        text_add(&out, "\n");
    done = !text_failed(&out) && fwrite(out.data ? out.data : "", 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    text_deinit(&out);
    return done;
}

static int show(const struct notary_settings *settings, const struct options *sets, bool all, bool as_json)
{
    char message[600];

    if (!print(sets, all, as_json)) {
        notary_complain("cannot write to standard output");
        return NOTARY_EXIT_FAILED;
    }
    if (notary_settings_check(settings, message, sizeof message) == OK)
        return NOTARY_EXIT_OK;
    notary_complain("a notary would refuse this: %s", message);
    return NOTARY_EXIT_FAILED;
}

int notary_verb_config(int argc, char **argv)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES] = {0};
    const char *output;
    const bool all = notary_take_word(&argc, argv, "--effective");
    int status;

    if (!notary_take_flag(&argc, argv, "-o", &output))
        return NOTARY_EXIT_USAGE;
    status = notary_configure(&settings, sets, &argc, argv);
    if (status == NOTARY_EXIT_OK && argc > 0)
        status = notary_verb_misused("config", "what is %s?", argv[0]);
    if (status == NOTARY_EXIT_OK && output && strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
        status = notary_verb_misused("config", "-o is text or json, and is %s", output);
    if (status == NOTARY_EXIT_OK)
        status = show(&settings, sets, all, output && strcmp(output, "json") == 0);
    notary_settings_deinit(sets);
    return status;
}
