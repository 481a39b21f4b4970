# Every target sets up what it needs: a Python >= 3.12, a .venv, the pinned packages. Nothing needs root.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench format clean
demo: $(VENV)/.ready
	@$(BIN)/childproof run --world demo --db childproof.db -- $(BIN)/python examples/checkout_agent.py

test: $(VENV)/.ready
	@$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

check: $(VENV)/.ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases stubs/*/*.py
	@$(BIN)/lint-imports
	@$(BIN)/childproof rules check rules/default.yaml rules/presets/*.yaml
	@$(BIN)/childproof rules test
	@$(BIN)/childproof stubs check

bench: $(VENV)/.ready
	@$(BIN)/python -m bench

format: $(VENV)/.ready
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml constraints.txt tools/setup.sh
	@bash tools/setup.sh $(VENV)
