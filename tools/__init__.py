"""What authors use: running notebooks, their canonical form, their set-up cell."""
