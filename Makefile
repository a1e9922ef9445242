# make serve | test | test-all | bench | fmt | check | clean      (Python 3.11 or newer, and make, are enough)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# pyoxigraph says it when a result that was left half-read is dropped by another thread than its own: harmless, and known
DROPPED := -W ignore::pytest.PytestUnraisableExceptionWarning
SITE_TESTS := $(addprefix tests/test_,web.py queries.py resolve.py negotiation.py)
RUN    := $(BIN)/unitgraph

.PHONY: serve test test-all lint bench fmt check lock docs translations screenshots clean
.DEFAULT_GOAL := serve

serve: $(READY)          ## set up, build the graph and serve it (PORT=8001 for another port)
	@exec $(RUN) serve $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(BASE),--base $(BASE))

test: $(READY) lint      ## set up and run every test, in small
	$(BIN)/pytest -n auto

test-all: $(READY) lint  ## the full matrices
	UNITGRAPH_TEST_ALL=1 $(BIN)/pytest -n auto
	UNITGRAPH_TEST_ENGINE=oxigraph $(BIN)/pytest -n auto $(DROPPED) $(SITE_TESTS)
	if command -v virtuoso-t >/dev/null; then UNITGRAPH_TEST_ENGINE=virtuoso $(BIN)/pytest -n auto $(DROPPED) $(SITE_TESTS); \
	    else echo "virtuoso-t is not here: the site's tests are not run on Virtuoso"; fi

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)          ## measure, side by side in one run (ARGS="--only sparql --triples 1M --save")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	$(BIN)/python bench/run.py $(ARGS)

check: $(READY)          ## check the sources
	@$(RUN) check

fmt: $(READY)            ## one form for code and data
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(RUN) fmt

docs: $(READY)           ## the generated pages of docs/reference
	@$(BIN)/python docs/reference.py

translations: $(READY)   ## take new texts into the catalogues, and say what waits for a translation
	@$(BIN)/python docs/translations.py

screenshots: $(READY)    ## pictures of the pages, with Chromium
	$(BIN)/python docs/screenshots.py

lock: $(READY)           ## pin what pyproject.toml asks for
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(BIN)/pip-compile --quiet --generate-hashes --extra dev --allow-unsafe --strip-extras --no-header \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml

clean:                   ## remove everything that make made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …"; exit 1; }
	@echo "setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
