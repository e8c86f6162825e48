"""Measurements that the course prints: ``python -m benchmarks.NAME`` writes ``benchmarks/results/NAME.json``.

``benchmarks/results`` is another name of ``lstm_lib/recorded``, so that the package carries what its chapters read.
"""
