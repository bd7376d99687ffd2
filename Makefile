# The first two commands of the README: `make study` and `make test`. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
BIN = $(VENV)/bin
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES)

.PHONY: study test test-slow test-unit test-workflow lint format real simulator doctor bench-study bench-simulator bench-segmentation bench-embedding bench-calibration bench-statistics container rulegraph clean

study: $(VENV)/installed
	$(SNAKEMAKE)
	@echo "The report: results/report.html"

# Those of a whole study use all cores themselves.
test: lint test-unit test-workflow

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

test-unit: $(VENV)/installed
	$(BIN)/python -m pytest -n $(CORES) tests/unit

test-workflow: $(VENV)/installed
	$(BIN)/python -m pytest --ignore tests/unit

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/codespell
	$(BIN)/hadolint containers/Dockerfile

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# The real image sets, where they are; minutes to an hour on two cores.
real: $(VENV)/installed
	$(SNAKEMAKE) --directory tests/real

# The simulator held against its own truth, and its contact sheets for the manual.
simulator: $(VENV)/installed
	$(SNAKEMAKE) --directory studies/simulator all contrasts
	$(BIN)/python docs/shrink.py $(foreach sheet,doses effects slides,studies/simulator/results/figures/sheets/$(sheet).jpg)

# What would stop the study, before it starts.
doctor: $(VENV)/installed
	$(SNAKEMAKE) doctor

bench-study: $(VENV)/installed
	$(BIN)/python benchmarks/study.py --cores $(CORES)

bench-simulator: $(VENV)/installed
	$(BIN)/python benchmarks/simulator.py

# On the images of the 2018 Data Science Bowl, where they are; and time and memory beside the
# bare library calls.
bench-segmentation: $(VENV)/installed
	$(BIN)/python benchmarks/segmentation.py
	$(BIN)/python benchmarks/segmentation.py --speed 1000

# The rule embed beside the bare forward loop of its network; best with nothing else running.
bench-embedding: $(VENV)/installed
	$(BIN)/python benchmarks/embedding.py

# Intervals, p values and verdicts against simulated truth.
bench-calibration: $(VENV)/installed
	$(BIN)/python benchmarks/calibration.py --cores $(CORES) --figure results/power.svg

# Beside the libraries that others use; copairs is needed for nothing else. Takes 20 minutes and, for
# a million items, 14 GiB.
bench-statistics: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint constraints.txt copairs==0.5.5
	$(BIN)/python benchmarks/speed.py --large --figure results/speed.svg

# One image with all environments of envs/; needs conda.
container: $(VENV)/installed
	$(BIN)/snakemake --containerize | sed s/miniforge3:latest/miniforge3:25.3.1-0/ > containers/Dockerfile

rulegraph: $(VENV)/installed
	$(BIN)/snakemake --rulegraph mermaid-js

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt ".[torch,test]"
	touch $@

clean:
	rm -rf $(VENV) build .snakemake results/*/ results/*.tsv results/*.html resources/*/ logs benchmarks/*/
