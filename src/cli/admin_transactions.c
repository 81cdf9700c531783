/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_transactions.c - the commands of `geminga admin transactions`.
 */
#include "cli/admin_call.h"

#define BASE "/admin/v3/transactions"
#define OPTIONS(...)                                                                                                   \
    .options = (const struct admin_option[])                                                                           \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

#define TOPIC                                                                                                          \
    {                                                                                                                  \
        "-t|--topic", ADMIN_TEXT, NULL, "The topic.", .required = true                                                 \
    }
#define SUBSCRIPTION                                                                                                   \
    {                                                                                                                  \
        "-s|--subscription-name", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true                      \
    }
#define SUB_NAME                                                                                                       \
    {                                                                                                                  \
        "-s|--sub-name", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true                               \
    }
#define METADATA                                                                                                       \
    {                                                                                                                  \
        "-m|--metadata", ADMIN_FLAG, "?metadata", "With the ledgers' metadata."                                        \
    }
#define TRANSACTION                                                                                                    \
    {"-m|--most-sig-bits", ADMIN_NUMBER, NULL, "The first half of the transaction's id.", .required = true},           \
    {                                                                                                                  \
        "-l|--least-sig-bits", ADMIN_NUMBER, NULL, "The second half.", .required = true                                \
    }

/* Of one coordinator, an object; of all, an object each. */
static int coordinator_stats_run(struct admin_call *call)
{
    json_t *json;
    const int status = admin_ask_row(call, &json);

    if (status == 0)
        admin_print_value(call, json, admin_given(call, "coordinator-id") ? ADMIN_JSON : ADMIN_MAP);
    json_decref(json);
    return status;
}

static int coordinators_list_run(struct admin_call *call)
{
    json_t *json, *each;
    size_t i;
    const int status = admin_ask_row(call, &json);

    if (status != 0)
        return status;
    if (call->output != ADMIN_AS_PULSAR)
        admin_print_value(call, json, ADMIN_JSON);
    json_array_foreach(json, i, each)
    {
        const char *url = json_string_value(json_object_get(each, "brokerServiceUrl"));
        if (call->output == ADMIN_AS_PULSAR)
            (void)fprintf(call->out, "%" JSON_INTEGER_FORMAT "    %s\n",
                          json_integer_value(json_object_get(each, "id")), url ? url : "null");
    }
    json_decref(json);
    return 0;
}

static int replicas_check(struct admin_call *call)
{
    if (json_integer_value(admin_value(call, "replicas")) <= 0)
        return admin_refuse(call, "there is at least 1 coordinator");
    return 0;
}

static const struct admin_command commands[] = {
    {"coordinators-list", .text = "Lists the coordinators.", .method = "GET", .path = BASE "/coordinators",
     .run = coordinators_list_run},
    {"coordinator-stats", .text = "Shows what coordinators do.", .method = "GET", .path = BASE "/coordinatorStats",
     .run = coordinator_stats_run, .what = "TransactionCoordinatorStats",
     OPTIONS({"-c|--coordinator-id", ADMIN_NUMBER, "?coordinatorId", "Only this one."})},
    {"coordinator-internal-stats", .text = "Shows a coordinator's log.", .method = "GET",
     .path = BASE "/coordinatorInternalStats/{coordinator-id}", .print = ADMIN_JSON,
     OPTIONS({"-c|--coordinator-id", ADMIN_NUMBER, NULL, "The coordinator.", .required = true}, METADATA)},
    {"scale-transactionCoordinators", .text = "Sets how many coordinators there are.", .method = "POST",
     .path = BASE "/transactionCoordinator/replicas", .check = replicas_check,
     OPTIONS({"-r|--replicas", ADMIN_NUMBER, ".", "How many.", .fallback = "0"})},
    {"transaction-metadata", .text = "Shows a transaction.", .method = "GET",
     .path = BASE "/transactionMetadata/{most-sig-bits}/{least-sig-bits}", .print = ADMIN_JSON, OPTIONS(TRANSACTION)},
    {"slow-transactions", .text = "Lists transactions that have been open for long.", .method = "GET",
     .path = BASE "/slowTransactions/{time}", .print = ADMIN_MAP, .what = "TransactionMetadata",
     OPTIONS({"-c|--coordinator-id", ADMIN_NUMBER, "?coordinatorId", "Only of this coordinator."},
             {"-t|--time", ADMIN_MILLIS, NULL, "For how long: 10s, 1m, 5h.", .required = true})},
    {"abort-transaction", .text = "Aborts a transaction.", .method = "POST",
     .path = BASE "/abortTransaction/{most-sig-bits}/{least-sig-bits}", OPTIONS(TRANSACTION)},
    {"transaction-buffer-stats", .text = "Shows the open transactions of a topic.", .method = "GET",
     .path = BASE "/transactionBufferStats/{~topic}", .print = ADMIN_JSON,
     OPTIONS(TOPIC, {"-l|--low-water-mark", ADMIN_FLAG, "?lowWaterMarks", "With the low water marks."},
             {"-s|--segment-stats", ADMIN_FLAG, "?segmentStats", "With the segments."})},
    {"buffer-snapshot-internal-stats", .text = "Shows the snapshots of a topic's open transactions.", .method = "GET",
     .path = BASE "/transactionBufferInternalStats/{~topic}", .print = ADMIN_JSON, OPTIONS(TOPIC, METADATA)},
    {"transaction-in-buffer-stats", .text = "Shows a transaction in a topic.", .method = "GET",
     .path = BASE "/transactionInBufferStats/{~topic}/{most-sig-bits}/{least-sig-bits}", .print = ADMIN_JSON,
     OPTIONS(TRANSACTION, TOPIC)},
    {"pending-ack-stats", .text = "Shows the open acknowledgements of a subscription.", .method = "GET",
     .path = BASE "/pendingAckStats/{~topic}/{sub-name}", .print = ADMIN_JSON,
     OPTIONS(TOPIC, SUB_NAME, {"-l|--low-water-mark", ADMIN_FLAG, "?lowWaterMarks", "With the low water marks."})},
    {"pending-ack-internal-stats", .text = "Shows the log of a subscription's open acknowledgements.", .method = "GET",
     .path = BASE "/pendingAckInternalStats/{~topic}/{subscription-name}", .print = ADMIN_JSON,
     OPTIONS(TOPIC, SUBSCRIPTION, METADATA)},
    {"transaction-in-pending-ack-stats", .text = "Shows a transaction in a subscription.", .method = "GET",
     .path = BASE "/transactionInPendingAckStats/{~topic}/{sub-name}/{most-sig-bits}/{least-sig-bits}",
     .print = ADMIN_JSON, OPTIONS(TRANSACTION, TOPIC, SUB_NAME)},
    {"position-stats-in-pending-ack", .text = "Shows whether a message is being acknowledged by a transaction.",
     .method = "GET", .path = BASE "/positionStatsInPendingAck/{~topic}/{subscription-name}/{ledger-id}/{entry-id}",
     .print = ADMIN_JSON,
     OPTIONS(TOPIC, SUBSCRIPTION, {"-l|--ledger-id", ADMIN_NUMBER, NULL, "Its ledger.", .required = true},
             {"-e|--entry-id", ADMIN_NUMBER, NULL, "Its entry.", .required = true},
             {"-b|--batch-index", ADMIN_NUMBER, "?batchIndex", "Which of a batch."})},
    {0},
};

const struct admin_group admin_transactions = {.name = "transactions", .text = "Transactions.", .commands = commands};
