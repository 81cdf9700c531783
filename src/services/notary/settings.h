/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - the notary's options: those of every service (services/runtime/settings.h), its own, and its adapters'.
 *
 * A table each, all fed from the same file, environment and flags.  May call: base/.
 */
#ifndef SERVICES_NOTARY_SETTINGS_H
#define SERVICES_NOTARY_SETTINGS_H

#include "base/log.h"
#include "services/notary/anchors/anchor.h"
#include "services/notary/artifacts/artifacts.h"
#include "services/notary/filters/filter.h"
#include "services/notary/handlers/handlers.h"
#include "services/notary/http_settings.h"
#include "services/notary/notices/notices.h"
#include "services/notary/signers/signers.h"
#include "services/notary/temporal/temporal.h"
#include "services/notary/workflow_settings.h"
#include "services/runtime/settings.h"

struct notary_own_settings {
    char *data_dir;
    char *log_url;
    char *log_key_file; /* "": notary.key in the data directory */
    char *journal_topic;
    char *workflow_engine; /* embedded, temporal */
    char *log_level, *log_format, *rust_log;
};

extern const struct option_table notary_options;

struct notary_settings {
    struct pulsar_settings pulsar;
    struct notary_own_settings own;
    struct notary_http_settings http;
    struct notary_approvals_settings approvals;
    struct filter_settings filter;
    struct artifacts_settings artifacts;
    struct notices_settings notices;
    struct handlers_settings handlers;
    struct anchor_settings anchors;
    struct signer_settings signer;
    struct workflow_settings workflows;
    struct temporal_settings temporal;
};

/* One line for each table, and its values in the same place of notary_settings_values. */
/* clang-format off */
#define NOTARY_TABLE_LIST                                                                                              \
    &pulsar_options, &notary_options,                                                                                  \
    &notary_http_options, &notary_approvals_options,                                                                   \
    &filter_options, &artifacts_options, &notices_options, &handlers_options,              \
    &anchor_options,                                                                      \
    &signer_options,                                                                      \
    &workflow_options, &temporal_options
/* clang-format on */
#define NOTARY_TABLES 12

void notary_settings_values(struct notary_settings *s, void *values[NOTARY_TABLES]);

/* Defaults.  ERR_NOMEM.  notary_settings_deinit after any result. */
MUST_USE enum err notary_settings_init(struct notary_settings *s, struct options sets[NOTARY_TABLES]);
void notary_settings_deinit(struct options sets[NOTARY_TABLES]);

/* What each of them allows alone and not together, or what is not built: ERR_UNSUPPORTED, ERR_INVALID, with the
 * sentence for the user in `message`. */
MUST_USE enum err notary_settings_check(const struct notary_settings *s, char *message, size_t message_size);

/* Sets the log's levels and its form; only after notary_settings_check. */
void notary_log_init(const struct notary_settings *s, struct log *log);

#endif
