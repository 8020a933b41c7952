# Two commands: `make demo` and `make test`. Everything is installed into .venv in this folder.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# The first Python that works: one that the face mesh has a wheel for before 3.13, where landmarks need
# `gaze download-models`. `make PYTHON=/path/to/python demo` decides.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.10 python3 python python3.13; do \
	if $$name -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; \
	then command -v $$name; break; fi; done)

# `make train`: where its assets, shards and runs lie, and how much of each; passes at 112 and at 160 px.
WORK ?= train-work
ASSETS ?= $(WORK)/assets
SHARDS ?= 141
EPOCHS ?= 13
EPOCHS160 ?= 15

.PHONY: help demo test lint doctor bench train clean

help:
	@echo "make demo     gaze arrows on the webcam, or on the clip in the package   (ARGS='--hfov 60' ...)"
	@echo "make test     the test suite"
	@echo "make lint     ruff"
	@echo "make doctor   what works on this machine"
	@echo "make bench    milliseconds of every stage of the loop"
	@echo "make train    fetch the assets, render people, train and export the networks: some hours on two cores"
	@echo "make clean    remove .venv and out"

demo: $(VENV)/.installed
	$(BIN)/python cam_demo.py $(ARGS)

# A process for each core, but at most four, as each may take a gigabyte or two. The tests of one file stay together,
# with what they prepare.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

doctor: $(VENV)/.installed
	$(BIN)/gaze doctor $(ARGS)

bench: $(VENV)/.installed
	$(BIN)/gaze bench $(ARGS)

# Every step goes on where it was stopped.
train: $(VENV)/.installed-dev
	$(BIN)/gaze synthesize fetch-assets --assets $(ASSETS)
	$(BIN)/gaze synthesize shards --assets $(ASSETS) --out $(WORK)/shards --count $(SHARDS)
	$(BIN)/gaze synthesize shards --assets $(ASSETS) --out $(WORK)/validation --first 1000000 --count 4
	$(BIN)/gaze train --data synthetic --shards $(WORK)/shards --validate $(WORK)/validation \
		--start $(ASSETS)/mobilenetv2_imagenet/mobilenet_v2_imagenet_bn_folded.npz \
		--epochs $(EPOCHS) --out $(WORK)/run $(if $(wildcard $(WORK)/run/state.pt),--resume)
	$(BIN)/gaze train --data synthetic --shards $(WORK)/shards --validate $(WORK)/validation \
		--start $(WORK)/run/final.pt --input-size 160 --learning-rate 0.0007 \
		--epochs $(EPOCHS160) --out $(WORK)/run160 $(if $(wildcard $(WORK)/run160/state.pt),--resume)
	$(BIN)/gaze evaluate rendered --shards $(WORK)/validation --checkpoint $(WORK)/run160/final.pt
# A file that breaks its bound is left out and makes an export fail; the other network is exported all the same.
	status=0; \
	$(BIN)/gaze export --checkpoint $(WORK)/run/final.pt --faces $(WORK)/validation --out $(WORK)/dist \
		--name gaze_mobilenetv2_112 --no-average-mirror || status=$$?; \
	$(BIN)/gaze export --checkpoint $(WORK)/run160/final.pt --faces $(WORK)/validation --out $(WORK)/dist \
		--name gaze_mobilenetv2 --view-mm 125 || status=$$?; \
	exit $$status

clean:
	rm -rf $(VENV) out

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "no Python 3.10, 3.11, 3.12 or 3.13 found: install one, or run make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed
