# Each target does all its own set-up; a second run starts at once.
.PHONY: demo test proof chaos lint types lock catalogues pictures bench clean

VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough. Override with: make PYTHON=/path/to/python test
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

demo: $(VENV)/run-ready  ## 200 appeals through simulated agencies; CONSOLE=1 lets it run on, with the console
	@$(BIN)/appealbus demo $(if $(CONSOLE),--console)

# Most tests wait for something: three of them at once a core take a seventh less time than two.
JOBS ?= $(shell echo $$(( 3 * $$(nproc 2>/dev/null || echo 2) )))

# The tests import themselves in each worker and start the program hundreds of times: what is compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

test: $(VENV)/test-ready  ## the tests that take no seconds each, those with random examples in their short form
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not proof" $(ARGS)

# A number that has not been tried; without one the examples are the same each time, so that red is a defect.
NEW_SEED = $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')

proof: $(VENV)/test-ready  ## all other tests, and what has a long form in that; SEED=random or SEED=n tries other examples
	@seed="$(if $(filter random,$(SEED)),$(NEW_SEED),$(SEED))"; [ -z "$$seed" ] || echo "SEED=$$seed repeats this run"; \
	  APPEALBUS_LONG=1 APPEALBUS_SEED=$$seed $(BIN)/python -m pytest -n $(JOBS) --dist worksteal \
	  -m "proof or hypothesis" $${seed:+--hypothesis-seed=$$seed} $(ARGS)

chaos: $(VENV)/test-ready  ## 5,000 appeals through kills, restarts and cuts, on PostgreSQL and on SQLite; SEED=n repeats a run, COUNT=n is its size, ARGS="-k sqlite" or "-k postgresql" one of the two
	APPEALBUS_CHAOS=$(or $(COUNT),5000) APPEALBUS_SEED=$(or $(SEED),$(shell date +%s)) \
	  $(BIN)/python -m pytest -rP tests/system/test_chaos.py $(ARGS)

lint: $(VENV)/test-ready  ## formatting, lint, layers and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

coverage: $(VENV)/test-ready
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine
	$(BIN)/coverage report

bench: $(VENV)/test-ready requirements/bench.lock  ## ours beside what one would write by hand
	@$(PIP) --require-hashes -r requirements/bench.lock
	@$(BIN)/python benchmarks/run.py $(ARGS)

lock: $(VENV)/test-ready  ## resolve the dependencies anew
	$(PIP) uv
	cd requirements && ./lock.sh ../$(BIN)/uv

catalogues: $(VENV)/test-ready  ## compile the catalogues of words (.po) after a change
	@find core connectors plugins examples -name appealbus.po | while read po; do \
	  $(BIN)/pybabel -q compile -l $$(basename $$(dirname $$(dirname $$po))) -i $$po -o $${po%.po}.mo || exit 1; done

pictures: $(VENV)/test-ready  ## the pictures of docs/console.md, after a change of what a page shows; needs Chromium
	@$(PIP) "pillow>=12"
	@$(BIN)/python -m tests.plugins.console.pictures

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "appealbus needs Python 3.11 or newer on the PATH, or make PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run-ready: requirements/run.lock pyproject.toml simulator/pyproject.toml core/appealbus/core/version.py | $(VENV)/bin/python
	@$(PIP) --require-hashes -r requirements/run.lock
	@$(PIP) --no-deps --no-build-isolation --editable . --editable ./simulator
	@touch $@

$(VENV)/test-ready: requirements/dev.lock $(VENV)/run-ready
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*
