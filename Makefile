# relubloom: `make demo` shows it, `make test` tests it, `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Pages of docs/results whose experiment has their name.
PAGES := results-full results-graded-codes results-graded-mechanism results-real-codes results-scale \
	results-source-networks results-zoo

# Where an image says that Python writes no bytecode, each process would compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install browser demo test check check-javascript docs-files results $(PAGES) results-class \
	results-width results-width-full results-quick results-region results-region-quick results-ground-truth \
	results-set-rivals bench faults kernels mutants fuzz trust clean docs lowest pythons

help:
	@echo "make demo     install, study the article's network, print the report's path"
	@echo "make test     install, run the test suite"
	@echo "make check    formatting, lint, types, the site without a warning"
	@echo "make docs     the site of the documentation, build/docs/index.html (half a minute)"
	@echo "make docs-files  the tables of keys in docs/files.md"
	@echo "make bench    benchmarks, with their rivals"
	@echo "make install  the virtual environment only"
	@echo "harder tests:"
	@echo "  make lowest   the fast part of the suite with the oldest releases that pyproject.toml names"
	@echo "  make pythons  types for Python 3.12 and 3.13, and whether dependencies resolve there"
	@echo "  make faults   kills, full disks, closed pipes, two at once (10 minutes)"
	@echo "  make kernels  the kernels for GPUs, by Triton's interpreter (1 GB of packages, half a minute)"
	@echo "  make mutants  25 minutes of small changes of the code: which do no tests notice?"
	@echo "  make fuzz     hostile files and command lines, CASES=5000 SEED=0; see docs/trust.md"
	@echo "  make trust    time and memory at a million tokens, for docs/trust.md (minutes)"
	@echo "pages of docs/results:"
	@echo "  make results        most of them (about five hours)"
	@echo "  make results-NAME   one of them; what was stopped goes on where it was. NAME is"
	@echo "    class (10 minutes), full (40), graded-codes (8), graded-mechanism (25), ground-truth (20), zoo (15),"
	@echo "    scale (9 hours), width, width-full, region (hours); quick and region-quick in small, into runs/;"
	@echo "    real-codes FILES='debtags.sets 3..8 48', set-rivals FILES='debtags.sets 3..8 48' (minutes),"
	@echo "    source-networks FILES='--file debtags.sets 3..8 48' (25 minutes)"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/package-installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/tools-installed: $(VENV)/package-installed
	$(PIP) -e '.[docs,test]'
	@touch $@

install: $(VENV)/tools-installed

demo: $(VENV)/package-installed
	$(BIN)/relubloom study --preset article --out runs/demo --resume

# What the suite does a few times, often: kills, full disks, two at once.
KILLS ?= 50
faults: $(VENV)/tools-installed
	RELUBLOOM_KILLS=$(KILLS) $(BIN)/python -m pytest tests/study/test_killed.py
	RELUBLOOM_KILLS=20 $(BIN)/python -m pytest tests/sweep/test_killed.py tests/cli/test_faults.py

# Goes on with docs/results/mutants.csv; a survivor needs its reason there, by hand.
mutants: $(VENV)/tools-installed
	$(BIN)/python tests/mutants.py --minutes 25

# The tests that open the page need chromium: root gets Debian's; others skip those tests.
browser:
	@tests/install_browser.sh

test: $(VENV)/tools-installed browser
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/tools-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	@mkdir -p build; echo "every public name has its type"; \
	PATH=$(CURDIR)/$(BIN):$$PATH pyright --verifytypes relubloom --ignoreexternal > build/types.txt \
		|| { grep --before-context=1 --after-context=1 'error:' build/types.txt; exit 1; }
	$(MAKE) --no-print-directory docs
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory check-javascript; \
	else echo "no npm here: the JavaScript of the reports is not type-checked"; \
	test "$$RELUBLOOM_REQUIRE_BROWSER" != 1; fi

# uv finds the oldest releases, pip installs them. PyTorch stays the constrained one: PyPI's older
# builds for Linux are for CUDA.
LOWEST := $(VENV)/lowest
EXTRAS := --extra cluster --extra fields --extra onnx --extra parquet

$(LOWEST)/installed: pyproject.toml | $(VENV)/tools-installed
	$(PIP) uv
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/uv pip compile --quiet --no-deps --resolution lowest-direct $(EXTRAS) pyproject.toml \
		| grep -v '^torch==' > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		-r $(LOWEST)/lowest.txt $(shell grep '^torch==' constraints.txt) beartype hypothesis pytest
	@touch $@

lowest: $(LOWEST)/installed
	PYTHONPATH=src $(LOWEST)/bin/python -m pytest -o filterwarnings=default tests/code tests/network tests/records tests/report/charts \
		tests/task tests/theory tests/training tests/test_given.py

