/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_table.h - the commands of `geminga admin`, as rows: groups, commands, their arguments and options, and how a
 * request is made from them and its answer printed.
 *
 * The names are those of Apache Pulsar's pulsar-admin.  Help, refusals, completions and the tests walk the same rows.
 * Rows are constant; nothing here asks anybody.
 *
 * A path has elements in braces: an argument's or an option's name.  "{topic}" and "{namespace}" become
 * "persistent/tenant/namespace/topic" and "tenant/namespace"; the rest is percent-encoded.  "{/bundle}" is "/VALUE" if
 * the option was given, and else nothing; "{@source}" is an option that names a topic, "{~topic}" is a
 * topic's path without its domain, "{=url}" is an option as it was written.
 */
#ifndef CLI_ADMIN_TABLE_H
#define CLI_ADMIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define ADMIN_OPTIONS_MAX   32
#define ADMIN_ARGUMENTS_MAX 2

/* How an option's value is written, and what is sent for it. */
enum admin_kind {
    ADMIN_TEXT,
    ADMIN_SUBSCRIPTION, /* a text, which paths have percent-encoded twice: brokers decode them twice */
    ADMIN_NUMBER,       /* an integer */
    ADMIN_NUMBERS,      /* "1,2": a list of integers */
    ADMIN_REAL,         /* a number */
    ADMIN_SIZE,         /* "10M": bytes */
    ADMIN_MEGABYTES,    /* the same, sent in whole MB; -1 stays -1 */
    ADMIN_SECONDS,      /* "7d", and a bare number is seconds */
    ADMIN_MINUTES,      /* the same, sent in whole minutes; -1 stays -1 */
    ADMIN_MILLIS,       /* the same, sent in milliseconds */
    ADMIN_FLAG,         /* stands alone; true or false is sent */
    ADMIN_IF,           /* stands alone; sent, as true, only when given */
    ADMIN_UNLESS,       /* stands alone; false is sent when given, else true */
    ADMIN_ON,           /* stands alone: true; where there is an ADMIN_OFF too, one of both must be given */
    ADMIN_OFF,          /* stands alone: false */
    ADMIN_LIST,         /* "a,b", perhaps more than once: a list */
    ADMIN_WORDS,        /* one each time: a list */
    ADMIN_PAIRS,        /* "k=v" each time: an object */
    ADMIN_PAIRS_LIST,   /* "k=v,k=v" */
    ADMIN_MESSAGE_ID,   /* "earliest", "latest" or LEDGER:ENTRY: an object */
    ADMIN_FILE,         /* a file of JSON: what is in it */
};

struct admin_option {
    const char *names; /* "-t|--time" */
    enum admin_kind kind;
    /* "?name": in the query.  ".": the body.  ".name": a member of the body (".a,b": of that name and of the other).
     * "!": the body, as a bare text.  NULL: in the path, or for `run`. */
    const char *to;
    const char *text;
    bool required, hidden;
    const char *fallback; /* a value as one would write it */
    const char *choices;  /* "a|b|c" */
};

/* What stands alone on the command line. */
enum admin_place {
    ADMIN_NAME,       /* anything: a tenant, a cluster */
    ADMIN_NAMESPACE,  /* tenant/namespace */
    ADMIN_TOPIC,      /* a topic, short or full */
    ADMIN_PERSISTENT, /* a persistent one */
};

struct admin_argument {
    const char *name; /* "topic": in the help and in paths */
    enum admin_place place;
    const char *variable; /* of the environment: a service's setting that says it where no word does; NULL: none */
};

/* How the answer is printed, with `-o` as it is. */
enum admin_print {
    ADMIN_NOTHING,
    ADMIN_JSON,    /* indented; "null" when there is none */
    ADMIN_COMPACT, /* JSON in one line */
    ADMIN_LINES,   /* a list: one a line */
    ADMIN_MAP,     /* an object: "key    value" lines */
    ADMIN_STRING,  /* a JSON string without its quotes */
    ADMIN_UPPER,   /* the same in upper case */
    ADMIN_RAW,     /* as it came, which is no JSON; `what`, or nothing, when nothing came */
    ADMIN_MEMBER,  /* one member of the object, named by `what` */
    ADMIN_SAY,     /* the sentence `what`, in which "%s" is the first argument */
};

struct admin_call;

