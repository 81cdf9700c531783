/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_table.h - every policy as HTTP knows it: its path at a namespace and at a topic, and its JSON.
 *
 * A row is what one path sets: one number, or an object with a number for each member.  The paths of the interface are
 * made from this table (routes.h: {namespace_policy}, {topic_policy}), and so is the Policies object of a namespace.
 * Values are bounded by broker/policies.h; here only their types are.  Pure; may call: base/, broker/policies.h,
 * jansson.
 */
#ifndef ADMIN_POLICY_TABLE_H
#define ADMIN_POLICY_TABLE_H

#include "admin/json_out.h"
#include "broker/policies.h"

enum policy_kind { KIND_NUMBER, KIND_BOOL, KIND_CHOICE, KIND_SET, KIND_THOUSANDTHS };

#define MEMBER_REQUIRED INT64_MIN
#define MEMBER_LEFT_OUT (INT64_MIN + 1) /* it is not set then, and not written */
#define MEMBER_NO_WORD  (INT64_MIN + 2) /* null, a choice's first word and an empty set say that nothing is set */

struct policy_member {
    const char *key; /* NULL: the whole value, bare */
    enum policy which;
    enum policy_kind kind;
    const char *const *words; /* of a choice, numbered from 0; of a set, by their bits; NULL at the end */
    int64_t missing;          /* what a member stands for that is not there */
};

#define POLICY_MEMBERS_MAX 4

/* What GET answers where nothing is set. */
enum unset_answer {
    UNSET_NOTHING, /* 204 */
    UNSET_ZERO,    /* 0, false, the first word, the empty set; ?applied=true: as the next */
    UNSET_BROKERS, /* what holds then */
};

struct policy_row {
    const char *of_namespace, *of_topic; /* the last part of the path; NULL: cannot be set there */
    const char *query;                   /* the topic's POST has its value behind the question mark, under this name */
    const char *in_namespace;            /* the member of a namespace's Policies object */
    bool by_cluster;                     /* ... where it stands in an object, under the cluster's name */
    struct policy_member members[POLICY_MEMBERS_MAX]; /* the first without a `which` ends them */
    enum unset_answer namespace_unset, topic_unset;
    /* What Pulsar says of a value out of bounds, where that is not "NAME must be 0 or more"; of a topic's, the second.
     */
    const char *wrong, *topic_wrong;
    /* NULL, or whether what the members say together makes sense; false: the reason says why not. */
    bool (*check)(const struct policies *p, char *reason, size_t reason_size);
    const char *help;
};

const struct policy_row *policy_rows(size_t *count);

/* NULL: there is no such path. */
const struct policy_row *policy_row_find(struct bytes path, bool of_topic);

/* A row's members are set together. */
bool policy_row_is_set(const struct policy_row *row, const struct policies *p);
void policy_row_remove(const struct policy_row *row, struct policies *p);

void policy_row_write(struct json *j, const char *key, const struct policy_row *row, const struct policies *p);

/* What the JSON `body` says, into *p; ERR_INVALID and a sentence: it is not of the row's form. */
MUST_USE enum err policy_row_read(const struct policy_row *row, bool of_topic, struct bytes body, struct policies *p,
                                  char *reason, size_t reason_size);

/* Those of them that the JSON of a namespace's Policies names. */
MUST_USE enum err policies_read_all(struct bytes body, const char *cluster, struct policies *p, char *reason,
                                    size_t reason_size);
/* As members of an object that is open. */
void policies_write_all(struct json *j, const char *cluster, const struct policies *p);

#endif
