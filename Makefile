# Every target sets up what it needs: a Python >= 3.12, a .venv, the pinned packages. Nothing needs root.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test kills check bench fuzz fuzz-api soak image format clean
demo: $(VENV)/.ready
	@$(BIN)/childproof run --world demo --db childproof.db -- $(BIN)/python examples/checkout_agent.py
	@command -v childproof > /dev/null || echo "  next     source $(BIN)/activate puts childproof on your PATH" >&2

test: $(VENV)/.ready
	@$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# A hundred kills of the real proxy under load; `make test` does 20 of them, and 80 of what lies below it.
kills: $(VENV)/.ready
	@KILLS=100 $(BIN)/python -m pytest -n auto tests/clients/test_kill.py

check: $(VENV)/.ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases stubs/*/*.py
	@$(BIN)/lint-imports
	@$(BIN)/childproof rules check rules/default.yaml rules/presets/*.yaml
	@$(BIN)/childproof rules test
	@$(BIN)/childproof stubs check

bench: $(VENV)/.ready
	@$(BIN)/python -m bench

# make fuzz TARGETS="http1 smtp" SECONDS_EACH=300; needs atheris, which it installs
SECONDS_EACH := 60
fuzz: $(VENV)/.ready
	@$(BIN)/python -c 'import atheris' 2>/dev/null || uv pip install --quiet --python $(BIN)/python 'atheris>=3.1' 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3.1'
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS_EACH) $(TARGETS)

# The control API, held to its OpenAPI document for as long as you like.
fuzz-api: $(VENV)/.ready
	@SCHEMATHESIS_SECONDS=$(or $(SECONDS_API),600) $(BIN)/python -m pytest -n0 -q tests/control/test_schemathesis.py

MINUTES := 10
soak: $(VENV)/.ready
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

# make image TAG=registry/childproof:0.1.0 BUILD_ARGS="--pull --build-arg EXTRAS="; with whichever builder is there
BUILDER := $(firstword $(foreach builder,docker podman buildah,$(if $(shell command -v $(builder)),$(builder))))
TAG := childproof
image:
	@test -n "$(BUILDER)" || { echo "make image needs docker, podman or buildah" >&2; exit 1; }
	@epoch=$$(git log -1 --format=%ct) && $(BUILDER) build $(if $(filter-out docker,$(BUILDER)),--format=docker) \
	  --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' proxy/childproof/__init__.py) \
	  --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(date --utc --date=@$$epoch +%FT%TZ) \
	  --build-arg SOURCE_DATE_EPOCH=$$epoch $(BUILD_ARGS) --tag $(TAG) .

format: $(VENV)/.ready
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml constraints.txt tools/setup.sh
	@bash tools/setup.sh $(VENV)
