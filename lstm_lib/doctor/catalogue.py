"""Faults of what is inside an LSTM and of how it is used: why each matters, what to try, which chapter explains it."""

from typing import NamedTuple


class Fault(NamedTuple):
    """What is always said of a fault, whatever was measured."""

    title: str
    why: str
    tries: tuple[str, ...]
    chapter: str
    severity: float


# From what is proven by an experiment, and spoils every answer, to what is often the symptom of something else.
USUAL = {
    "not-finite": Fault(
        "There are numbers that are none",
        "NaN and inf spread to all that is computed from them, so that nothing else can be measured.",
        (
            "go back to the last checkpoint without them, and clip gradients or lower the learning rate",
            "look for missing values in the data, and for log(0), a division by 0 or float16 that is too small",
        ),
        "10_training_well",
        1.0,
    ),
    "graph-kept": Fault(
        "The state is kept with its graph",
        "The next backward pass goes into the batch before it: it raises an error, or takes more memory at each batch.",
        ("detach h and c before you keep them: state = tuple(part.detach() for part in state)",),
        "10_training_well",
        0.99,
    ),
    "batch-and-time-exchanged": Fault(
        "Batch and time are exchanged",
        "The LSTM walks from sequence to sequence, so that the answer to one depends on what happens to be beside it.",
        (
            "say batch_first=True if the data are (B, T, D), or transpose them",
            "use transpose or permute where axes change places; view and reshape only cut the same row of numbers anew",
        ),
        "09_numpy_to_pytorch",
        0.97,
    ),
    "h_n-reshaped": Fault(
        "h_n is reshaped where its axes must change places",
        "h_n is (layers × directions, B, H): a reshape to (B, ...) puts parts of different sequences into one row.",
        (
            "torch.cat([h_n[-2], h_n[-1]], dim=-1) for both directions of the last layer",
            "h_n.transpose(0, 1).flatten(1) for all of it",
        ),
        "09_numpy_to_pytorch",
        0.96,
    ),
    "reads-padding": Fault(
        "The answer is read from padding",
        "What stands behind the end of a sequence changes its answer, so that it depends on its neighbours' lengths.",
        (
            "pack the sequences: pack_padded_sequence(..., enforce_sorted=False)",
            "take the output at lengths - 1, not at -1; the direction from the end needs packing in any case",
        ),
        "09_numpy_to_pytorch",
        0.95,
    ),
    "state-across-batches": Fault(
        "The state is kept from one batch to the next",
        "A batch that does not go on where the last one ended starts from memories of other sequences.",
        (
            "start each batch with zeros: pass no state",
            "or feed the batches of one stream in order, each row going on, and detach the state between them",
        ),
        "10_training_well",
        0.93,
    ),
    "learning-rate": Fault(
        "The learning rate does not fit",
        "Too high, the first updates throw the gates into the flat parts of their curves; too low, nothing moves.",
        ("start from 0.001 to 0.01 with Adam, and halve or double it", "log the gradient's norm beside the loss"),
        "10_training_well",
        0.9,
    ),
    "memory-grows": Fault(
        "The memory grows",
        "tanh(c) stands still at ±1 where c is large: the unit always says the same; and large numbers lose digits.",
        (
            "let the forget gate close: a bias of 1 to 3 is enough",
            "keep c in float32 where the rest is float16 or bfloat16",
        ),
        "05_forget_gate",
        0.88,
    ),
    "gradient-explodes": Fault(
        "The gradient explodes",
        "One update with such a gradient throws away what was learned before.",
        (
            "limit its length: torch.nn.utils.clip_grad_norm_(parameters, 1.0)",
            "start from smaller or orthogonal recurrent weights",
        ),
        "10_training_well",
        0.86,
    ),
    "dropout-without-effect": Fault(
        "Dropout has no effect",
        "nn.LSTM drops outputs between layers, never behind the last: with one layer nothing is dropped.",
        (
            "put nn.Dropout behind the LSTM, or take two layers",
            "lstm_lib.nn.LSTM(variational_dropout=...) drops inside of one layer",
        ),
        "09_numpy_to_pytorch",
        0.84,
    ),
    "forget-bias-lost": Fault(
        "The forget bias is not what it seems",
        "torch adds two biases in each layer and direction, and reset_parameters draws them anew.",
        ("lstm_lib.nn.set_forget_bias(lstm, 1.0), after anything that draws weights: it sets the sum in every layer",),
        "05_forget_gate",
        0.82,
    ),
    "gate-saturated": Fault(
        "A gate stands still",
        "A gate that is open or closed whatever comes decides nothing, and its gradient is almost zero.",
        ("look at the scale of the inputs and of the weights", "start again, with a smaller learning rate"),
        "07_full_cell",
        0.8,
    ),
    "dead-units": Fault(
        "Units never change, or repeat others",
        "They take time and memory and say nothing of their own.",
        (
            "look for weights that are zero, masked, frozen or all one number: drawn at random, units part",
            "start these units again, or take fewer",
        ),
        "07_full_cell",
        0.78,
    ),
    "echoes-input": Fault(
        "The forecast repeats its input",
        "It is no better than saying that nothing will change, and looks good in a plot, one step late.",
        ("forecast the difference to the last value", "print the error of persistence beside every loss"),
        "10_training_well",
        0.76,
    ),
    "forgets-too-soon": Fault(
        "It forgets too soon",
        "What has halved many times before it is asked for is lost among the rest.",
        ("lstm_lib.nn.set_chrono(generator, lstm, longest): half-lives as long as the lags", "a higher forget bias"),
        "05_forget_gate",
        0.6,
    ),
    "gradient-vanishes": Fault(
        "The gradient vanishes",
        "What happened so long ago cannot be blamed for a wrong answer, so that it is not learned.",
        ("a higher forget bias, or set_chrono", "shorter lags first, longer ones later"),
        "02_memory_loss",
        0.55,
    ),
    "loss-at-chance": Fault(
        "The loss is that of guessing",
        "The answers say nothing about the question.",
        (
            "train on one single batch: a sound network learns it by heart",
            "print one sequence and its targets side by side, and go through them by hand",
        ),
        "10_training_well",
        0.5,
    ),
}
