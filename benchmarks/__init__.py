"""Measurements that the course prints: ``python -m benchmarks.NAME`` writes ``benchmarks/results/NAME.json``."""
