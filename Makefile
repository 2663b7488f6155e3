SHELL := /bin/bash
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
  $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.carillon-stamp

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
# Each test by name, and where one hangs: they take minutes.
REAL := -v -o faulthandler_timeout=900
WORKERS ?= logical
REGISTRY ?=
TAG ?= dev

.PHONY: help setup run operator test lint types bench bench-operator bench-browser generate lock images e2e chaos snippets
help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv from the pinned, hashed locks

$(STAMP): requirements/dev.lock pyproject.toml
	@$(BIN)/python -c '' 2>/dev/null || { echo "making $(VENV) from the locks, once"; $(PYTHON) -m venv --clear $(VENV); } || \
	  { echo "carillon needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv), or say PYTHON=..."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## start Redis, the server and a page on which two tabs can call each other (PORT, REDIS_URL)
	@exec $(BIN)/python -m carillon.demo

operator: $(STAMP) ## run the operator outside a cluster, by KUBECONFIG (ARGS)
	@exec $(BIN)/python -m carillon_operator $(ARGS)

test: lint types $(STAMP) ## everything this machine can run (WORKERS: how many tests at once)
	@test -n "$$KUBEBUILDER_ASSETS" || ! command -v go >/dev/null || $(BIN)/python tests/cluster build >/dev/null
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --maxprocesses=4 --dist=worksteal --cov --cov-branch --cov-report=term:skip-covered -q

lint: $(STAMP) ## ruff and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

bench: $(STAMP) ## measure the server beside its peers, in under ten minutes; leaves docs/benchmarks (GORING_BIN: the Go reference's program)
	@PYTHONPATH=bench $(BIN)/python -m carillon_bench

bench-operator: $(STAMP) ## what the operator costs with 1 and 500 resources, and how fast it repairs and takes over (MINUTES, RESOURCES)
	$(BIN)/python bench/operator_scale.py

bench-browser: $(STAMP) ## how fast calls are between two real pages (CALLS)
	$(BIN)/python bench/browser.py

generate: $(STAMP) ## renew every generated document, manifest and table (HELM)
	$(BIN)/python -m carillon.config.docs write
	$(BIN)/python -m carillon.spec write
	$(BIN)/python -m carillon.telemetry.docs > docs/metrics.md
	$(BIN)/python -m carillon_operator.crd write
	$(BIN)/python -m carillon_operator.charts write

lock: ## pin all dependencies anew, with hashes
	for extra in dev server operator; do $(COMPILE) pyproject.toml --extra $$extra -o requirements/$$extra.lock; done
	$(COMPILE) requirements/build.in -o requirements/build.lock

e2e: $(STAMP) ## real pods: on KUBECONFIG, else kind where Docker is, else tests/cluster (root, Debian); QUIET_SECONDS: how long idle
	$(BIN)/python -m pytest tests/e2e $(REAL)

chaos: $(STAMP) ## real pods, live calls, everything fails (CHAOS_SIZE: short or full; TESTS: some of them)
	$(BIN)/python -m pytest $(or $(TESTS),tests/chaos) $(REAL)

snippets: ## compile and analyse what docs/clients.md shows for phones (root, Debian, Maven; 4 GB once)
	@$(PYTHON) tests/snippets

images: ## build the server's and the operator's image, with Docker where it runs, else with buildah (REGISTRY, TAG)
	for target in server operator; do \
	  if docker info >/dev/null 2>&1; then docker build --target $$target -t $(REGISTRY)carillon-$$target:$(TAG) . || exit 1; \
	  else $(PYTHON) tests/cluster image $(REGISTRY)carillon-$$target:$(TAG) . --target $$target || exit 1; fi; \
	done
