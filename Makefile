# Everything from Python >= 3.11 alone: the first target that needs .venv makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
UV_VERSION := 0.13.8
# Arguments for pytest, for example: make test PYTEST_ARGS="-n 0 tests/unit/kernel"
PYTEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup parts run test lint format bench docs reference lock clean

help: ## list what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with the command heedful, from the lock, hashes checked
	@:

$(STAMP): pyproject.toml requirements.lock scripts/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" scripts/setup.sh
	@touch $@

parts:
	@scripts/debian-parts.sh
	@scripts/node-sdk.sh

run: setup ## set up, then start the server with the sample shop's events flowing in
	@scripts/run.sh $(RUN_ARGS)

test: setup parts ## set up, then run every test
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup ## format, rules, types, and which room may import which
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted; run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m scripts.tidy

format: setup ## let ruff format everything
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .

bench: setup ## run every benchmark, one after another (BENCH=name for one)
	@scripts/bench.sh $(BENCH)

reference: setup ## write docs/reference from the code
	@$(BIN)/python -m scripts.reference

docs: reference ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "site/index.html"

lock: ## resolve requirements.lock anew (UPGRADE=1 takes the newest of everything)
	@UV_VERSION="$(UV_VERSION)" PYTHON="$(PYTHON)" scripts/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove what was made, .venv included
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
