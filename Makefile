# Vendue: `make` lists what there is. Everything runs from a clean clone; nothing here installs anything into the system.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# With `cargo nextest` tests run in parallel across crates; without it `cargo test` does the same, slower.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)
NODE := $(shell command -v npm 2>/dev/null)
PYTHON ?= $(shell command -v python3 2>/dev/null)
# Where the debug and release binaries are.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The environment that the Python client is checked in.
PYTHON_ENV := $(TARGET)/python
# How often `make soak` kills the engine, and how long it keeps up the load.
SOAK_ROUNDS ?= 10000
SOAK_SECONDS ?= 600
# How often it cuts the power, and how many errors of the system it injects.
SOAK_CUTS ?= 1000
SOAK_INJECTIONS ?= 5000
# How many simulated worlds it lives through, from this seed on.
SOAK_WORLDS ?= $(or $(SEEDS),5000)
SOAK_SEED ?= 1
# Python 2.7, which the Autobahn test suite needs; and how much of the suite runs, quick or whole.
PYTHON2 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/2.7*/bin/python) $(shell command -v python2.7 2>/dev/null))
AUTOBAHN ?= quick
# How many requests schemathesis makes of each operation, from which seed (none: another each time).
HTTP_EXAMPLES ?= 2
HTTP_SEED ?=
# How long it tries broken bytes on each parser, in milliseconds.
SOAK_FUZZ_MS ?= 600000
# How many lots it keeps where memory is for 5,000.
SOAK_LOTS ?= 2000000

.PHONY: help run web check format lint deny unit test rust-test mutants some-mutants history pages python conformance autobahn http-conformance browser-demo bench soak clean

help: ## Lists the targets
	@printf 'Vendue. Targets:\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nThe page of a running demo: http://127.0.0.1:7400/\n'

run: ## Builds everything and starts `vendue demo`: a living market on this machine
ifneq ($(NODE),)
	@$(MAKE) --no-print-directory gateway/web/dist/index.html
else
	@echo 'npm is not here: the demo runs without its pages (install Node 20 or later for them)'
endif
	$(CARGO) build --release --bin vendue
	$(TARGET)/release/vendue demo

web: ## Builds the pages that the gateway embeds (needs Node 20 or later)
	@test -n '$(NODE)' || { echo 'make web needs npm: install Node 20 or later (Debian: apt-get install nodejs npm)'; exit 1; }
	@$(MAKE) --no-print-directory gateway/web/dist/index.html

# Built anew only when something it is made of has changed.
gateway/web/dist/index.html: $(shell find gateway/web/src gateway/web/public gateway/sdk/typescript/src -type f 2>/dev/null) \
		gateway/web/package-lock.json gateway/web/index.html gateway/web/ops.html gateway/web/vite.config.ts
	cd gateway/web && npm ci --no-audit --no-fund && npm run build
	@touch $@

check: format lint deny unit ## Format, lints, licences, unit and table tests: under three minutes; no Node, browser or root

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || { \
		echo 'make check needs cargo-deny for licences and sources: cargo install cargo-deny --locked'; exit 1; }
	$(CARGO) deny --log-level error check licenses bans sources

unit:
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --locked --lib --bins --no-fail-fast
else
	$(CARGO) test --workspace --locked --lib --bins --no-fail-fast --quiet
endif

test: check rust-test some-mutants history pages python conformance browser-demo ## Every test: end to end, kill -9, power cuts, replayed histories, the clients, pages in a browser (chromium)

rust-test:
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --locked --tests --no-fail-fast
else
	$(CARGO) test --workspace --locked --tests --no-fail-fast
endif
	$(CARGO) test --workspace --locked --doc --quiet

mutants: ## Switches on every seeded bug, one after the other, and says which suite catches it
	$(CARGO) run --locked -p vendue-mutants

# Every sixth, others each day: enough to see that the suites can fail.
some-mutants:
	$(CARGO) run --locked -p vendue-mutants -- --every 6

# The gate: every winner and price to the cent, also when the engine is killed half way.
history:
	$(CARGO) build --locked --bin vendue --bin vendue-loadtest -p vendue -p vendue-loadtest
	$(TARGET)/debug/vendue-loadtest history --file loadtest/histories/worked.jsonl
	$(TARGET)/debug/vendue-loadtest history --file loadtest/histories/worked.jsonl --kill-engine-at 50%
	$(TARGET)/debug/vendue-loadtest history --file loadtest/histories/worked.jsonl --funding full
	$(TARGET)/debug/vendue-loadtest history --file loadtest/histories/worked.jsonl --funding full --kill-engine-at 50%

pages:
	@test -n '$(NODE)' || { echo 'make test needs npm: install Node 20 or later (Debian: apt-get install nodejs npm)'; exit 1; }
	cd gateway/sdk/typescript && npm ci --no-audit --no-fund && npm run check && npm test
	cd gateway/web && npm ci --no-audit --no-fund && npm run check && npm run build && npm test

python: $(PYTHON_ENV)/installed ## The Python client: ruff, mypy, pytest against a real market (needs Python 3.11 or later)
	$(CARGO) build --locked --bin vendue
	cd gateway/sdk/python && $(abspath $(PYTHON_ENV))/bin/ruff format --check --quiet . && $(abspath $(PYTHON_ENV))/bin/ruff check --quiet . \
		&& $(abspath $(PYTHON_ENV))/bin/mypy \
		&& VENDUE_BIN=$(abspath $(TARGET)/debug/vendue) $(abspath $(PYTHON_ENV))/bin/python -B -m pytest --quiet

