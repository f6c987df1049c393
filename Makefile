# Targets for people: `make` or `make help` lists them. Works with GNU make 3.81 and later.

PYTHON ?= python3
# Where pip finds torch; on a machine without a GPU, PyTorch's CPU index: make demo TORCH_INDEX=ADDRESS
TORCH_INDEX ?=
TORCH = torch==2.13.0

VENV = .venv
BIN = $(VENV)/bin
PEERS = .bench
BENCH ?=
QUALITY ?=
# The tests' own modules are rewritten for their asserts, which takes each process ten seconds
# unless they are kept.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# The same examples of the property tests each time, or others: make test HYPOTHESIS=default
HYPOTHESIS ?= repeatable
# Processes that run the tests; a file is run by one of them, which then makes its models once.
WORKERS = -n auto --maxprocesses 4 --dist loadfile
MFCLI = $(BIN)/mfcli

# make pipeline: what is run, and with which options.
DATASET ?= demo
SOURCE ?= $(DATASET)
MODE ?= explicit
FETCH_OPTIONS ?=
SPLIT_OPTIONS ?= $(if $(filter explicit,$(MODE)),,--threshold 4)
TRAIN_OPTIONS ?=
EVALUATE_OPTIONS ?=
# The lists hold nothing of the source, test rows and rows below the threshold included.
RECOMMEND_OPTIONS ?= --seen $(MATRIX)

MATRIX = data/$(DATASET).npz
SPLIT = data/$(DATASET)-$(MODE)
RUN = artifacts/$(DATASET)-$(MODE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help setup demo test test-slow test-oldest lint docs wheel bench quality torture pipeline clean FORCE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make pipeline takes DATASET, SOURCE, MODE=explicit|implicit|hogwild and the stages' options:"
	@echo "  make pipeline DATASET=ml-100k SOURCE=path/to/ml-100k MODE=hogwild TRAIN_OPTIONS='--epochs 5'"

setup: $(VENV)/ready ## Make .venv with the pinned dependencies and mfcli in it

$(VENV)/ready: pyproject.toml .requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mfcli needs Python 3.11 or later: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	# torch first and pinned: an open range would bring gigabytes of CUDA.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .requirements.lock --editable '.[dev]'
	touch $@

demo: $(VENV)/ready ## Run all five stages on the built-in sample, without network
	$(MAKE) --no-print-directory pipeline DATASET=demo SOURCE=demo MODE=hogwild SHOW=yes

# Lint goes beside the tests: neither keeps two cores busy. Its failure is that of the target too.
test: $(VENV)/ready ## Check everything but what is slow: ruff, mypy, pytest
	$(MAKE) --no-print-directory lint & lint=$$!; \
	$(PYTEST) $(WORKERS) --hypothesis-profile=$(HYPOTHESIS); tests=$$?; wait $$lint && exit $$tests

test-slow: $(VENV)/ready ## The tests that take long and seldom break
	$(PYTEST) -m slow

# The lowest versions that pyproject.toml allows, in an environment of their own.
OLDEST = .oldest
TORCH_OLDEST ?= torch==2.10.0

test-oldest: $(OLDEST)/ready ## The tests of make test on the lowest versions allowed (in .oldest)
	$(OLDEST)/bin/python -m pytest $(WORKERS)

$(OLDEST)/ready: pyproject.toml .requirements.lock | $(VENV)/ready
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) '$(TORCH_OLDEST)'
	$(BIN)/python -m tests.bounds > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(OLDEST)/constraints.txt --editable '.[dev]'
	touch $@

wheel: $(VENV)/ready ## Build the wheel and the source distribution into dist
	$(BIN)/python -m build --outdir dist .

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/ready ## Write the generated pages and pictures anew, after options or tables have changed
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.pictures
	$(BIN)/python -m tests.report.picture

bench: $(VENV)/ready $(PEERS)/ready ## Measure speed against peers (in .bench); BENCH='help als --quick' for some
	$(BIN)/python tests/benchmarks/run.py $(BENCH)

# The peers of the benchmarks, apart from .venv and without what they share with it, built for this
# processor where that makes them faster. Buffalo pins an older NumPy and gets an environment of its
# own. One that cannot be had is left out, with a line. Their versions are pinned here.
IMPLICIT = implicit==0.7.3 tqdm==4.70.1
LIBMF = libmf==0.9.2
CMFREC = cmfrec==3.5.1.post14
BUFFALO = buffalo==2.0.6 numpy==1.24.4 scipy==1.10.1 h5py==3.9.0 psutil==5.9.8

