# One verb for each thing one does; CI uses the same. Nothing but Python 3.11+ and make is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# MLX's Linux wheel links a reference BLAS; OpenBLAS makes its dense float32 products 20 to 40 times faster.
OPENBLAS := $(firstword $(wildcard /usr/lib/*/openblas-pthread/libopenblas.so.0))
ifeq ($(shell uname -s),Linux)
ifeq ($(OPENBLAS),)
BLAS_NOTE := @echo "note: OpenBLAS is not installed, so MLX will be slow here: apt-get install libopenblas0-pthread" >&2
else
RUN := LD_PRELOAD=$(OPENBLAS)
endif
endif

.PHONY: help serve install dev lint format type test fuzz cover check bench soak build lab lock clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

# The lock names hashes, so pip takes nothing else; the project itself is linked, not copied.
$(VENV)/serve.stamp: requirements.txt pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The last ones cannot be resolved with the rest, and need not be: see the file.
$(VENV)/dev.stamp: requirements-dev.txt requirements-unresolved.txt $(VENV)/serve.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-unresolved.txt
	@touch $@

install: $(VENV)/serve.stamp ## create .venv with what serving needs
dev: $(VENV)/dev.stamp ## create .venv with what developing needs

serve: install ## serve the pocket model; ARGS="--model PATH_OR_REPO" for another
	$(BLAS_NOTE)
	$(RUN) $(BIN)/optiq serve $(ARGS)

lint: dev ## style, imports between packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile.dev

format: dev ## let ruff rewrite the style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

type: dev ## mypy --strict over packages, tests and tools
	$(BIN)/mypy

# MLX would compile each new kernel with g++ for seconds; the tests check values, not speed.
test: dev ## all tests; ARGS="-k name" for some
	$(BLAS_NOTE)
	$(RUN) MLX_DISABLE_COMPILE=1 $(BIN)/pytest $(ARGS)

fuzz: dev ## 500 replies of a random gpt-oss, held to grammars
	$(RUN) MLX_DISABLE_COMPILE=1 OPTIQ_FUZZ_REPLIES=500 $(BIN)/pytest tests/engine/test_constrained_replies.py

cover: dev ## all tests, with branch coverage
	$(RUN) MLX_DISABLE_COMPILE=1 $(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report

check: lint type test ## what CI runs

bench: dev ## all figures with their bars; ARGS="--only single" for some
	$(BLAS_NOTE)
	$(RUN) $(BIN)/python -m tools.bench $(ARGS)

soak: dev ## ten minutes of mixed traffic; ARGS="--minutes 1" for less
	$(BLAS_NOTE)
	$(RUN) $(BIN)/python -m tools.soak $(ARGS)

build: dev ## wheel and sdist in dist/
	$(BIN)/python -m build --no-isolation

lab: ## check and build the page of the server (needs Node)
	cd server/lab && npm ci --silent && npm run --silent check && npm run --silent build

lock: dev ## resolve pyproject.toml anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate -c requirements.txt pyproject.toml --group dev -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate -c requirements.txt --group build -o requirements-build.txt

clean: ## remove what the verbs made
	rm -rf $(VENV) dist build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
