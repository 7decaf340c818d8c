# Everything runs from this folder with the virtual environment in .venv.
PORT ?= 8000
STUDIES ?= sample-data/dicom
PYTEST_ARGS ?=
# The first Python that really runs and is one of 3.10-3.12.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' 2>/dev/null \
	&& echo "$$p" && break; done)

BIN := .venv/bin
# Stock OHIF, the built files of the npm package @ohif/app.
OHIF := 3.13.2
OHIF_SHA512 := 5997719a9986eeba85816f5924b71b82bdd70ad2e2d4a0cd3e831a798e4f3deea3e06e1f8c48e393271933a0ba664d85f3b04ac457e9abe8dde715d907d13c10
VIEWER := build/viewer
VIEWER_STAMP := $(VIEWER)/.ohif-$(OHIF)
STAMP := .venv/.installed
# In place of ITK, 1.5 GB that MONAI Label asks for and nothing here calls.
ITK := ./deploy/itk
TOOLS := .venv/.installed-tools

# Some dependencies build from source: environment variables, unlike -c, bind those builds too.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help docs install serve viewer bundle release check fast test test-attacks test-clients lint style types contracts

help:
	@echo "make install  build .venv with the pinned versions of constraints.txt"
	@echo "make serve    run the server on this machine only; PORT=$(PORT), STUDIES=$(STUDIES)"
	@echo "make viewer   fetch stock OHIF $(OHIF) with npm, which the server then offers, too"
	@echo "make docs     the documentation as a site in build/docs"
	@echo "make bundle   all that an installation without a network needs, in one file"
	@echo "make release  wheel, source, bill of materials, model card and checksums in build/release"
	@echo "make check    lint and the fast tests, under two minutes on two cores"
	@echo "make test     lint, then all tests, most side by side; PYTEST_ARGS='-k name' to choose"
	@echo "make test-clients  only the tests with real programs: Orthanc, 3D Slicer's client, browsers"
	@echo "make test-attacks  only the tests of what hostile clients, pages and archives can do"
	@echo "make lint     ruff, mypy and the import contracts"
	@echo "PYTHON=...    the Python 3.10, 3.11 or 3.12 to build .venv from; now: $(PYTHON)"

install: $(TOOLS)

# Rebuilt only when what is to be installed changes.
$(STAMP): pyproject.toml constraints.txt deploy/itk/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.10, 3.11 or 3.12 is needed and was not found:" \
		"install it (on Debian 12: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment:" \
		"on Debian install the package python3-venv (apt-get install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv --clear .venv
	@echo "Setting up .venv with all that the server needs: 3 GB and about three minutes, once."
	$(BIN)/python -m pip install --progress-bar off $(ITK) --editable ".[all]"
	@touch $@

# What tests and lint need, too.
$(TOOLS): $(STAMP)
	$(BIN)/python -m pip install --quiet $(ITK) --editable ".[all,dev]"
	@touch $@

viewer: $(VIEWER_STAMP)

# The package is built for the root of a server; ours has it below /viewer/.
$(VIEWER_STAMP):
	@command -v npm >/dev/null || { echo "npm is needed and was not found: install Node.js" \
		"(on Debian: apt-get install npm); all but stock OHIF works without" >&2; exit 1; }
	rm -rf $(VIEWER).new && mkdir -p $(VIEWER).new
	npm pack --silent --ignore-scripts --pack-destination $(VIEWER).new @ohif/app@$(OHIF)
	echo "$(OHIF_SHA512)  $(VIEWER).new/ohif-app-$(OHIF).tgz" | sha512sum --check --quiet
	tar -xzf $(VIEWER).new/ohif-app-$(OHIF).tgz -C $(VIEWER).new --strip-components 1 --exclude '*.map'
	rm $(VIEWER).new/ohif-app-$(OHIF).tgz
	sed -i 's#__webpack_require__\.p = "/";#__webpack_require__.p = "/viewer/";#' $(VIEWER).new/dist/*.js
	sed -i 's#url(/#url(/viewer/#g' $(VIEWER).new/dist/*.css
	sed -i -E 's#(src|href|content)="/#\1="/viewer/#g; s#(PUBLIC_URL ?= ?.)/"#\1/viewer/"#g' \
		$(VIEWER).new/dist/index.html
	touch $(VIEWER).new/$(notdir $@)
	rm -rf $(VIEWER) && mv $(VIEWER).new $(VIEWER)

# A site that asks no other for anything: build/docs/index.html.
docs: $(STAMP)
	$(BIN)/python -m pip install --quiet $(ITK) --editable ".[all,docs]"
	$(BIN)/mkdocs build --quiet
	@echo "the documentation is in build/docs/index.html"

bundle: $(STAMP) $(VIEWER_STAMP)
	sh deploy/make-bundle.sh $(BIN)/python

release: $(STAMP)
	sh deploy/make-release.sh $(BIN)/python

serve: $(STAMP)
	$(BIN)/acsnet serve --studies "$(STUDIES)" --port $(PORT)

lint: $(TOOLS)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync style types contracts

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

# Each process computes on one core: they share the machine. What waits for other programs keeps
# two cores busy in three processes, and where all of it does, in four. tests/conftest.py says which
# files begin: xdist would leave those of a single long test to the end.
BESIDE = --dist loadfile --no-loadscope-reorder --numprocesses
check test test-clients: export OMP_NUM_THREADS := 1
# Nor do they compile our modules and the tests each for itself, whatever the environment says.
check test test-attacks test-clients: export PYTHONDONTWRITEBYTECODE :=

# What is read and what is run do not wait for each other: mypy takes half a minute without a cache.
check: $(TOOLS)
	@$(MAKE) --no-print-directory --jobs 4 --output-sync style types contracts fast

fast:
	$(BIN)/python -m pytest -m "not slow and not clients" $(BESIDE) 2 $(PYTEST_ARGS)

# Runs `lane NAME PYTEST-ARGUMENTS` one after the other, says at the end how each went, and fails
# where one failed or where none had any test: pytest says 5 where PYTEST_ARGS choose none of a lane.
LANES = told=; passed=; failed=; \
	lane() { name=$$1; shift; echo "== $$name"; $(BIN)/python -m pytest $(PYTEST_ARGS) "$$@"; \
		case $$? in 0) word=passed; passed=yes;; 5) word="none chosen";; \
			*) word="FAILED, see above"; failed=yes;; esac; \
		told="$$told== $$name: $$word\n"; }; \
	finish() { printf "$$told"; test -n "$$passed" -a -z "$$failed"; }

# Servers and browsers do not share the cores with tests that train; where the answer has to come
# within seconds, nothing else runs. A browser or an archive that stalls on a busy machine gets a
# second try, and the summary names the test that needed it.
TWICE = --reruns 1 -r fER
# All of them are in one folder. To import the others takes a process ten seconds.
THERE = -o testpaths=tests/clients
CLIENTS = lane "tests with real programs" $(THERE) $(BESIDE) 4 $(TWICE) -m "clients and not timed"; \
	lane "tests with real programs and bounds in seconds" $(THERE) $(TWICE) -m "clients and timed"

test: lint
	@$(LANES); lane "tests without other programs" $(BESIDE) 3 -m "not clients"; $(CLIENTS); finish

test-attacks: $(TOOLS)
	$(BIN)/python -m pytest -m attacks $(PYTEST_ARGS)

# What is not installed is skipped. Debian: orthanc orthanc-dicomweb dicom3tools dcm2niix chromium
# caddy docker-compose; and `make viewer`.
test-clients: $(TOOLS)
	@$(LANES); $(CLIENTS); finish
