# Kenali. `make help` lists what there is; the first two set everything up by themselves.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AXE := tests/browser/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help run test check lint format types imports bench migrate migration env-example openapi translations screenshots system browser clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.runtime ## Install what is missing and start the server at http://127.0.0.1:5000
	@$(BIN)/python run.py

test: $(VENV)/.dev browser $(AXE) ## Run every test (installs Debian's Chromium for the browser tests when it can)
	@$(BIN)/pytest -n auto $(ARGS)

check: lint types imports test ## What CI runs: lint, types, import direction, tests

lint: $(VENV)/.dev ## Ruff, every rule
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(VENV)/.dev ## Let Ruff format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: $(VENV)/.dev ## Mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/.dev ## Hold the direction of imports
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev ## List the measurements; each is one command
	@$(BIN)/python -m bench

migrate: $(VENV)/.runtime ## Bring the database up to date (the server does it by itself at start)
	@$(BIN)/flask --app run db upgrade

migration: $(VENV)/.dev ## Write a migration from the tables: make migration m="what changes"
	@$(BIN)/flask --app run db migrate -m "$(m)"

env-example: $(VENV)/.dev ## Write .env.example from the settings
	@$(BIN)/python -m app.cli.env_example > .env.example

openapi: $(VENV)/.dev ## Write docs/openapi.json, the document behind Swagger UI
	@$(BIN)/flask --app run openapi > docs/openapi.json

translations: $(VENV)/.dev ## Bring the translations of the interface in step: make translations [part=users]
	@$(BIN)/python -m app.web.translations $(part)

screenshots: $(VENV)/.dev browser ## Take pictures of every tab into screenshots/ (which is not committed)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

clean: ## Remove the virtual environment and caches; photos and database stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

system:
	@deploy/system-libraries.sh $(PYTHON)

browser:
	@deploy/browser.sh

# axe-core, for the tests of accessibility; without npm's registry they are skipped, and say so.
$(AXE): tests/browser/package-lock.json $(VENV)/.dev
	@$(BIN)/npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null \
		&& touch $@ || echo "axe-core could not be installed: the tests of accessibility will be skipped" >&2

$(VENV)/.created: | system
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.txt constraints.txt
	@echo "Installing what Kenali needs (about 3 GB, mostly TensorFlow; a minute or two) ..."
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@
