# SPDX-License-Identifier: Apache-2.0
"""Geminga beside Apache Pulsar, Apache Kafka and NATS JetStream, by the same loads on the same machine: bench/compare.py.

In reading order: cases.py, what is measured; systems.py, who is measured; loads.py, by what; rounds.py, in which order;
goals.py, what was to be reached; report.py and plots.py, what is written.
"""
