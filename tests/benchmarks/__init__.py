"""How fast the machinery is, beside what people use today: `python -m tests.benchmarks` prints a table."""
