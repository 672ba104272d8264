# Needs python3 (3.11 or newer), make and git; everything else is brought by `make setup`.
#
# DEMO_ARGS    options for the demo, as in: make demo DEMO_ARGS="--no-serve --out /tmp/demo"
# PYTEST_ARGS  options for the tests, as in: make test PYTEST_ARGS="-k coverage -x"; all cores unless given
# BENCH_ARGS   as in: make bench BENCH_ARGS="-k reach"; LIANPIAN_PEER_PYTHON names a Python that has the peers
#              (pandana; spopt, pygeoda, gerrychain, scikit-learn, geopandas)
# LOCK_ARGS    make lock LOCK_ARGS=--upgrade takes the newest versions

PYTHON ?= python3
PYTEST_ARGS ?= -n auto
BIN := .venv/bin
CODE := gis api tests tools hatch_build.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test lint check bench fmt lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## .venv with the locked packages and the command lianpian; at once when nothing changed
	@$(PYTHON) tools/setup.py

setup-test: setup ## what the tests use beside Python: browser, Chinese font, ogrinfo, PostGIS
	@$(PYTHON) tools/setup.py --test

demo: setup ## make the sample city, run everything, serve it
	@$(BIN)/lianpian demo $(DEMO_ARGS)

test: setup-test lint ## lint, then all tests
	@$(BIN)/pytest $(PYTEST_ARGS)

check: test ## the same

lint: setup ## ruff and mypy
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy

bench: setup ## measure; fails on nothing
	@$(BIN)/pytest -s tests/benchmarks $(BENCH_ARGS)

fmt: setup ## put the code into shape
	@$(BIN)/ruff check --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)

lock: setup ## write requirements.lock and web/package-lock.json anew
	@$(BIN)/python tools/lock.py $(LOCK_ARGS)

clean: ## remove what was built, .venv too
	rm -rf .venv build dist gis/static gis/static.new web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find gis api tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
