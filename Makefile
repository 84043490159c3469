# Sets up all it needs in .venv, then tests, checks or shows the project. `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all lint clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(VENV)/demo.stamp ## search three minutes of video for a cat, and compare with the exact answer
	@$(BIN)/python examples/demo.py

test: $(VENV)/test.stamp ## run the fast tests
	@$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/test.stamp ## run the slow tests
	@$(BIN)/python -m pytest -m slow

test-all: $(VENV)/test.stamp ## run every test
	@$(BIN)/python -m pytest

lint: $(VENV)/test.stamp ## check style, types and the import rule
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

clean: ## remove the environment, the demo's files and all caches
	@rm -rf $(VENV) demo-out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says which extras are installed; it is out of date when the requirements change.
$(VENV)/%.stamp: $(VENV)/torch.stamp pyproject.toml constraints.txt
	@echo "installing vqe[$*] into $(VENV)"
	@$(PIP) -e ".[$*]"
	@touch $@

# torch comes first and with its exact version: a looser requirement may bring gigabytes of CUDA
# packages along, where a build for the CPU is at hand.
$(VENV)/torch.stamp: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "vqe needs Python 3.11 or later: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing torch into $(VENV)"
	@$(PIP) torch==$$(sed -n 's/^torch==//p' constraints.txt)
	@touch $@