struct admin_command {
    const char *name;
    const char *alias;
    const char *text;   /* one sentence */
    const char *method; /* NULL: `run` makes the requests */
    const char *path;
    const struct admin_argument *arguments; /* ends with a NULL name; NULL: none */
    const struct admin_option *options;     /* ends with NULL names; NULL: none */
    const char *body;                       /* JSON that the body begins with; NULL: none unless an option says so */
    const char *when, *path_when;           /* another path when the option `when` was given */
    enum admin_print print;
    const char *what; /* of ADMIN_MEMBER and ADMIN_SAY; of ADMIN_MAP: how an object in it is called, or NULL */
    bool hidden;
    /* Refuses what options cannot mean together, or does all by itself when there is no method.  An exit status;
     * everything is said. */
    int (*check)(struct admin_call *call);
    int (*run)(struct admin_call *call);
};

/* get-NAME, set-NAME, remove-NAME of one policy. */
enum admin_verbs {
    ADMIN_GET = 1,
    ADMIN_SET = 2,
    ADMIN_REMOVE = 4,
    ADMIN_ALL = 7,
    ADMIN_APPLIED = 8, /* get has -ap|--applied */
    ADMIN_GLOBAL = 16, /* each has -g|--global */
    ADMIN_PUT = 32,    /* set is a PUT */
    ADMIN_POLICY_HIDDEN = 64,
    ADMIN_NO_FALSE = 128, /* without --applied, applied is not sent as false */
};

struct admin_policy {
    const char *name;    /* "retention" */
    const char *segment; /* of the path; may hold an element in braces */
    const char *text;    /* "how long messages stay": what the help says after "Shows ", "Sets ", "Unsets " */
    unsigned verbs;
    const struct admin_option *set; /* options of set */
    enum admin_print print;         /* of get */
    const char *what;
    const struct admin_option *all; /* one option that get, set and remove have, or NULL */
    const char *when, *segment_when;
    int (*check)(struct admin_call *call); /* of set */
    const char *body;                      /* of set: see admin_command */
};

struct admin_group {
    const char *name, *alias;
    const char *text;
    const struct admin_command *commands; /* ends with a NULL name; NULL: none */
    const struct admin_policy *policies;  /* ends with a NULL name; NULL: none */
    const char *base;                     /* of a policy's path: "/admin/v2/{topic}" */
    const struct admin_argument *on;      /* of a policy's commands */
    const char *refusal;                  /* why none of it is here; then it has no commands */
    bool hidden;
    bool alone; /* it is its first command, whose name is not said again */
};

/* A command of a group, whose texts may be made up from a policy's row: valid as long as the entry is. */
struct admin_entry {
    struct admin_command command;
    char name[72], text[200], path[160], path_when[160];
    struct admin_option options[ADMIN_OPTIONS_MAX];
};

/* All groups, in the order of the help; ends with a NULL name. */
extern const struct admin_group *const admin_groups[];

const struct admin_group *admin_group_find(const char *name);
size_t admin_command_count(const struct admin_group *group);
/* The i-th command, i < admin_command_count. */
void admin_command_get(const struct admin_group *group, size_t i, struct admin_entry *entry);
/* By name or alias.  False: there is none. */
bool admin_command_find(const struct admin_group *group, const char *name, struct admin_entry *entry);

/* The option that has this spelling ("-t", "--time"), of `len` bytes; NULL: none has. */
const struct admin_option *admin_option_find(const struct admin_option *options, const char *spelling, size_t len);
/* The option called `name` ("time": its first long spelling without dashes); NULL: none is. */
const struct admin_option *admin_option_named(const struct admin_option *options, const char *name);
/* What an option is called: its first long spelling without dashes, or else its first; not NUL-terminated. */
const char *admin_option_name(const struct admin_option *option, size_t *len);
/* True when no value follows the option. */
bool admin_option_alone(const struct admin_option *option);

extern const struct admin_argument admin_on_topic[], admin_on_persistent[], admin_on_namespace[];
extern const struct admin_argument admin_on_service_topic[]; /* persistent, or PULSAR_EVENTS_TOPIC */

extern const struct admin_group admin_clusters, admin_brokers, admin_broker_stats, admin_bookies; /* admin_cluster.c */
extern const struct admin_group admin_isolation, admin_tenants, admin_resource_groups, admin_resource_quotas;
extern const struct admin_group admin_functions_worker, admin_proxy_stats;
extern const struct admin_group admin_namespaces;                        /* admin_namespaces.c */
extern const struct admin_group admin_topics;                            /* admin_topics.c */
extern const struct admin_group admin_persistent, admin_non_persistent;  /* admin_old_topics.c */
extern const struct admin_group admin_topic_policies;                    /* admin_topic_policies.c */
extern const struct admin_group admin_schemas;                           /* admin_schemas.c */
extern const struct admin_group admin_transactions;                      /* admin_transactions.c */
extern const struct admin_group admin_apply, admin_export, admin_doctor; /* admin_setup.c */

#endif
