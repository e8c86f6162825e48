"""What LSTMs are used for: texts that are written, speech, handwriting, and text in pictures."""
