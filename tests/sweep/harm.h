/* SPDX-License-Identifier: Apache-2.0
 *
 * harm.h - for operations of the sweep that begin with a damaged directory, and for the tools that look at one, or
 * copy it.
 *
 * Damage is done to a model whose store is closed or crashed.  What it may cost is noted in the model
 * (model_append.given_up), and how a start goes on behind it in its options (give_up).
 */
#ifndef SWEEP_HARM_H
#define SWEEP_HARM_H

#include "store/store_model.h"

/* A bit of one entry of topic 1, in a segment that it shares: --give-up ledger:N. */
void harm_segment(struct model *m);
/* That segment is gone, with entries of several ledgers: --give-up segment:N. */
void harm_by_loss_of_a_segment(struct model *m);
/* A bit of one entry in the journal, with others of its ledger behind it: --give-up batch:N, as the refusal says.  To
 * be called with the store open; crashes it. */
void harm_journal(struct model *m);

/* A bit of a row, or of what leads to it, in catalog.db, which has a copy: --give-up index, as the refusal says. */
void harm_index(struct model *m);
bool harm_index_kept(const struct model *m);

/* A disk beside the model's for a backup, and the request for one; before the store is opened. */
void harm_ask_for_backup(struct model *m);
void harm_start_backup(struct model *m);
bool harm_backup_done(const struct model *m);
/* What calls itself a backup is one: every byte can be restored. */
void harm_check_backup(void);

/* The tools, over the whole directory; nobody has it open. */
void harm_verify(struct model *m);
void harm_inspect(struct model *m);
void harm_export(struct model *m);

#endif
