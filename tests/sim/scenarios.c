/* SPDX-License-Identifier: Apache-2.0
 *
 * scenarios.c - the table of scenarios.
 */
#include "run.h"

#define USUAL                                                                                                          \
    {                                                                                                                  \
        .send = 10, .ack = 10, .flow = 5, .answered_in_eight = 4                                                       \
    }
#define LIVELY                                                                                                         \
    {                                                                                                                  \
        .send = 10, .ack = 10, .flow = 5, .redeliver = 1, .seek = 1, .reopen = 1, .stall = 1, .last_id = 1,            \
        .answered_in_eight = 4                                                                                         \
    }
#define LATER                                                                                                          \
    {                                                                                                                  \
        .send = 8, .ack = 10, .flow = 6, .redeliver = 1, .seek = 1, .reopen = 1, .last_id = 1, .answered_in_eight = 4, \
        .delayed_in_eight = 4                                                                                          \
    }
#define KEEPING                                                                                                        \
    {                                                                                                                  \
        .send = 8, .ack = 12, .flow = 5, .redeliver = 1, .reopen = 1, .stall = 1, .answered_in_eight = 5               \
    }
#define ACKS_MOSTLY                                                                                                    \
    {                                                                                                                  \
        .send = 4, .ack = 16, .flow = 6, .redeliver = 1, .answered_in_eight = 6                                        \
    }
#define PARTS                                                                                                          \
    {                                                                                                                  \
        .send = 10, .ack = 5, .part = 12, .flow = 6, .redeliver = 2, .seek = 3, .reopen = 1, .answered_in_eight = 4    \
    }

#define EVERYTHING                                                                                                     \
    {                                                                                                                  \
        .send = 10, .ack = 10, .part = 3, .flow = 6, .redeliver = 1, .seek = 1, .reopen = 1, .stall = 1, .last_id = 1, \
        .unsubscribe = 1, .answered_in_eight = 4, .delayed_in_eight = 1, .volatile_types = true                        \
    }

const struct scenario scenarios[] = {
    {.name = "calm", .text = "publish, consume, acknowledge; nothing fails", .habits = USUAL},
    {.name = "lively", .text = "redeliveries, seeks, reopening, readers that stall", .habits = LIVELY, .wall_jump = 5},
    {.name = "cut", .text = "connections break", .habits = LIVELY, .cut = 30},
    {.name = "kill", .text = "the process is killed, the machine lives on", .habits = LIVELY, .kill = 12, .cut = 5},
    {.name = "power",
     .text = "power cuts at any moment and at any operation of the disk, recovery included",
     .habits = LIVELY,
     .power_cut = 5,
     .crash_at = 10,
     .kill = 3},
    {.name = "again",
     .text = "crash, recover, acknowledge, cut the power again",
     .habits = ACKS_MOSTLY,
     .power_cut = 4,
     .crash_at = 20,
     .only_acks_at_first = true},
    {.name = "faults",
     .text = "writes and syncs fail",
     .habits = USUAL,
     .write_fault = 10,
     .sync_fault = 5,
     .power_cut = 2},
    {.name = "stop", .text = "orderly ends and starts", .habits = LIVELY, .stop = 15, .power_cut = 2},
    {.name = "trim",
     .text = "small ledgers that are deleted once everybody is through them",
     .habits = USUAL,
     .kill = 3,
     .crash_at = 8,
     .trim = true},
    {.name = "retention",
     .text = "ledgers roll by time and idleness; everything read goes at once, or nothing ever does; readers beside it",
     .habits = KEEPING,
     .kill = 4,
     .power_cut = 2,
     .crash_at = 4,
     .stop = 4,
     .wall_jump = 5,
     .trim = true,
     .retention = true},
    {.name = "full",
     .text = "the disk runs full, and has room again",
     .habits = USUAL,
     .full = 20,
     .stop = 2,
     .crash_at = 2,
     .kill = 2},
    {.name = "cramped",
     .text = "the disk runs full where nobody holds everything: acknowledgements make room",
     .habits = ACKS_MOSTLY,
     .full = 30,
     .crash_at = 2,
     .kill = 2,
     .write_fault = 2,
     .trim = true},
    {.name = "slow",
     .text = "the disk takes seconds for each thing it is asked for, and is fast again",
     .habits = KEEPING,
     .slow = 20,
     .cut = 5,
     .kill = 2,
     .power_cut = 2,
     .stop = 2,
     .trim = true},
    {.name = "misread",
     .text = "reads fail, of starts, of checkpoints and of what consumers are sent",
     .habits = LIVELY,
     .read_fault = 30,
     .kill = 4,
     .power_cut = 2},
    {.name = "keys",
     .text = "Key_Shared: consumers come and go, and nothing fails: of a key that one holds no other gets anything",
     .habits = {.send = 10, .ack = 10, .flow = 6, .reopen = 2, .answered_in_eight = 4},
     .keys = true,
     .steady = true},
    {.name = "moving",
     .text = "Key_Shared: everything else at once",
     .habits = LIVELY,
     .cut = 10,
     .kill = 4,
     .power_cut = 2,
     .stop = 4,
     .read_fault = 2,
     .wall_jump = 5,
     .keys = true},
    {.name = "once",
     .text = "duplicates are recognized, and nearly everything fails: each message is stored once, and none is lost",
     .habits = LIVELY,
     .cut = 20,
     .kill = 6,
     .power_cut = 3,
     .crash_at = 5,
     .stop = 4,
     .write_fault = 6,
     .sync_fault = 2,
     .wall_jump = 5,
     .once = true},
    {.name = "compaction",
     .text = "topics are compacted, while all else goes on, breaks and is killed",
     .habits = LIVELY,
     .cut = 5,
     .kill = 5,
     .power_cut = 3,
     .crash_at = 6,
     .stop = 4,
     .write_fault = 3,
     .read_fault = 3,
     .full = 3,
     .wall_jump = 5,
     .compact = 200},
    {.name = "vandal",
     .text = "somebody speaks nonsense: flipped bits, cut frames, unknown ids",
     .habits = LIVELY,
     .vandal = true,
     .kill = 2},
    {.name = "all",
     .text = "everything at once: all kinds of topics, subscriptions and producers, and whatever breaks",
     .habits = EVERYTHING,
     .mixed = true,
     .cut = 10,
     .kill = 4,
     .power_cut = 3,
     .crash_at = 5,
     .stop = 4,
     .write_fault = 3,
     .sync_fault = 2,
     .wall_jump = 5,
     .compact = 10,
     .unload = 10,
     .delete = 3,
     .terminate = 2},
    {.name = "parts",
     .text = "single messages of batches are acknowledged, in whatever breaks",
     .habits = PARTS,
     .cut = 10,
     .kill = 6,
     .power_cut = 4,
     .crash_at = 5,
     .stop = 6},
    {.name = "os",
     .text = "receipts without a sync: the process is killed, the machine lives on",
     .habits = LIVELY,
     .kill = 12,
     .cut = 5,
     .stop = 2,
     .unsynced = true},
    {.name = "delayed",
     .text = "messages that are to be delivered later; starts, seeks, small ledgers",
     .habits = LATER,
     .kill = 5,
     .power_cut = 2,
     .stop = 3,
     .cut = 5},
    {.name = "lie",
     .text = "the disk lies about its syncs: the simulator must find it out",
     .habits = USUAL,
     .power_cut = 20,
     .lies = true},
};

const size_t scenario_count = sizeof scenarios / sizeof *scenarios;

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}
