# Everything runs from this folder with the virtual environment in .venv.
PORT ?= 8000
STUDIES ?= sample-data/nifti
PYTEST_ARGS ?=
# The first Python that really runs and is one of 3.10-3.12.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' 2>/dev/null \
	&& echo "$$p" && break; done)

BIN := .venv/bin
STAMP := .venv/.installed

# Some dependencies build from source: environment variables, unlike -c, bind those builds too.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install serve test lint

help:
	@echo "make install  build .venv with the pinned versions of constraints.txt"
	@echo "make serve    run the server on this machine only; PORT=$(PORT), STUDIES=$(STUDIES)"
	@echo "make test     lint, then all tests; PYTEST_ARGS='-k name' to choose"
	@echo "make lint     ruff, mypy and the import contracts"
	@echo "PYTHON=...    the Python 3.10, 3.11 or 3.12 to build .venv from; now: $(PYTHON)"

install: $(STAMP)

# Rebuilt only when what is to be installed changes.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.10, 3.11 or 3.12 is needed and was not found:" \
		"install it (on Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment:" \
		"on Debian install the package python3-venv (apt-get install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

serve: $(STAMP)
	$(BIN)/acsnet serve --studies "$(STUDIES)" --port $(PORT)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)
