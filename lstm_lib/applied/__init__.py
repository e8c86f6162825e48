"""What LSTMs are used for: texts that are written, and later speech, handwriting and text in pictures."""
