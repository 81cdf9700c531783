# SPDX-License-Identifier: Apache-2.0
"""What TLS costs the broker: one busy stream, handshakes, connections that are idle or half-open.

    bench/tls.py PROGRAM LOAD [--rounds 5] [--bytes 500MB] [--connections 2000] [--data DIRECTORY]

LOAD is build/stream_load.  Streams go with and without TLS in turns, to a topic whose receipts wait for no disk
(durability os): told are processor times of the broker's core thread and of all its threads, which depend on the
machine's other load less than what a second brings.  Of a handshake, too; its client is Python's ssl, in this process.
"""
import argparse
import json
import os
import socket
import ssl
import subprocess
import tempfile

from figures import Broker, answer, CONNECT, row

STREAMS = [(1, 400), (100, 1024), (10, 65536)]  # messages in a batch, bytes of each
TICK = os.sysconf("SC_CLK_TCK")


def size(text):
    for unit, factor in ("GB", 1e9), ("MB", 1e6):
        if text.endswith(unit):
            return float(text[:-2]) * factor
    return float(text)


def new_certificate(directory, algorithm):
    """Its own issuer, for this machine."""
    certificate, key = f"{directory}/{algorithm[0]}.pem", f"{directory}/{algorithm[0]}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


EC = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["rsa:2048"]


def start(program, data, certificate, key):
    return Broker(program, data, {**os.environ, "GEMINGA_TLS_PORT": "0", "GEMINGA_TLS_CERTIFICATE_FILE": certificate,
                                  "GEMINGA_TLS_KEY_FILE": key, "GEMINGA_DURABILITY": "os",
                                  "GEMINGA_MAX_CONNECTIONS": "0"})


def thread_seconds(broker):
    """By the thread's name; the core's is the process's."""
    times = {}
    for task in os.listdir(f"/proc/{broker.process.pid}/task"):
        text = open(f"/proc/{broker.process.pid}/task/{task}/stat").read()
        name = "core" if int(task) == broker.process.pid else text[text.index("(") + 1:text.rindex(")")]
        fields = text.rsplit(")", 1)[1].split()
        times[name] = times.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICK
    return times


def used(broker, before):
    return {name: seconds - before.get(name, 0) for name, seconds in thread_seconds(broker).items()}


def stream(broker, load, tls, certificate, messages, bytes_, total, topic):
    entries = max(200, int(total / (messages * bytes_)))
    environment = {**os.environ, **({"LOAD_TLS_TRUST": certificate} if tls else {})}
    port = broker.ready["tls_port"] if tls else broker.port
    before = thread_seconds(broker)
    it = subprocess.run([load, str(port), f"persistent://public/default/{topic}", str(entries), str(messages),
                         str(bytes_)], check=True, capture_output=True, text=True, env=environment)
    spent = used(broker, before)
    mb = entries * messages * bytes_ / 1e6
    return {"mb_per_s": json.loads(it.stdout)["mb_per_second"], "entries": entries, "mb": mb, "core": spent["core"],
            "all": sum(spent.values())}


def streams(broker, load, certificate, rounds, total):
    for messages, bytes_ in STREAMS:
        part = total / (20 if bytes_ < 1000 else 1)
        runs = {False: [], True: []}
        for i in range(rounds):
            for tls in (False, True) if i % 2 else (True, False):
                runs[tls].append(stream(broker, load, tls, certificate, messages, bytes_, part,
                                        f"{messages}-{bytes_}-{i}-{tls}"))
        print(f"\nbatches of {messages} messages of {bytes_} bytes, published and consumed, "
              f"{runs[True][0]['mb']:.0f} MB a run")
        for tls in False, True:
            name = "with TLS" if tls else "without"
            row(f"{name}: MB/s published", [r["mb_per_s"] for r in runs[tls]], "MB/s")
            row(f"{name}: core thread, of a batch", [r["core"] / r["entries"] * 1e6 for r in runs[tls]], "us")
            row(f"{name}: all threads, of a batch", [r["all"] / r["entries"] * 1e6 for r in runs[tls]], "us")
        # each byte is decrypted once and encrypted once
        row("TLS: core thread, of a MB in and out",
            [(t["core"] - p["core"]) / t["mb"] * 1e3 for p, t in zip(runs[False], runs[True])], "ms", 2)


