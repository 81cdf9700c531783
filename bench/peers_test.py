# SPDX-License-Identifier: Apache-2.0
"""The pure parts of bench/peers: what is read from the loads' lines, and what is written of a run."""
import unittest

from peers import lone, loads, plots, report
from peers.cases import CASES, Sample
from peers.goals import Goal, goals
from peers.rounds import Run

PERF = """Throughput produced:   32014 msg ---  100.0 msg/s ---    123.8 Mbit/s  --- failure 0.0 msg/s --- Latency: mean: 1.2 ms
Throughput produced:  170575 msg ---  68000.5 msg/s ---    536.0 Mbit/s  --- failure 0.0 msg/s --- Latency: mean: 1.2 ms
Aggregated throughput stats --- 223579 records sent --- 51270.620 msg/s ---  400.552 Mbit/s
Aggregated latency stats --- Latency: mean: 8.5 ms - med: 7.5 - 95pct: 8 - 99pct: 9.25 - 99.9pct: 10 - 99.99pct: 11 - 99.999pct: 12 - Max: 12
"""
KAFKA = ["9000 records sent, 1800.0 records/sec (1.7 MB/sec), 1.0 ms avg latency, 2.0 ms max latency.\n",
         "120000 records sent, 24000.0 records/sec (23.4 MB/sec), 3.2 ms avg latency, 90.0 ms max latency.\n"]
TRACE = """ 26440 100.000000:  syscalls:sys_exit_read: 0x422
 26443 100.000030: syscalls:sys_enter_pwritev: fd: 0x15, vec: 0x7f, vlen: 0x3
 26443 100.000040: syscalls:sys_exit_pwritev: 0x600
 26443 100.000041: syscalls:sys_enter_fdatasync: fd: 0x15
 26443 100.000140: syscalls:sys_exit_fdatasync: 0x0
 26443 100.000145: syscalls:sys_exit_write: 0x8
 26440 100.000150: syscalls:sys_exit_read: 0x8
 26440 100.000160: syscalls:sys_exit_write: 0x18
"""
BY_RING = """ 26440 100.000000: syscalls:sys_exit_read: 0x422
 26440 100.000020: syscalls:sys_enter_io_uring_enter: fd: 0x9, to_submit: 0x1
 26440 100.000040: syscalls:sys_exit_io_uring_enter: 0x1
 26440 100.000130: io_uring:io_uring_complete: ring 0xffff, req 0xffff, user_data 0x5581, result 4096, cflags 0x0
 26440 100.000140: syscalls:sys_exit_write: 0x18
"""


def sample(rate, cpu, p99=1.0):
    return Sample(rate, cpu, 1.0, 0.2, 0.9, 0.0, {"p50": p99 / 2, "p99": p99, "p99.9": 2 * p99}, 1024)


def a_run():
    run = Run()
    run.samples = {("p1k", "geminga"): [sample(900e3, 0.4), sample(800e3, 0.5), sample(100e3, 9)],
                   ("p1k", "pulsar"): [sample(400e3, 5.0)], ("lat10k", "geminga"): [sample(10e3, 3, 1)],
                   ("lat10k", "pulsar"): [sample(10e3, 30, 10)]}
    run.starts = {"geminga": [0.01], "pulsar": [8.0]}
    run.raw = {"large": [1.6e9], "as ours": [1e9]}
    run.synced_bytes = [256 << 10]
    return run


