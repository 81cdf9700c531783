/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_setup.c - the rows of `geminga admin apply`, `export` and `doctor`: ours, each a group that is one command.
 */
#include "cli/admin_apply.h"

static const struct admin_option apply_options[] = {
    {.names = "-f|--file",
     .kind = ADMIN_WORDS,
     .required = true,
     .text = "A file of declarations, TOML or *.json; more than once: later ones over earlier ones."},
    {.names = "--dry-run", .kind = ADMIN_IF, .text = "Only shows what would change."},
    {0},
};

static const struct admin_option export_options[] = {
    {.names = "-t|--tenant", .kind = ADMIN_TEXT, .text = "Of this tenant only."},
    {0},
};

static const struct admin_option doctor_options[] = {
    {.names = "--strict", .kind = ADMIN_IF, .text = "Warnings count as failures."},
    {.names = "--json", .kind = ADMIN_IF, .text = "As -o json: a list of findings."},
    {0},
};

static const struct admin_command apply[] = {
    {.name = "apply",
     .text = "Makes clusters, tenants, namespaces, policies, topics, schemas and permissions as files declare them.",
     .options = apply_options,
     .run = admin_apply_run},
    {0},
};

static const struct admin_command export_[] = {
    {.name = "export",
     .text = "Writes what is there as apply takes it, in TOML (-o json: in JSON).",
     .options = export_options,
     .run = admin_export_run},
    {0},
};

static const struct admin_command doctor[] = {
    {.name = "doctor",
     .text = "Looks a broker over, and says what is not as it should be; exit status 1 if something fails.",
     .options = doctor_options,
     .run = admin_doctor_run},
    {0},
};

const struct admin_group admin_apply = {
    .name = "apply", .text = "Makes a set-up as files declare it", .commands = apply, .alone = true};
const struct admin_group admin_export = {
    .name = "export", .text = "Writes a set-up down as apply takes it", .commands = export_, .alone = true};
const struct admin_group admin_doctor = {
    .name = "doctor", .text = "Looks a broker over", .commands = doctor, .alone = true};
