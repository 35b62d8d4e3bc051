# The two commands to know: make demo, make test. Each sets everything up first.
.PHONY: setup demo test test-slow lint clean

setup:
	@sh scripts/setup.sh

# Full characterization with the built-in technology; the report's path is printed at the end.
demo: setup
	.venv/bin/rramchar demo demo

# One process per core; a file's tests stay together, as they share what they set up.
test: setup
	.venv/bin/python -m pytest -n logical --maxprocesses 8 --dist loadfile

# Longer checks (coverage of intervals, statistics over many repeats).
test-slow: setup
	.venv/bin/python -m pytest -m slow

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
