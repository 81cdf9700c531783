# Geminga's front door.  Meson does the building; this file names what people do.
#   make          build (build/geminga, build/libgeminga.so)
#   make run      install what is missing, build, start everything, notarize one sample event, go on serving
#   make test     install what is missing, build with gcc and with clang's sanitizers, run all tests
#   make bench          beside Apache Pulsar, Kafka and NATS JetStream: the whole matrix in half an hour, docs/performance-peers.md
#                       and its plots; BENCH="--only p1k n1k --systems geminga pulsar --rounds 1" for a share (bench/README.md)
#   make bench-figures  start, idle cost and a lone publish: the README's figures, in two minutes
#   make bench-store    the store alone beside the raw disk: one busy ledger, many, cold reads, cursors, many topics
#   make bench-footprint  memory of each connection, topic, message, ...; start, idling, size; 10,000 messages a second in 64 MB: five minutes
#   make bench-growth     what a message costs as topics, subscriptions, consumers, backlog grow by powers of ten; plots: ten minutes
#   make bench-broker   through the broker over loopback: one busy topic, many topics (bench/README.md)
#   make instructions   instructions for each message in fixed scenarios, beside tests/instructions/counts.txt: 30 s
#   make mutations     each rule of subscriptions and dispatch broken by hand, and what finds it: half an hour
#   make conformance   Apache Pulsar's own client suites, Go's and Rust's, against this broker: tests/conformance/*.txt; and
#                      every command of its pulsar-admin, beside what Apache Pulsar answers: tests/conformance/pulsar_admin
#   make integration   the services with real other systems (Rekor, Vault, Temporal, ...), those that are installed
#   make interop-java  our own tests with the official Java client (those with the Python client are in make test)
# and: whole sim sweep crash notary-soak powercut damage fuzz sanitize sanitize-interop ci-conformance install format clean

BUILD     ?= build
DATA      ?= data
PORT      ?= 6650
HTTP_PORT ?= 8080
SEEDS     ?= 10000
ROUNDS    ?= 20
SECONDS_EACH ?= 60
SIZE      ?= 1073741824
FLIPS     ?= 10
PREFIX    ?= /usr/local
export LC_ALL = C.UTF-8

.PHONY: all run test instructions packages sim mutations sweep crash notary-soak powercut damage fuzz fuzz-afl fuzz-coverage bench bench-figures bench-store bench-broker bench-footprint bench-growth \
	conformance ci-conformance interop-java integration sanitize whole sanitize-interop install format format-check clean

all: packages $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix $(PREFIX)

packages:
	@tools/install-packages build

run: packages $(BUILD)/build.ninja
	@ninja -C $(BUILD) geminga
	@tools/run $(BUILD)/geminga --data $(DATA) --port $(PORT) --http-port $(HTTP_PORT)

test:
	@tools/install-packages build test disk
	@tools/test

# Instructions of the whole broker for each message, counted by callgrind: fails when one scenario takes more than the file says.
instructions: all
	@tools/install-packages build instructions
	@tools/instructions --build $(BUILD)

# The whole broker in one thread on simulated disk, network and clock: SEEDS more, or STEPS in all.
sim: all
	@tools/sim $(if $(STEPS),steps $(STEPS),seeds $(SEEDS))

# What finds it when a rule of subscriptions, keys or dispatch is broken: tests/sim/mutations, one after the other.
mutations: packages
	@tools/mutations

# Every step of every operation of the store fails once, the recoveries included; FROM and TO resume.
FROM ?= 0
TO   ?= 1000000000
sweep: all
	@$(BUILD)/tests/sweep/store_sweep --deep --from $(FROM) --to $(TO)

# kill -9 under load from the official Python client, on the real disk.
crash: all
	@tools/install-packages build test
	@ROUNDS=$(ROUNDS) tools/interop -s tests/crash/test_kill9.py

# Three replicas of the notary: kill -9, SIGSTOP, cut connections under EVENTS events, every receipt and checkpoint checked;
# SERVICE_URL=pulsar://host:6650 runs it against another broker, Apache Pulsar for one.
EVENTS ?= 100000
notary-soak: all
	@tools/install-packages build test
	@EVENTS=$(EVENTS) tools/interop -s tests/crash/test_notary_soak.py

# Power cuts under the same load: the disk is copied in one instant, and recovered.  As root.
powercut: all
	@tools/install-packages build test disk
	@CUTS=$(ROUNDS) tools/interop -s tests/crash/test_power_cut.py

# A store of SIZE bytes, and FLIPS flipped bits in each kind of thing in it: found and named, every one.
damage: all
	@$(BUILD)/src/store/store_damage_test --size $(SIZE) --rounds $(FLIPS) --dir $(or $(TMPDIR),/tmp)

# Every decoder's libFuzzer target for SECONDS_EACH seconds; by AFL++; and which lines the corpora reach.
fuzz:
	@tools/install-packages build test
	@tools/fuzz $(SECONDS_EACH)

fuzz-afl:
	@tools/install-packages build test afl
	@tools/fuzz --afl $(SECONDS_EACH)

fuzz-coverage:
	@tools/install-packages build test
	@tools/fuzz --coverage

# The peers are fetched once, by Maven and Go, into GEMINGA_PEERS (~/.cache/geminga/peers); one that cannot be had is left out.  BENCH says
# which share; only the whole of it writes docs/.
bench: all
	@tools/install-packages build peers
	@PYTHONDONTWRITEBYTECODE=1 python3 bench/compare.py $(BUILD)/geminga $(or $(BENCH),--docs docs --samples $(BUILD)/bench.json)

bench-figures: all
	@tools/install-packages build test
	@python3 bench/figures.py $(BUILD)/geminga

# BENCH_DIR says which disk; a line per figure, and at the end one that says what was done.
bench-store bench-broker bench-footprint bench-growth: all
	@BUILD=$(BUILD) tools/bench $(@:bench-%=%)

# The services with other systems, real ones: GEMINGA_BACKENDS is a directory of programs that are no packages.
integration: all
	@tools/install-packages build test integration
	@tools/integration

# Our own tests of the official Java client.
interop-java: all
	@tools/install-packages build java
	@tools/interop-java

# The official suites: all of them, and ours of security with the Rust client; or what passes and does not take long, which is CI's share.  Go and Rust must be there.
conformance: all
	@tools/install-packages build conformance
	@tools/conformance
	@tools/conformance-admin
	@tools/conformance-admin --secure --only 07 --only 09

ci-conformance: all
	@tools/install-packages build conformance
	@tools/conformance --share
	@tools/conformance-admin
	@tools/conformance-admin --secure --only 07 --only 09

sanitize:
	@tools/install-packages build test
	@tools/test sanitize

# The unit tests, both builds, with all that `make test` runs a share of: every bit flipped, every life, every point.
whole:
	@tools/install-packages build test
	@tools/test whole

# The tests with the official Python client against programs built with sanitizers: address, undefined and leak, then thread.
sanitize-interop:
	@tools/install-packages build test
	@tools/sanitize-interop

install: all
	@meson install -C $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

format-check:
	@git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror

clean:
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz build-afl build-cov
