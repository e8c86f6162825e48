"""The cells from scratch, in NumPy: one step, whole sequences, gradient checks, optimisers, training. No torch."""
