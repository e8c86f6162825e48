"""Train a network: the loop, its settings, checkpoints, evaluation."""
