# make install | demo | test | test-official | test-wheel | test-slurm | lint |
# docs
#
# Everything goes into $(VENV); nothing else of the machine is touched. Each
# step looks first whether its result is there, so a second call is fast, and
# an environment made by hand is taken as it is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help install demo test test-official test-wheel test-slurm lint docs

VENV ?= .venv
PYTHON ?= python3
# Torch release and options for the pip command that installs it, for example
# TORCH_PIP_ARGS="--index-url URL" for another CUDA version or none.
TORCH_VERSION ?= 2.13.0
TORCH_PIP_ARGS ?=
# requirements/mminstall-official.txt for the last official releases
MM_REQUIREMENTS ?= requirements/mminstall.txt
# where test-official puts those
OFFICIAL_VENV ?= .venv-official
# where test-wheel puts the wheel
WHEEL_VENV ?= .venv-wheel
# processes of the test run
WORKERS ?= 2

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
READY := $(VENV)/.mmvis-ready
BIN := $(VENV)/bin
CSRC := $(shell find mmvis_plugin/ops/csrc -type f)
SOURCES := mmvis_plugin tools tests configs setup.py
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

DEMO_DATA ?= data/moving_shapes/tiny
DEMO_DIR ?= work_dirs/demo
DEMO_CONFIG := configs/inspro/inspro_r18_fpn_movingshapes-tiny.py
DEMO_PRETRAIN := configs/inspro/inspro_r18_fpn_movingshapes-tiny-pretrain.py

help:
	@echo 'make install  set up $(VENV): torch, mmcv, mmdet, this package'
	@echo 'make demo     train InsPro on generated videos, test it, draw tracks'
	@echo 'make test     run the test suite'
	@echo 'make test-official  the same in $(OFFICIAL_VENV), with the official'
	@echo '              mmengine, mmcv and mmdet'
	@echo 'make test-wheel  the same with the wheel in $(WHEEL_VENV), outside of'
	@echo '              this folder'
	@echo 'make test-slurm  run jobs in a Slurm cluster of this machine (root)'
	@echo 'make lint     check style, docstrings, spelling and layout'
	@echo 'make docs     build the documentation'

install: $(READY)

$(PY):
	@echo '[install 1/6] virtual environment $(VENV)'
	$(PYTHON) -m venv $(VENV)

$(READY): Makefile setup.cfg setup.py $(wildcard requirements/*.txt) $(CSRC) \
    | $(PY)
	@VENV='$(VENV)' TORCH_VERSION='$(TORCH_VERSION)' \
	    TORCH_PIP_ARGS='$(TORCH_PIP_ARGS)' \
	    MM_REQUIREMENTS='$(MM_REQUIREMENTS)' \
	    bash tools/misc/install.sh
	@touch $@

demo: $(READY)
	@$(PY) -c 'import av' 2>/dev/null || $(PIP) install --quiet av || \
	    echo '[demo] no PyAV: the video will not play in every browser'
	@echo '[demo 1/5] write the videos to $(DEMO_DATA) (seconds)'
	@$(PY) tools/dataset_converters/make_moving_shapes.py \
	    --profile tiny --format youtube_vis --out $(DEMO_DATA)
	@echo '[demo 2/5] train on single frames in $(DEMO_DIR)/pretrain (about 7'
	@echo '           minutes on 2 CPU cores; goes on where it was stopped)'
	@$(PY) tools/train.py $(DEMO_PRETRAIN) --work-dir $(DEMO_DIR)/pretrain \
	    --resume
	@echo '[demo 3/5] train on clips in $(DEMO_DIR) (about 3 minutes)'
	@$(PY) tools/train.py $(DEMO_CONFIG) --work-dir $(DEMO_DIR) --resume \
	    --cfg-options \
	    load_from="$$(cat $(DEMO_DIR)/pretrain/last_checkpoint)"
	@echo '[demo 4/5] test on the held-out videos'
	@$(PY) tools/test.py $(DEMO_CONFIG) "$$(cat $(DEMO_DIR)/last_checkpoint)" \
	    --work-dir $(DEMO_DIR)/test
	@echo '[demo 5/5] draw the tracks of one held-out video'
	@$(PY) tools/demo/video_demo.py \
	    "$$(ls -d $(DEMO_DATA)/valid/JPEGImages/*/ | head -n 1)" \
	    $(DEMO_CONFIG) "$$(cat $(DEMO_DIR)/last_checkpoint)" \
	    --out $(DEMO_DIR)/overlay.mp4 --strip $(DEMO_DIR)/strip.png
	@echo 'demo: see $(DEMO_DIR)/overlay.mp4 and $(DEMO_DIR)/strip.png'

test: $(READY)
	@echo '[test] pytest with $(WORKERS) processes (about 8 minutes)'
	@$(ONE_THREAD) $(PY) -m pytest -n $(WORKERS) tests

test-official:
	@$(MAKE) test VENV='$(OFFICIAL_VENV)' \
	    MM_REQUIREMENTS=requirements/mminstall-official.txt

test-wheel:
	@$(MAKE) install VENV='$(WHEEL_VENV)'
	@bash tools/misc/test_wheel.sh '$(WHEEL_VENV)' '$(WORKERS)'

test-slurm: $(READY)
	@bash tests/slurm/install.sh
	@echo '[test-slurm] a cluster of two slots; minutes'
	@$(ONE_THREAD) $(PY) -m pytest -v tests/slurm/check_jobs.py

lint: $(READY)
	@echo '[lint] flake8, isort, yapf, interrogate, codespell, layout'
	@$(BIN)/flake8 $(SOURCES)
	@$(BIN)/isort --check-only --diff $(SOURCES)
	@$(BIN)/yapf --diff --recursive --parallel $(SOURCES)
	@$(BIN)/interrogate -c setup.cfg mmvis_plugin
	@$(BIN)/codespell mmvis_plugin tools tests configs docs README.md
	@$(ONE_THREAD) $(PY) -m pytest tests/test_layout.py

docs: $(READY)
	@$(PIP) install --quiet -r requirements/docs.txt
	@$(BIN)/sphinx-build -W -b html docs/en docs/en/_build/html
	@echo 'docs: open docs/en/_build/html/index.html'