class Reading(unittest.TestCase):
    def test_the_intervals_of_a_warm_up_do_not_count(self):
        load = loads.read_perf(PERF, 1)
        self.assertEqual((load.rate, load.messages), (68000.5, 223579))
        self.assertEqual((load.latency["p50"], load.latency["p99"], load.latency["max"]), (7.5, 9.25, 12))

    def test_intervals_in_which_a_load_only_closes_do_not_count(self):
        self.assertEqual(loads.sending([(9, 9), (20, 11), (25, 5), (25, 0), (25, 0)]), [(9, 9), (20, 11)])
        self.assertEqual(loads.sending([(9, 9), (20, 11)]), [(9, 9), (20, 11)])

    def test_a_load_without_a_warm_interval_has_the_rate_of_the_whole(self):
        self.assertEqual(loads.read_perf(PERF, 2).rate, 51270.62)

    def test_a_load_that_did_not_end_has_failed(self):
        with self.assertRaises(loads.Failed):
            loads.read_perf("the broker closed the connection", 1)

    def test_of_kafkas_lines_the_first_is_its_compilers(self):
        load = loads.read_kafka(KAFKA)
        self.assertEqual((load.rate, load.messages), (24000.0, 129000))

    def test_a_lone_publish_lasts_from_its_frame_to_its_receipt(self):
        ((whole, disk),) = lone.inside(lone.events(TRACE))
        self.assertAlmostEqual(whole, 160, places=1)
        self.assertAlmostEqual(disk, 110, places=1)

    def test_of_a_publish_by_io_uring_the_disk_is_what_lies_from_submission_to_completion(self):
        ((whole, disk),) = lone.inside(lone.events(BY_RING))
        self.assertAlmostEqual(whole, 140, places=1)
        self.assertAlmostEqual(disk, 110, places=1)


class Writing(unittest.TestCase):
    def test_a_goal_is_judged_by_medians_and_not_met_by_absence(self):
        found = {goal.text: goal for goal in goals(a_run())}
        self.assertEqual(found["broker's processor time of a message, 1 KB batched: at most 1/10 of Pulsar's"],
                         Goal("broker's processor time of a message, 1 KB batched: at most 1/10 of Pulsar's", "1/10.0", True))
        self.assertFalse(found["batched 1 KB: at least 0.8 of the raw disk, 4 MiB a sync"].met)
        self.assertIsNone(found["unbatched 1 KB, our load on both: at least 5 x Pulsar"].met)

    def test_a_missed_goal_tells_what_the_machine_can_do_and_a_met_one_does_not(self):
        run = a_run()
        run.raw["checked"] = [2e9]
        run.echoed = [{"p50": 0.25, "p99": 0.5, "p99.9": 4.0}]
        run.samples |= {("lat1k", "geminga"): [sample(1e3, 3, 3)], ("lat1k", "pulsar"): [sample(1e3, 30, 9)]}
        found = {goal.text: goal.measured for goal in goals(run)}
        self.assertEqual(found["batched 1 KB: at least 0.8 of the raw disk, 4 MiB a sync"],
                         "0.51; 0.41 of what loopback and disk do alone")
        self.assertEqual(found["send to receipt at 1,000/s, our load, p99: at most 1/2 of Pulsar's"], "1/3.0")
        self.assertEqual(found["send to receipt at 1,000/s, our load, p99.9: at most 1/5 of Pulsar's"],
                         "1/3.0; 6.0 ms, loopback and disk alone 4.0 ms")

    def test_every_table_of_the_document_is_a_table(self):
        text = report.markdown(a_run(), CASES, [], "About.", [("plot.svg", "A plot")])
        rows = [line for line in text.splitlines() if line.startswith("|")]
        self.assertTrue(all(line.count("|") > 3 for line in rows))
        self.assertIn("| 1 KB batched | 800,000 (100,000 to 900,000) | 400,000 | 2.0 x |", text)

    def test_only_what_stands_between_the_markers_is_replaced(self):
        document = f"before\n{report.GOALS_BEGIN}\nold\n{report.GOALS_END}\nafter\n"
        once = report.between_markers(document, "new\n")
        self.assertEqual(once, f"before\n{report.GOALS_BEGIN}\nnew\n{report.GOALS_END}\nafter\n")
        with self.assertRaises(ValueError):
            report.between_markers("no markers", "new")

    def test_a_plot_has_a_column_for_each_system(self):
        title, script = plots.scripts(a_run(), CASES)["peers-rates.svg"]
        self.assertIn('"1 KB batched" 800000 400000', script)
        self.assertIn("every receipt", title)


if __name__ == "__main__":
    unittest.main()
