# Every command of the project. The environment is made, and made again when what it is made from changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PACKAGES := automl search_spaces trackers
# Empty files whose dates say what stands in $(VENV): what a user needs, and on top of it what a developer needs.
READY := $(VENV)/.installed
READY_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help install search test check bench bench-search bench-real stress schema clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(READY_DEV) ## make .venv with the packages of users and developers

search: $(READY) ## find a good network for handwritten digits: the quickstart
	$(BIN)/automl search digits --arch "mlp|cnn" --trials 20 --max-epochs 12

test: $(READY_DEV) ## run the tests; choose some with ARGS="tests/test_trial.py -k nan"
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check: $(READY_DEV) ## what must pass before a change lands: lint, format, types, imports, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict $(PACKAGES)
	$(BIN)/lint-imports
	$(MAKE) test

bench: $(READY_DEV) ## measure beside the peers and print the table
	$(BIN)/python -m tests.benchmarks

bench-search: $(READY_DEV) ## run what has changed of the searches beside the peers' and print the tables
	$(BIN)/python -m tests.benchmarks.quality $(ARGS)

bench-real: $(READY_DEV) ## train networks, three hours: make bench-real ARGS="--data fashion_mnist.npz"
	$(BIN)/python -m tests.benchmarks.quality.real $(ARGS)

stress: $(READY_DEV) ## break things for 40 minutes, and write RELIABILITY.md
	$(BIN)/python -m tests.stress $(ARGS)

schema: $(READY) ## write the JSON Schemas of study files and space files, after an option was added
	$(BIN)/python -c "from automl.cli.schema import write; write()"

clean: ## remove .venv, caches and builds, but no study
	rm -rf $(VENV) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(PACKAGES) tests examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: '$(PYTHON)' is: $$($(PYTHON) --version 2>&1). Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml constraints.txt | $(BIN)/pip
	@echo "make: pip installs what a search needs into $(VENV): about 2 GB, a minute or a few, in silence"
	$(PIP_INSTALL) -e .
	@touch $@

$(READY_DEV): $(READY)
	@echo "make: pip installs what tests and checks need besides: less than a minute, in silence"
	$(PIP_INSTALL) -e '.[test,dev,postgres]'
	@touch $@
