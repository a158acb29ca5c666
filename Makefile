# make demo   nine states on this machine, from set-up to one verified regional answer
# make test   all tests that fit in five minutes        make test-all   the long suites too
# make check  style, types, layers, words, locks        make bench      figures, as ratios
# make bundle everything for a machine without a network, its digests and bill of materials
.PHONY: help setup demo demo-stop test test-all test-slow check bench gen gen-check words fuzz clean lock sbom bundle
.DEFAULT_GOAL := help

BIN := .venv/bin
WORKERS ?= 2

help:
	@sed -n '1,4p' Makefile | cut -c3-

.venv/.ready: pyproject.toml requirements/dev.lock scripts/setup.sh
	@scripts/setup.sh

setup: .venv/.ready

demo: setup
	@$(BIN)/tallystick demo run demo $(if $(CASES),--cases "$(CASES)")

demo-stop: setup
	@$(BIN)/tallystick demo stop demo

test: setup
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not slow"

# Those of test-all that test leaves out; the slowest files are told at the end.
test-slow: setup
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m slow -v --durations 15

test-all: setup
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python scripts/words.py check
	@$(BIN)/python scripts/lock.py check

# Everything for a machine without a network, in one tar below dist/; sbom.cdx.json stands beside it.
bundle: setup
	@$(BIN)/python scripts/bundle/make.py dist

sbom: bundle

# Fuzzing led by coverage, PARSER=name for one of them, SECONDS=60 for each.
fuzz: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements/fuzz.lock
	@$(BIN)/python scripts/fuzz.py $(if $(SECONDS),--seconds $(SECONDS)) $(PARSER)

lock: setup
	@$(BIN)/python scripts/lock.py update $(if $(UPGRADE),--upgrade)

bench: setup
	@$(BIN)/python -m benchmarks

gen: .venv-gen/.ready
	@.venv-gen/bin/python scripts/gen.py

gen-check: .venv-gen/.ready
	@.venv-gen/bin/python scripts/gen.py --check

.venv-gen/.ready: requirements/gen.lock
	@python3 -m venv .venv-gen
	@.venv-gen/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements/gen.lock
	@touch $@

words: setup
	@$(BIN)/python scripts/words.py update

clean:
	@rm -rf .venv .venv-gen .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
