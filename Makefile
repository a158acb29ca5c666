# make demo   nine states on this machine, from set-up to one verified regional answer
# make test   all tests that fit in five minutes        make test-all   the long suites too
# make check  style, types, layers, words               make bench      figures, as ratios
.PHONY: help setup demo demo-stop test test-all check bench gen gen-check words fuzz clean
.DEFAULT_GOAL := help

BIN := .venv/bin
WORKERS ?= 2

help:
	@sed -n '1,3p' Makefile | cut -c3-

.venv/.ready: pyproject.toml scripts/setup.sh
	@scripts/setup.sh

setup: .venv/.ready

demo: setup
	@$(BIN)/tallystick demo run demo $(if $(CASES),--cases "$(CASES)")

demo-stop: setup
	@$(BIN)/tallystick demo stop demo

test: setup
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not slow"

test-all: setup
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python scripts/words.py check

bench: setup
	@$(BIN)/python -m benchmarks

gen: .venv-gen/.ready
	@.venv-gen/bin/python scripts/gen.py

gen-check: .venv-gen/.ready
	@.venv-gen/bin/python scripts/gen.py --check

.venv-gen/.ready: pyproject.toml
	@python3 -m venv .venv-gen
	@.venv-gen/bin/python -m pip install --quiet --disable-pip-version-check $$(python3 -c "import tomllib; print(' '.join(repr(r) for r in tomllib.load(open('pyproject.toml','rb'))['project']['optional-dependencies']['gen']))")
	@touch $@

words: setup
	@$(BIN)/python scripts/words.py update

clean:
	@rm -rf .venv .venv-gen .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