# Versions are those of constraints.txt; nothing is installed outside the environment.
$(PYTHON_ENV)/installed: gateway/sdk/python/constraints.txt gateway/sdk/python/pyproject.toml
	@test -n '$(PYTHON)' && $(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'make test needs Python 3.11 or later with venv (Debian: apt-get install python3 python3-venv)'; exit 1; }
	$(PYTHON) -m venv --clear $(PYTHON_ENV)
	$(PYTHON_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< hatchling editables
	$(PYTHON_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< --no-build-isolation --editable 'gateway/sdk/python[dev]'
	@touch $@

conformance: autobahn http-conformance ## The Autobahn test suite (needs Python 2.7), schemathesis on the HTTP API (Python 3.11 or later)

autobahn:
	python3 -B tests/conformance/judge.py --self-test
ifeq ($(PYTHON2),)
	@echo 'Autobahn: skipped: it needs Python 2.7, which is not here (pyenv install 2.7.18, or make autobahn PYTHON2=...)'
else
	@$(MAKE) --no-print-directory $(TARGET)/autobahn/installed
	$(CARGO) build --locked -p vendue-gateway --example conformance
	tests/conformance/autobahn $(abspath $(TARGET))/debug/examples/conformance $(abspath $(TARGET))/autobahn/env/bin/wstest \
		$(abspath $(TARGET))/autobahn/reports $(AUTOBAHN)
endif

# The last virtualenv that knows Python 2.7; nothing is installed outside the environment.
$(TARGET)/autobahn/installed: Makefile
	mkdir -p $(TARGET)/autobahn
	$(PYTHON2) -m pip install --quiet --disable-pip-version-check --upgrade \
		--target $(TARGET)/autobahn/virtualenv 'virtualenv<20.22'
	PYTHONPATH=$(TARGET)/autobahn/virtualenv $(PYTHON2) -m virtualenv --quiet $(TARGET)/autobahn/env
	$(TARGET)/autobahn/env/bin/python -m pip install --quiet --disable-pip-version-check autobahntestsuite==25.10.1
	@touch $@

http-conformance: $(TARGET)/conformance/installed
	$(CARGO) build --locked --bin vendue
	.ci/with-demo $(TARGET)/debug/vendue tests/conformance/http $(TARGET)/conformance $(HTTP_EXAMPLES) $(HTTP_SEED)

$(TARGET)/conformance/installed: tests/conformance/constraints.txt
	$(PYTHON) -m venv --clear $(TARGET)/conformance
	$(TARGET)/conformance/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< schemathesis openapi-spec-validator
	@touch $@

# The browser's checks once more, against a real market: the embedded pages, the real gateway, the bots.
browser-demo: | pages
	$(CARGO) build --locked --bin vendue
	.ci/with-demo $(TARGET)/debug/vendue npm --prefix gateway/web run test:browser
	cd gateway/web && VENDUE_BIN=$(abspath $(TARGET)/debug/vendue) npm run test:people

bench: ## Prints the figures, each beside what it is measured against
	$(CARGO) bench -p vendue-protocol
	$(CARGO) run --release -p vendue-storage --example journal_bench
	$(CARGO) run --release -p vendue-benches -- engine
	$(CARGO) run --release -p vendue-benches -- memory
	$(CARGO) run --release -p vendue-benches -- book
	$(CARGO) build --release --bin vendue --bin vendue-loadtest -p vendue -p vendue-loadtest
	for connections in 1 100 1000; do \
		$(TARGET)/release/vendue-loadtest run --closed --connections $$connections --compare-echo; done
	$(TARGET)/release/vendue-loadtest run --closed --connections 16 --pipeline 128 --encoding msgpack

soak: ## The same for hours: SEEDS simulated worlds, SOAK_ROUNDS kills, SOAK_CUTS power cuts, SOAK_INJECTIONS errors, all mutants, a long load
	$(CARGO) run --release --locked -p vendue-simulation -- --seeds $(SOAK_WORLDS) --from $(SOAK_SEED)
	VENDUE_KILL_ROUNDS=$(SOAK_ROUNDS) $(CARGO) test --release --locked -p vendue --test kill_loop -- --nocapture
	VENDUE_POWER_CUTS=$(SOAK_CUTS) $(CARGO) test --release --locked -p vendue --test power_cut -- --nocapture
	VENDUE_INJECTIONS=$(SOAK_INJECTIONS) $(CARGO) test --release --locked -p vendue --test inject -- --nocapture
	VENDUE_SOAK_LOTS=$(SOAK_LOTS) $(CARGO) test --release --locked -p vendue-engine --test memory -- --nocapture
	VENDUE_FUZZ_MS=$(SOAK_FUZZ_MS) $(CARGO) test --release --locked -p vendue-protocol --test fuzz -- --nocapture --test-threads 1
	$(MAKE) --no-print-directory conformance AUTOBAHN=whole HTTP_EXAMPLES=200
	$(CARGO) run --locked -p vendue-mutants
	$(CARGO) build --release --bin vendue --bin vendue-loadtest -p vendue -p vendue-loadtest
	$(TARGET)/release/vendue-loadtest run --rate 2000 --connections 200 --duration $(SOAK_SECONDS)

clean: ## Removes what was built, and the demo's data
	$(CARGO) clean
	rm -rf gateway/web/dist gateway/web/node_modules gateway/sdk/typescript/dist gateway/sdk/typescript/node_modules data/demo
