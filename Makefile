# The two commands a newcomer needs are `make build` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup build serve test check golden tiny bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## make the virtual environment

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

build: setup  ## build a release from the bundled slice into releases/
	$(BIN)/editmill build --source sample --out releases

serve: setup  ## start a Prefect server and serve every deployment of prefect.yaml
	$(BIN)/python -m flows.serve

check: setup  ## lint, types and layers, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

# Files are taken in the order of their names, not of how many tests they have: whole lines, which take longest, first.
test: check  ## every check and every test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

golden: setup  ## rewrite the golden files and the README's summary after a reviewed change
	$(BIN)/pytest tests/golden tests/integration/test_readme.py --rewrite-golden

tiny: setup  ## train the bundled tiny model again: five minutes of one core
	$(BIN)/python -m tests.tiny pipeline/lm/tiny

bench: setup  ## run the benchmarks, which report ratios and are no tests
	$(BIN)/python -m tests.bench dump
	$(BIN)/python -m tests.bench score

clean:  ## remove the virtual environment and built releases
	rm -rf $(VENV) releases