FAST = -O3 -march=native -DUSEAVX
PIP = -m pip install --quiet --disable-pip-version-check
PIP_PEER = $(BIN)/python $(PIP) --no-deps --upgrade --target $(PEERS)
BUILD_PEER = CFLAGS='$(FAST)' CXXFLAGS='$(FAST)' $(PIP_PEER) --no-cache-dir
OR_SAY = || echo "make: $(1) cannot be installed here: it is left out"

$(PEERS)/ready: $(PEERS)/peers.stamp | $(VENV)/ready
	$(PIP_PEER) $(IMPLICIT) $(call OR_SAY,implicit)
	# PyPI's LIBMF has no vector instructions unless it is built so.
	$(BUILD_PEER) --no-binary libmf $(LIBMF) $(call OR_SAY,libmf)
	# cmfrec takes minutes to build.
	$(BUILD_PEER) --no-binary cmfrec $(CMFREC) $(call OR_SAY,cmfrec)
	$(BIN)/python -m venv --clear $(PEERS)/buffalo-env && \
	  $(PEERS)/buffalo-env/bin/python $(PIP) --only-binary :all: $(BUFFALO) $(call OR_SAY,buffalo)
	touch $@

quality: $(VENV)/ready $(PEERS)/ready ## Measure quality on the data sets that MFCLI_DATASETS names; QUALITY='lastfm' for some
	$(BIN)/python -m tests.benchmarks.quality $(QUALITY)

torture: $(VENV)/ready ## Kill, fill, starve and damage for some twenty minutes, and count what is lost
	$(BIN)/python -m tests.torture.run

clean: ## Remove what the pipelines made
	find data artifacts -mindepth 1 ! -name README.md -delete

# --- the pipeline: real files as targets ------------------------------------------------------
# Each stage depends on its input and on a stamp that changes when its options do, never on the
# clock alone. A split writes two files; train.npz stands for both, so that no grouped targets
# are needed.

pipeline: $(RUN)/metrics.json $(RUN)/recommendations.csv ## Fetch, split, train, evaluate, recommend
	$(if $(SHOW),@echo "first rows of $(RUN)/recommendations.csv:" && head -11 $(RUN)/recommendations.csv)

# Files of a local source; a name or a URL has none.
SOURCE_FILES = $(wildcard $(SOURCE) $(SOURCE)/*)

$(MATRIX): $(SOURCE_FILES) data/$(DATASET).fetch.stamp | $(VENV)/ready
	$(MFCLI) fetch $(SOURCE) --out $@ $(FETCH_OPTIONS)

$(SPLIT)/train.npz: $(MATRIX) $(SPLIT)/split.stamp
	$(MFCLI) split $(MATRIX) --out $(SPLIT) $(SPLIT_OPTIONS)

$(SPLIT)/test.npz: $(SPLIT)/train.npz
	@test -f $@ || { rm -f $(SPLIT)/train.npz; $(MAKE) --no-print-directory $(SPLIT)/train.npz; }

$(RUN)/model.pt: $(SPLIT)/train.npz $(RUN)/train.stamp
	$(MFCLI) train $(SPLIT)/train.npz --mode $(MODE) --out $@ $(TRAIN_OPTIONS)

$(RUN)/metrics.json: $(RUN)/model.pt $(SPLIT)/test.npz $(RUN)/evaluate.stamp
	$(MFCLI) evaluate $(RUN)/model.pt $(SPLIT)/test.npz --out $@ $(EVALUATE_OPTIONS)

$(RUN)/recommendations.csv: $(RUN)/model.pt $(RUN)/recommend.stamp
	$(MFCLI) recommend $(RUN)/model.pt --out $@ $(RECOMMEND_OPTIONS)

# A stamp holds the options of a stage and is written only when they changed.
STAMP = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@

$(PEERS)/peers.stamp: FORCE
	$(call STAMP,$(IMPLICIT) $(LIBMF) $(CMFREC) $(BUFFALO))
data/$(DATASET).fetch.stamp: FORCE
	$(call STAMP,$(SOURCE) $(FETCH_OPTIONS))
$(SPLIT)/split.stamp: FORCE
	$(call STAMP,$(SPLIT_OPTIONS))
$(RUN)/train.stamp: FORCE
	$(call STAMP,$(MODE) $(TRAIN_OPTIONS))
$(RUN)/evaluate.stamp: FORCE
	$(call STAMP,$(EVALUATE_OPTIONS))
$(RUN)/recommend.stamp: FORCE
	$(call STAMP,$(RECOMMEND_OPTIONS))
FORCE:
