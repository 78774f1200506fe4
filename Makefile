# Every verb makes its own environment first: `make book` in a fresh clone is enough.

EDITION ?= sample
export COURSEKIT_EDITION := $(EDITION)
# Kernels are forked from a process that has TensorFlow imported; see warmkernels.
# KERNELS=coursekit-quiet starts ordinary ones.
KERNELS ?= coursekit-warm
export JUPYTER_DEFAULT_PROVISIONER_NAME := $(KERNELS)
ifdef COURSEKIT_DATA
# Chapters run in their own folder, so a relative folder has to be made absolute here. $(abspath)
# would split a name at its spaces.
DATA := $(subst <begin>,,$(subst <begin>~/,$(HOME)/,<begin>$(value COURSEKIT_DATA)))
ifeq ($(filter /% ~% %:,$(subst :,: ,$(firstword $(DATA)))),)
DATA := $(CURDIR)/$(DATA)
endif
override COURSEKIT_DATA := $(DATA)
export COURSEKIT_DATA
endif
# Where a shell names a back end of Matplotlib, as on clusters, figures would be missing.
unexport MPLBACKEND

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready

SOLUTIONS := $(wildcard book/solutions/*.ipynb)
NOTEBOOKS := $(wildcard book/*.ipynb) $(SOLUTIONS)

.PHONY: help env lab book pdf test test-site test-alone release install-cells grade refresh reading-times comparisons reproduce bench data format check clean

help:
	@echo "make book      build the book into _build/html   (EDITION=full for the full data)"
	@echo "make lab       open the book's notebooks in JupyterLab"
	@echo "make pdf       print the book to _build/pdf (needs Chromium)"
	@echo "make test      run all tests: the package, the chapters, the data, the built pages"
	@echo "make test-site build the book, and look at its pages in Chromium"
	@echo "make test-alone  run every chapter in an empty folder, with the built package alone"
	@echo "make release   make the exercises anew from book/solutions"
	@echo "make grade     SUBMISSIONS=folder OUT=folder: grade submitted exercises"
	@echo "make check     lint, and check the format of the code and the English of the pages"
	@echo "make format    put the code in format"
	@echo "make refresh   run the chapters and store the outputs that the tests compare with"
	@echo "make reading-times  write how long each chapter takes to read, and print the table"
	@echo "make comparisons  list every interval that the chapters print, with its verdict"
	@echo "make reproduce  measure results over many seeds (CHAPTER=... for one chapter)"
	@echo "make bench     time what was made fast against the plain way (two hours)"
	@echo "make data      make the files in data/ anew (see tools/make_bundled_data.py)"
	@echo "make clean     remove what was built; keeps the environment"

env: $(READY)

# PYTHON=3.12 or PYTHON=/path/to/python chooses one.
$(READY): pyproject.toml constraints.txt
	sh tools/make_env.sh $(PYTHON)

# Chapters open with their kernels as any Jupyter starts them.
lab: $(READY)
	JUPYTER_DEFAULT_PROVISIONER_NAME=coursekit-quiet $(BIN)/jupyter lab book

book: $(READY)
	$(BIN)/jupyter-book build . -W --keep-going -n --quiet
	@echo "The book is at _build/html/index.html"

pdf: book
	$(BIN)/python tools/make_pdf.py

# MUST_RUN="tests/site ..." fails if a test there is skipped, such as for want of Chromium.
# The tests of the site look at the built book; building first also runs all notebooks once.
test: book
	$(BIN)/python -m pytest $(NOTEBOOKS) tests --numprocesses 2 --no-loadscope-reorder \
	  --nbval-sanitize-with tests/book/sanitize.cfg \
	  --cov --cov-report=term --cov-fail-under=90 --durations=15 $(MUST_RUN:%=--must-run %)

test-site: book
	$(BIN)/python -m pytest tests/site --numprocesses 2

# By hand: minutes. tests/install.sh runs three of them each time.
test-alone: $(READY)
	bash tests/install.sh book/*.ipynb

release: $(READY)
	$(BIN)/coursekit release book/solutions --out book/exercises

# The first code cell of each notebook, which installs the package on Colab.
install-cells: $(READY)
	$(BIN)/python tools/install_cells.py
	$(BIN)/coursekit release book/solutions --out book/exercises

grade: $(READY)
	$(BIN)/coursekit grade "$(SUBMISSIONS)" --out "$(OUT)"

refresh: $(READY)
	$(BIN)/python tools/refresh_notebooks.py $(NOTEBOOKS)

# BEFORE=commit adds what the chapters had at that commit.
reading-times: $(READY)
	$(BIN)/python tools/reading_times.py --write $(if $(BEFORE),--before $(BEFORE))

# Every interval that the chapters print, with its verdict.
comparisons: $(READY)
	$(BIN)/python tools/comparisons.py

# By hand, before a stored result in the book changes. CHAPTER=iris-again measures one chapter,
# MODEL="dropout" of it the models with that in their name; MISSING=1 goes on where it stopped.
reproduce: $(READY)
	$(BIN)/python tools/reproduce.py $(CHAPTER) $(if $(MODEL),--model "$(MODEL)") \
	  $(if $(MISSING),--missing) --jobs 2

# Under two hours, on a machine that does nothing else, with nothing that no commit holds.
# Every script keeps what it found, so after an interruption the next call goes on from there;
# AGAIN=1 starts anew. SUITE=1 times `make test`, too: 40 minutes more. QUICK=1 only sees whether all
# scripts work, and keeps nothing.
bench: $(READY)
	$(BIN)/python benchmarks/bench.py $(if $(AGAIN),--again) $(if $(SUITE),--suite) $(if $(QUICK),--quick)

data: $(READY)
	$(BIN)/python tools/make_bundled_data.py $(if $(MLBENCH),--mlbench "$(MLBENCH)") \
	  $(if $(WALKING),--walking "$(WALKING)")

format: $(READY)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/python tools/check_prose.py

clean:
	rm -rf _build build dist .pytest_cache .ruff_cache .coverage