pythons: $(VENV)/tools-installed
	$(PIP) uv
	for version in 3.12 3.13; do \
		$(BIN)/pyright --pythonversion $$version && \
		$(BIN)/uv pip compile --quiet --python-version $$version $(EXTRAS) pyproject.toml > /dev/null \
		|| exit 1; \
	done

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --silent --no-audit --no-fund

check-javascript: node_modules/.package-lock.json
	npm run --silent check

docs: $(VENV)/tools-installed
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs
	@echo "build/docs/index.html"

# The tables of keys in docs/files.md, from the docstrings of the records.
docs-files: $(VENV)/package-installed
	PYTHONPATH=tests $(BIN)/python -m build.key_tables

# SETS="--sets FILE --set-size a..b" adds files of real sets to the studies. Each script takes
# --quick, which makes its page in small elsewhere.
results: $(VENV)/package-installed
	$(BIN)/python experiments/study.py $(SETS)
	for page in recipes classroom codes graded_codes decoders mechanism residue controls dynamics full; do \
		$(BIN)/python experiments/$$page.py || exit 1; \
	done
	$(BIN)/python experiments/graded_mechanism.py --runs runs
	$(BIN)/python experiments/zoo.py

# FILES: arguments of the script, such as files of real sets. Networks whose figures stand in
# docs/results/scale.csv are not trained again.
$(PAGES): results-%: $(VENV)/package-installed
	$(BIN)/python experiments/$(subst -,_,$*).py $(FILES)

results-graded-mechanism: FILES = --runs runs  # the networks of results-full

results-class: $(VENV)/package-installed
	$(BIN)/python experiments/classroom.py

# A sweep that was stopped goes on where it was.
results-width: $(VENV)/package-installed
	$(BIN)/relubloom sweep experiments/width_specs/law.toml --out runs/width --resume
	$(BIN)/relubloom sweep experiments/width_specs/convergence.toml --out runs/width --resume
	$(BIN)/python experiments/width.py runs/width

results-quick: $(VENV)/package-installed
	$(BIN)/relubloom sweep experiments/width_specs/quick.toml --out runs/width-quick --resume
	$(BIN)/python experiments/width.py runs/width-quick --out runs/width-quick

results-width-full: $(VENV)/package-installed
	$(BIN)/relubloom sweep experiments/width_specs/full.toml --out runs/width-full --resume
	$(BIN)/python experiments/full_width.py runs/width-full

results-region: $(VENV)/package-installed
	$(BIN)/relubloom sweep experiments/region_specs/full.toml --out runs/region --keep-networks --resume
	$(BIN)/python experiments/region.py runs/region

results-region-quick: $(VENV)/package-installed
	$(BIN)/relubloom sweep experiments/region_specs/quick.toml --out runs/region-quick --keep-networks --resume
	$(BIN)/python experiments/region.py runs/region-quick --out runs/region-quick

# Triton is large, so it has a place of its own. Its interpreter and its compiler need no GPU.
TRITON := build/triton-3.9.0

$(TRITON):
	$(PIP) --target $(TRITON) triton==3.9.0

kernels: $(VENV)/tools-installed $(TRITON)
	PYTHONPATH=$(TRITON) $(BIN)/python -m pytest tests/training/test_fused_loss.py \
		tests/training/test_as_cuda.py tests/task/test_philox_kernel.py

# SAELens brings much along, so it has an environment of its own. A run that was stopped goes on.
GROUND_TRUTH := $(VENV)/ground-truth

$(GROUND_TRUTH)/installed: experiments/ground_truth.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(GROUND_TRUTH)
	$(GROUND_TRUTH)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e . -r experiments/ground_truth.txt
	@touch $@

results-ground-truth: $(GROUND_TRUTH)/installed
	$(GROUND_TRUTH)/bin/python experiments/ground_truth.py

# FILES: a file of sets, sizes or any, and a width; once or more often.
results-set-rivals: $(VENV)/rivals-installed
	$(BIN)/python benchmarks/sets.py $(FILES) --out docs/results/set-rivals.md

CASES ?= 5000
SEED ?= 0
fuzz: $(VENV)/tools-installed
	cd tests && PYTHONPATH=.:../src ../$(BIN)/python -m fuzz.attack $(CASES) $(SEED)

trust: $(VENV)/package-installed
	$(BIN)/python benchmarks/million.py

$(VENV)/rivals-installed: benchmarks/requirements.txt $(VENV)/tools-installed
	@if $(PIP) -r benchmarks/requirements.txt; then touch $@; \
	else echo "not all rivals can be installed here: rows say which are missing"; fi

bench: $(VENV)/rivals-installed
	$(BIN)/python benchmarks/step.py --large
	$(BIN)/python benchmarks/time_to_bloom.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/exact_count.py
	$(BIN)/python benchmarks/theory.py
	$(BIN)/python benchmarks/decode.py --large
	@if command -v chromium > /dev/null; then $(BIN)/python benchmarks/page.py; \
	else echo "no chromium here: the report is not measured in a browser"; fi

clean:
	rm -rf $(VENV) node_modules runs build docs/reference
