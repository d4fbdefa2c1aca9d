# Two commands: `make demo` on a bare machine, and `make test`. Set PYTHON to choose an interpreter.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
# torch bounded in every pip command: without it pip may take a build with gigabytes of CUDA.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check 'torch>=2.8,<2.14'

.PHONY: demo test lint types docs clean

demo: $(VENV)/installed
	$(BIN)/nearspace compare digits

# A file of tests is one worker's, as its tests share what they fitted; a worker has one thread.
test: export OMP_NUM_THREADS := 1
# Two workers and the processes that tests start compile each file once, whatever the shell says.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# The pages as a site, in docs/site; a link that leads nowhere ends it.
docs: $(VENV)/installed
	$(PIP) -e '.[docs]'
	$(BIN)/zensical build --strict --clean -f docs/zensical.toml

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[images]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) -e '.[ann,audio,codec,images,onnx,pretrained,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist docs/site docs/.cache .pytest_cache .mypy_cache .ruff_cache report.html report.json
