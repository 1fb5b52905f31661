# Every command sets up what it needs first; `make` alone lists them.
#   PYTHON=python3.12   another interpreter        CI=true   nothing may be left out

PYTHON ?= python3
export PYTHON
.DEFAULT_GOAL := help
.PHONY: help setup demo test proof lint bench lock clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-7s %s\n' "$$name" "$$text"; done

setup: ## install what the program needs: .venv, and as root the box for training
	@scripts/setup

demo: setup ## tell the whole story in a new folder (DATA=FILE.csv CUSTOMERS=.. SETTLEMENTS=..: on your own)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" DATA="$(DATA)" CUSTOMERS="$(CUSTOMERS)" SETTLEMENTS="$(SETTLEMENTS)" scripts/demo

test: ## run everything that must pass (ARGS='-k words': some of the tests)
	@scripts/setup --test
	@scripts/test $(ARGS)

proof: ## run what `make test` samples, whole: long simulations, kills at every write (ARGS as there)
	@scripts/setup --test
	@CRASH_ALL=1 .venv/bin/pytest -n 2 -m 'proof or swept' $(ARGS)

lint: setup ## check style, types and import arrows
	@scripts/lint

bench: setup ## measure the promises of speed, as ratios in one run
	@.venv/bin/python -m benchmarks

lock: setup ## write requirements.lock anew (UPGRADE=1: with the newest versions)
	@.venv/bin/uv pip compile pyproject.toml --group dev --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --quiet $(if $(UPGRADE),--upgrade) -o requirements.lock >/dev/null

clean: ## remove .venv and caches; stores, snapshots and targets (.reconciler) stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* build dist demo
	@find reconciler tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
