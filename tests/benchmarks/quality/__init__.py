"""How good searches are, beside what people use today: `python -m tests.benchmarks.quality` prints the tables.

Nothing is trained: learning curves come from recorded tables and from a surrogate (`tests/data/hpo`), and a clock that
is simulated says when they are seen. What was computed is kept in `rows/`, so that only what changed runs again.
"""
