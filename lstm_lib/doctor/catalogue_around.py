"""Faults of what is around an LSTM: wiring, loss, data and optimiser. Their severities fit between those of USUAL."""

from lstm_lib.doctor.catalogue import Fault

AROUND = {
    "shapes-misfit": Fault(
        "Shapes do not fit",
        "Where sizes do not meet, torch refuses, or repeats numbers until they do: each answer meets others' targets.",
        (
            "print the shapes of inputs, answers and targets, and bring answers and targets to one: squeeze(-1)",
            "cross_entropy takes (N, K) and (N,): flatten both in one order, or put the classes second: (B, K, T)",
        ),
        "09_numpy_to_pytorch",
        0.995,
    ),
    "targets-out-of-range": Fault(
        "There are targets without an answer",
        "Classes are numbered from 0 to K - 1; on a GPU another number stops the program with an error elsewhere.",
        ("number the classes from 0", "make the last layer as wide as there are classes"),
        "09_numpy_to_pytorch",
        0.994,
    ),
    "weights-left-out": Fault(
        "Weights are left out of the training",
        "What the optimiser does not have stays as it was drawn, whatever its learning rate.",
        (
            "make the optimiser last, from model.parameters(), after every part of the network is in its place",
            "keep layers in nn.ModuleList or nn.ModuleDict; list(model.named_parameters()) must name them all",
            "requires_grad_(True) for what is to learn",
        ),
        "09_numpy_to_pytorch",
        0.985,
    ),
    "graph-cut": Fault(
        "No gradient comes to the LSTM",
        "The way back from the answers ends before it, so that only what stands behind it learns.",
        ("look for detach(), .data, .item(), argmax, round, NumPy or no_grad() between the LSTM and the answers",),
        "09_numpy_to_pytorch",
        0.98,
    ),
    "state-lost": Fault(
        "The state is not handed on",
        "Each call begins with an empty memory, or with a wrong one: what was seen before is gone.",
        ("hand on what the call before returned, in its order: h, c = cell(x, (h, c))",),
        "10_training_well",
        0.975,
    ),
    "rows-out-of-order": Fault(
        "Answers stand in another order than questions",
        "Each answer is compared with the target of another sequence.",
        (
            "undo the sorting: answers[order.argsort()]",
            "pack_padded_sequence(..., enforce_sorted=False) sorts and undoes it by itself",
            "flatten answers and targets in one order, both (B, T) or both (T, B)",
        ),
        "09_numpy_to_pytorch",
        0.968,
    ),
    "padding-in-front": Fault(
        "The padding stands in front",
        "Packing and lengths count from the front: they keep the padding and cut off the end.",
        ("pad behind: torch.nn.utils.rnn.pad_sequence", "or leave the lengths out, if all padding stands in front"),
        "09_numpy_to_pytorch",
        0.955,
    ),
    "answers-misfit": Fault(
        "The loss expects other answers",
        "cross_entropy and BCEWithLogitsLoss take plain scores, NLLLoss log-probabilities; what is squashed before"
        " cannot come near the targets.",
        (
            "give the readout's scores to the loss as they are; softmax or sigmoid only where probabilities are shown",
            "NLLLoss behind log_softmax over the classes; BCELoss behind sigmoid",
            "for numbers: no tanh, sigmoid or ReLU behind the readout, or targets scaled into its range",
            "look at the loss's sign, and at the order of its arguments: answers first, targets second",
        ),
        "10_training_well",
        0.945,
    ),
    "sees-the-answer": Fault(
        "It sees what it is to foretell",
        "The loss falls to almost nothing, and in use, where the answer has not come yet, it does not work.",
        (
            "bidirectional=False where the next step is foretold",
            "inputs are sequence[:-1], targets sequence[1:]; a window ends before the value that is asked for",
            "a decoder is fed what comes before the step that it is to say: a start, then targets[:-1]",
        ),
        "10_training_well",
        0.942,
    ),
    "part-unused": Fault(
        "A part of the LSTM is not read",
        "It costs time and weights, and what it knows does not come into the answers.",
        (
            "read the last layer: h_n[-1]; of two directions both: torch.cat([h_n[-2], h_n[-1]], dim=-1)",
            "the direction from the end has read all at step 0, not at step -1",
        ),
        "09_numpy_to_pytorch",
        0.94,
    ),
    "steps-unread": Fault(
        "The last steps are not read",
        "What stands there cannot change the answer.",
        ("hs[:, -1] with batch_first=True, hs[-1] without; of padded sequences lengths - 1",),
        "09_numpy_to_pytorch",
        0.925,
    ),
    "padding-in-loss": Fault(
        "The loss counts the padding",
        "Foretelling padding is easy: the loss looks good, and says little about the sequences.",
        ("ignore_index for targets behind the end, or a mask in the loss",),
        "09_numpy_to_pytorch",
        0.92,
    ),
    "class-ignored": Fault(
        "The loss leaves out a class",
        "It is never asked for, so that it is never learned.",
        ("an ignore_index that is no class, such as -100",),
        "09_numpy_to_pytorch",
        0.918,
    ),
    "inputs-say-nothing": Fault(
        "All inputs are the same",
        "Where targets differ and inputs do not, there is nothing to learn but how often each target comes.",
        ("look at what came before: a vocabulary that knows no word, a scaling by 0, one sequence repeated",),
        "10_training_well",
        0.915,
    ),
    "targets-not-scaled": Fault(
        "The targets are not scaled",
        "A fresh readout says numbers near 0; until it has come to the targets, all else stands still.",
        ("scale the targets to mean 0 and deviation 1 on the training part, and scale the answers back",),
        "10_training_well",
        0.91,
    ),
    "weight-decay": Fault(
        "The weight decay is too strong",
        "It pulls the weights to 0 faster than the loss moves them: gates stand at a half, answers at the mean.",
        ("weight_decay=0, or 0.01 at most", "AdamW, which keeps the decay apart from the gradient"),
        "10_training_well",
        0.905,
    ),
    "answers-by-chance": Fault(
        "The answers change by chance",
        "In eval mode the same question must have the same answer.",
        (
            "F.dropout(..., training=self.training), or nn.Dropout, which knows the mode by itself",
            "start from zeros or from a state that is learned, not from torch.randn",
        ),
        "09_numpy_to_pytorch",
        0.87,
    ),
    "dropout-too-strong": Fault(
        "Dropout leaves almost nothing",
        "In torch the number is the share that is dropped, elsewhere it was the share that is kept.",
        ("a dropout of 0.1 to 0.5",),
        "09_numpy_to_pytorch",
        0.845,
    ),
}
