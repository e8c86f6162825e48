"""Exercises of chapter 11, on the GPU: one mean from several workers, launches, and three timings that mislead."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import Kind

SUM = Kind("", "B", 0.5, 4.0)
COUNT = Kind("", "B", 1.0, 9.0)


def global_mean(sum_1, count_1, sum_2, count_2):
    """Return the mean loss over the questions of both workers."""
    return (sum_1 + sum_2) / (count_1 + count_2)


GLOBAL_MEAN = code(
    "global-mean",
    "Put two workers' losses together",
    chapter=11,
    statement="""
    Two workers share a batch. Each reports the sum of its losses and the number of its questions, and the numbers
    differ. The curve on one worker and the curve on two should be the same; a colleague's differ, because he averages
    the two workers' means. Write `global_mean(sum_1, count_1, sum_2, count_2)`, the mean loss over all questions of
    the batch.
    """,
    lines=("mean = sum of all losses / number of all questions",),
    hints=(
        "Which mean would one worker have reported that had the whole batch?",
        "A worker with 9 questions must count for more than one with 1. Add before you divide.",
        "(sum_1 + sum_2) / (count_1 + count_2)",
    ),
    inputs={"sum_1": SUM, "count_1": COUNT, "sum_2": SUM, "count_2": COUNT},
    returns=("mean",),
    solution=global_mean,
    also=(
        """
        def global_mean(sum_1, count_1, sum_2, count_2):
            mean_1, mean_2 = sum_1 / count_1, sum_2 / count_2
            share_1, share_2 = count_1 / (count_1 + count_2), count_2 / (count_1 + count_2)
            return share_1 * mean_1 + share_2 * mean_2
        """,
    ),
    right="every question counts once, whoever was asked; that is why a worker reports a sum and a count.",
    mistakes={
        "mean-of-means": Mistake(
            lambda sum_1, count_1, sum_2, count_2: (sum_1 / count_1 + sum_2 / count_2) / 2,
            1,
            "This looks like the mean of the two means: the questions of the worker that has few count for more.",
        ),
        "sum-of-means": Mistake(
            lambda sum_1, count_1, sum_2, count_2: sum_1 / count_1 + sum_2 / count_2,
            1,
            "This looks like the sum of the two means; add the sums and the counts first, then divide.",
        ),
        "no-division": Mistake(
            lambda sum_1, count_1, sum_2, count_2: sum_1 + sum_2,
            1,
            "This looks like the sum of all losses; divide it by the number of all questions.",
        ),
        "by-workers": Mistake(
            lambda sum_1, count_1, sum_2, count_2: (sum_1 + sum_2) / 2,
            1,
            "This divides by the number of workers; divide by the number of questions.",
        ),
        "first-worker": Mistake(
            lambda sum_1, count_1, sum_2, count_2: sum_1 / count_1,
            1,
            "This is the first worker's own mean: the second worker's questions are missing.",
        ),
        "second-worker": Mistake(
            lambda sum_1, count_1, sum_2, count_2: sum_2 / count_2,
            1,
            "This is the second worker's own mean: the first worker's questions are missing.",
        ),
        "counts-of-one": Mistake(
            lambda sum_1, count_1, sum_2, count_2: (sum_1 + sum_2) / count_1,
            1,
            "This divides both sums by the first worker's questions; the second's belong there too.",
        ),
        "divided-twice": Mistake(
            lambda sum_1, count_1, sum_2, count_2: (sum_1 + sum_2) / (count_1 + count_2) / 2,
            1,
            "This divides by the number of workers as well: the counts have done all the dividing there is.",
        ),
        "upside-down": Mistake(
            lambda sum_1, count_1, sum_2, count_2: (count_1 + count_2) / (sum_1 + sum_2),
            1,
            "This is questions per loss, the fraction upside down.",
        ),
    },
)

UPDATES = numeric(
    "updates-lost",
    "Count the updates that a larger batch costs",
    chapter=11,
    statement="""
    You have 48,000 sequences and train for 5 epochs (each sequence is used once an epoch). You take batches of 512
    in place of 32, since your GPU needs hardly longer for one. Training is soon over, and the network is much worse.
    How many updates fewer does it get in all? (Batches that are not full are dropped.)
    """,
    lines=("updates = epochs · (sequences // batch size)",),
    hints=(
        "How many full batches of 32 are there in 48,000? And of 512?",
        "48,000 / 512 is 93.75: the last batch would not be full.",
    ),
    working="5 * (48000 // 32) - 5 * (48000 // 512)",
    tolerance=0,
    right="7,500 updates have become 465. The cure is more epochs or a higher learning rate, and a look at the curve "
    "over time, not over epochs.",
    mistakes={
        "one-epoch": Mistake(48000 // 32 - 48000 // 512, 1, "This counts one epoch; there are five."),
        "one-epoch-of-the-large": Mistake(
            48000 // 512, 1, "This is what one epoch of large batches gets; asked is how many fewer, over five epochs."
        ),
        "what-is-left": Mistake(5 * (48000 // 512), 1, "This is what it still gets; asked is what it gets fewer."),
        "what-is-left-at-once": Mistake(
            5 * 48000 // 512, 1, "This is what it still gets, with batches that run over; asked is what it gets fewer."
        ),
        "what-it-was": Mistake(5 * (48000 // 32), 1, "This is what the small batch gets; take off the other."),
        "last-not-dropped": Mistake(
            5 * (48000 // 32) - 5 * 94, 1, "This counts the batch that is not full; it is dropped in each epoch."
        ),
        "dropped-once": Mistake(
            5 * (48000 // 32) - (5 * 48000) // 512,
            1,
            "This lets batches run over from one epoch into the next; each epoch drops what is left over.",
        ),
        "quotient": Mistake(512 // 32, 1, "This is how many times fewer, roughly; asked is the difference."),
    },
)

GPU_SLOWER = judgement(
    "slower-on-the-gpu",
    "Find out why the GPU is slower",
    chapter=11,
    statement="""
    An LSTM with 16 units answers one sequence at a time (B = 1), 200 steps each. On the processor an answer takes 2 ms,
    on the GPU 6 ms, although everything was moved there once, before the first answer, and the clock is stopped after
    a `synchronize`. What is the cause?
    """,
    lines=("multiplications in one recurrent step = B · 4H · H = 1 · 64 · 16",),
    hints=("1,024 multiplications a step: how much of a GPU is that? And may step 2 begin before step 1 ends?",),
    options={
        "too-little-work": "Each step has too little work to fill a GPU, and 200 of them must wait for one another.",
        "broken-gpu": "The GPU is not used: the work still runs on the processor.",
        "copying": "The weights are copied to the GPU again at every step.",
        "wrong-precision": "float32 is slow on GPUs; in bfloat16 it would be faster than the processor.",
        "sequences-too-short": "The sequences are too short; with 2,000 steps the GPU would win.",
    },
    solution="too-little-work",
    right="a small step costs the time of telling the GPU to do it; only more sequences at once, or more units, change "
    "that.",
    mistakes={
        "unused": Mistake(
            "broken-gpu", 1, "Then both would take the same 2 ms; here the GPU adds something of its own, step by step."
        ),
        "copies": Mistake("copying", 1, "Everything was moved once, before the first answer: it is something else."),
        "precision": Mistake(
            "wrong-precision", 1, "Smaller numbers make less work; but it is not the work that takes the time."
        ),
        "length": Mistake(
            "sequences-too-short",
            1,
            "Steps wait for one another: ten times as many take ten times as long, on the GPU and on the processor.",
        ),
    },
)

HALF_NAN = judgement(
    "nan-in-half",
    "Find out why only float16 gives NaN",
    chapter=11,
    statement="""
    A network trains well in float32 and in bfloat16. With the same seed in float16 (autocast, no scaler) the loss is
    inf at batch 12 and NaN from then on. The scores before the loss reach 90,000. What is the cause?
    """,
    lines=("largest number: float16 65,504; bfloat16 and float32 about 3.4e38",),
    hints=("bfloat16 has fewer digits than float16, and works. What has it more of?",),
    options={
        "out-of-range": "A number beyond 65,504 does not exist in float16; bfloat16 has the range of float32.",
        "too-few-digits": "float16 has too few digits for this network.",
        "needs-scaler": "The scaler is missing: it would have kept the scores below 65,504.",
        "learning-rate": "The learning rate is too high.",
        "exploding": "The gradients explode; clip them.",
    },
    solution="out-of-range",
    right="keep scores small, or train in bfloat16; the scaler is for gradients that are too small.",
    mistakes={
        "digits": Mistake(
            "too-few-digits", 1, "bfloat16 has fewer digits (8 bits against 11), and works: it must be something else."
        ),
        "scaler": Mistake(
            "needs-scaler", 1, "The scaler multiplies the loss, to save small gradients; scores stay as they are."
        ),
        "rate": Mistake("learning-rate", 1, "The same learning rate works in the two other precisions."),
        "explosion": Mistake(
            "exploding", 1, "Exploding gradients would show in the two others too; and here the loss is inf first."
        ),
    },
)

ALWAYS_FAST = judgement(
    "fast-at-any-size",
    "Distrust a time that never changes",
    chapter=11,
    statement="""
    You time one forward pass on a GPU: `start = perf_counter(); model(xs); print(perf_counter() - start)`. It says
    0.1 ms for a batch of 32, for 512 and for 8,192. What have you measured?
    """,
    lines=("a call to the GPU returns when the work is in the queue, not when it is done",),
    hints=("Who has to be finished when `model(xs)` returns: the GPU, or the processor that gives it orders?",),
    options={
        "queueing": "The time to put the work into the queue: there is no synchronize before the clock is stopped.",
        "parallel": "A GPU does all sequences of a batch at once, so the batch size does not matter.",
        "cached": "The result of the first call was kept and handed out again.",
        "clock-too-coarse": "The clock is too coarse for such short times.",
        "no-gradients": "Without a backward pass there is almost nothing to compute.",
    },
    solution="queueing",
    right="call torch.cuda.synchronize() before both readings of the clock, or measure with CUDA events.",
    mistakes={
        "all-at-once": Mistake(
            "parallel", 1, "Up to a point; but 8,192 sequences no longer fit side by side, and a true time would grow."
        ),
        "memory": Mistake("cached", 1, "PyTorch keeps no results of calls: it would compute each one again."),
        "coarse": Mistake("clock-too-coarse", 1, "perf_counter tells nanoseconds apart; 0.1 ms is long for it."),
        "forward-only": Mistake(
            "no-gradients", 1, "A forward pass has work that grows with the batch; here nothing grows."
        ),
    },
)

EXERCISES = (GLOBAL_MEAN, UPDATES, GPU_SLOWER, HALF_NAN, ALWAYS_FAST)
