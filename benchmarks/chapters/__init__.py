"""Train again, over ten seeds and more, what the chapters show live with a few: ``python -m benchmarks.chapters``.

A chapter has 60 seconds, and its live cells show what happens with two or three seeds on the reader's machine. What
its prose claims about training is recorded here: ``chapter_NN.measure()`` yields one row for each run, with the
columns "claim" (a short name), "seed", and what was measured. The chapter reads ``recorded.rows("chapters",
chapter=NN, claim=...)`` and asserts on that. ``--only 9`` measures one chapter and leaves the other rows as they are.
"""
