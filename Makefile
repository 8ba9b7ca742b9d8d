# make demo and make test each install first; nothing but Python 3.11 or 3.12 is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# the transformers before 5, laid over the environment by the path alone
OLDER := $(VENV)/transformers4

# one core checks the types while the tests leave some of both; output of the two is mixed
ifeq ($(sort $(MAKECMDGOALS)),check test)
MAKEFLAGS += --jobs=2
endif

.PHONY: install demo test test-full check docs clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24" "setuptools>=70"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: install
	$(BIN)/molre demo -o demo

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# by hand: every backbone at full size, and their families under the older transformers
test-full: install $(OLDER)/.installed
	$(BIN)/python experiments/backbones_full.py --older $(OLDER)

$(OLDER)/.installed: constraints-transformers4.txt $(STAMP)
	rm -rf $(OLDER)
	$(BIN)/python -m pip install --quiet --no-deps --target $(OLDER) --requirement constraints-transformers4.txt
	touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python tests/house/file_length.py
	$(BIN)/python tests/house/mirror.py

docs: install
	$(BIN)/zensical build

clean:
	rm -rf $(VENV) site demo
