/* SPDX-License-Identifier: Apache-2.0
 *
 * accuracy.c - a handler of the notary as a shared object: a model that is not accurate enough is not notarized.
 *
 *     cc -shared -fPIC -I include -o accuracy.so examples/notary/accuracy.c
 *
 * The least accuracy is the `config` of the handlers file, 0.8 without one.  (A handler that does more will want a JSON
 * library; this one looks for one number and keeps to what every machine has.)
 */
#include <geminga/notary_handler.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *open_handler(const char *config, char *why, size_t why_size)
{
    double *least = malloc(sizeof *least);

    if (!least) {
        snprintf(why, why_size, "there is no memory");
        return NULL;
    }
    *least = *config ? strtod(config, NULL) : 0.8;
    return least;
}

static int handle(void *handler, const char *event, size_t event_len, char *answer, size_t answer_size)
{
    static const char member[] = "\"model_accuracy\"";
    const double least = *(const double *)handler;
    const char *found = strstr(event, member);
    double accuracy;

    if (!found || sscanf(found + strlen(member), " : %lf", &accuracy) != 1) {
        snprintf(answer, answer_size, "{\"verdict\":\"reject\",\"reason\":\"metadata.model_accuracy is missing\"}");
        return 0;
    }
    snprintf(answer, answer_size, "{\"verdict\":\"%s\",\"reason\":\"%s\",\"metadata\":{\"accuracy\":%g,\"least\":%g}}",
             accuracy >= least ? "accept" : "reject", accuracy >= least ? "" : "the model is not accurate enough",
             accuracy, least);
    return 0;
}

static void close_handler(void *handler)
{
    free(handler);
}

const struct geminga_notary_handler *geminga_notary_handler(void)
{
    static const struct geminga_notary_handler self = {GEMINGA_NOTARY_HANDLER_VERSION, open_handler, handle,
                                                       close_handler};

    return &self;
}
