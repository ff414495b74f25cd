# `make demo` and `make test` need Python 3.11 or newer, pip, and for the native core a C++20 compiler.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint constraints.txt
# Touched when everything is installed; C++ and packaging changes make it stale, Python changes do not.
READY := $(VENV)/ready
NATIVE_SOURCES := $(shell find csrc -name '*.[ch]pp' -not -path 'csrc/tests/*')
REPORT := report

.PHONY: help setup demo test test-slow test-oracles lint generate native sanitize clean

help:
	@echo "make demo       set up, then compare eight operators on 5,000 handwritten digits"
	@echo "make test       set up, then run the tests"
	@echo "make test-slow  set up, then run the tests marked slow"
	@echo "make test-oracles  set up with other people's packages too, then run the tests against them"
	@echo "make lint       ruff, mypy, import contracts, sizes, generated files"
	@echo "make generate   rewrite nn.py, the README's list and docs/operators from the catalogue"
	@echo "make native     build and test the C++ core alone, with all messages of the compiler"
	@echo "make sanitize   the C++ tests under ASan, UBSan and TSan, and the native Python tests under the first two"
	@echo "make setup      only set up the virtual environment in $(VENV)"

setup: $(READY)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "expected Python 3.11 or newer, got `$(PYTHON) --version`; run make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch first and alone, so that no later requirement can choose another build of it.
$(READY): $(BIN)/python constraints.txt pyproject.toml CMakeLists.txt $(NATIVE_SOURCES)
	@echo "setting up $(VENV) (a few minutes the first time)"
	$(INSTALL) torch
	$(INSTALL) scikit-build-core nanobind cmake ninja
	$(INSTALL) --no-build-isolation --editable '.[dev]'
	@$(BIN)/circulant doctor
	@touch $@

demo: setup
	$(BIN)/circulant compare --jobs 2 --out $(REPORT)
	@echo "the report is in $(CURDIR)/$(REPORT)/index.html"

test: setup
	$(BIN)/python -m pytest -n 2 -m "not slow and not oracles"

test-slow: setup
	$(BIN)/python -m pytest -n 2 -m slow

test-oracles: setup
	$(INSTALL) --no-build-isolation --editable '.[dev,oracles]'
	$(BIN)/python -m pytest -n 2 -m oracles tests/oracles

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/sizes.py
	$(BIN)/python tools/generate.py --check

generate: setup
	$(BIN)/python tools/generate.py

native: setup
	$(BIN)/cmake -S . -B build/native -G Ninja -DCIRCULANT_PYTHON=OFF -DCIRCULANT_TESTS=ON \
	  -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja
	$(BIN)/cmake --build build/native
	$(BIN)/ctest --test-dir build/native --output-on-failure

# Level 1 of optimisation, and nothing inlined by force: else checks take hours to compile.
SANITIZED := -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCIRCULANT_TESTS=ON
LIBRARY = $$($(CXX) -print-file-name=$(1))
# The library of C++ too: else what Python loads later throws exceptions that ASan does not know.
ASAN_PYTHON = LD_PRELOAD="$(call LIBRARY,libasan.so) $(call LIBRARY,libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
  PYTHONPATH=$(CURDIR)/tools/core_under_test CIRCULANT_CORE=$(CURDIR)/build/sanitize-address $(BIN)/python

sanitize: setup
	$(BIN)/cmake -S . -B build/sanitize-address $(SANITIZED) -DCIRCULANT_SANITIZE=address,undefined \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
	$(BIN)/cmake --build build/sanitize-address
	$(BIN)/ctest --test-dir build/sanitize-address --output-on-failure
	$(ASAN_PYTHON) -m pytest -n 2 -m "not slow" tests/backends/native tests/functional
	$(BIN)/cmake -S . -B build/sanitize-thread $(SANITIZED) -DCIRCULANT_SANITIZE=thread -DCIRCULANT_PYTHON=OFF
	$(BIN)/cmake --build build/sanitize-thread
	$(BIN)/ctest --test-dir build/sanitize-thread --output-on-failure

clean:
	rm -rf build $(READY)
