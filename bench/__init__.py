"""Benchmarks: `make bench` runs all, `python -m bench NAME …` some. They print figures and assert nothing."""