def context(certificate, version=ssl.TLSVersion.TLSv1_3):
    it = ssl.create_default_context(cafile=certificate)
    it.minimum_version = it.maximum_version = version
    return it


def connect(broker, with_context=None):
    peer = socket.create_connection(("127.0.0.1", broker.ready["tls_port"] if with_context else broker.port))
    return with_context.wrap_socket(peer, server_hostname="localhost") if with_context else peer


def handshakes(broker, certificate, name, count, rounds):
    own = context(certificate)
    handshake, core, plain = [], [], []
    for _ in range(rounds):
        before = thread_seconds(broker)
        for _ in range(count):
            connect(broker, own).close()
        spent = used(broker, before)
        handshake.append(spent["tls"] / count * 1e6)
        core.append(spent["core"] / count * 1e6)
        before = thread_seconds(broker)
        for _ in range(count):
            connect(broker).close()
        plain.append(used(broker, before)["core"] / count * 1e6)
    row(f"a handshake, {name}: its thread", handshake, "us")
    row(f"a handshake, {name}: the core", core, "us")
    row("a connection without TLS: the core", plain, "us")


def plain(broker, _):
    peer = connect(broker)
    peer.sendall(CONNECT)
    answer(peer, 3)
    return peer


def secure(broker, own):
    peer = connect(broker, own)
    peer.sendall(CONNECT)
    answer(peer, 3)
    return peer


def silent(broker, _):
    return socket.create_connection(("127.0.0.1", broker.ready["tls_port"]))


def greeted(broker, own):
    """Its hello was answered, and it says nothing more."""
    outgoing = ssl.MemoryBIO()
    hello = own.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    peer = silent(broker, own)
    peer.sendall(outgoing.read())
    peer.recv(1)
    return peer


def memory(program, place, certificate, key, count):
    """Each kind on a broker of its own, so that none finds memory that another left."""
    own = context(certificate)
    kinds = [("idle, without TLS", plain, count), ("idle, with TLS", secure, count),
             ("half-open, silent", silent, count), ("half-open, after its hello", greeted, min(count, 900))]
    for name, one, number in kinds:
        broker = start(program, f"{place}/{one.__name__}", certificate, key)
        warm = [one(broker, own) for _ in range(50)]
        before = broker.status("VmRSS")
        peers = [one(broker, own) for _ in range(number)]
        kib = (broker.status("VmRSS") - before) / number
        print(f"memory of a connection that is {name:<30} {kib:>9.1f} KiB  ({number} of them)")
        for peer in peers + warm:
            peer.close()
        broker.stop()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("load")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--bytes", type=size, default=5e8)
    options.add_argument("--connections", type=int, default=2000)
    options.add_argument("--data")
    args = options.parse_args()
    with tempfile.TemporaryDirectory(dir=args.data) as place:
        for name, algorithm in ("P-256", EC), ("RSA 2048", RSA):
            certificate, key = new_certificate(place, algorithm)
            broker = start(args.program, f"{place}/data-{algorithm[0]}", certificate, key)
            if algorithm is EC:
                streams(broker, args.load, certificate, args.rounds, args.bytes)
                print()
            handshakes(broker, certificate, name, 500, args.rounds)
            broker.stop()
            if algorithm is EC:
                memory(args.program, place, certificate, key, args.connections)
    print(f"\ntls: {len(STREAMS)} streams, handshakes with two kinds of keys, {args.connections} connections of four kinds")


if __name__ == "__main__":
    main()
