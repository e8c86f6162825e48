"""What a text costs without a network: counted n-grams (interpolated Kneser-Ney), and compressors.

A text of N characters that costs a network x bits a character could be sent in N·x bits: so it can be compared with
programs that compress.
"""

import bz2
import lzma
import math
from collections import Counter, defaultdict
from collections.abc import Sequence


class NGrams:
    """Interpolated Kneser-Ney: the share of a character, from the ``order - 1`` before it (Chen and Goodman 1999).

    At the longest context it counts how often a character followed; at the shorter ones, in how many different longer
    contexts it did. From each count, a fixed discount is taken and given to the next shorter context; the shortest
    gives what it has left to all K characters alike.

    Args:
        tokens: The text to count, numbers from 0 to K - 1.
        order: n, the characters that are looked at together.
        classes: K.
        discount: What is taken from each count, between 0 and 1.

    Raises:
        ValueError: If one of them does not fit.

    Example:
        >>> model = NGrams([0, 1, 0, 1, 0], order=2, classes=2)
        >>> round(model.share([0], 1), 4), round(model.share([0], 0) + model.share([0], 1), 12)
        (0.75, 1.0)
    """

    def __init__(self, tokens: Sequence[int], order: int, classes: int, discount: float = 0.75) -> None:
        """Count."""
        if order < 1 or classes < 2 or not 0 < discount < 1:
            what = f"got order {order}, {classes} classes and discount {discount}"
            raise ValueError(f"{what}, expected at least 1, at least 2, and between 0 and 1")
        self.order, self.classes, self.discount = order, classes, discount
        tokens = [int(token) for token in tokens]
        # The text is padded with a sign that is no character, so that its first characters have contexts too.
        padded = [-1] * (order - 1) + tokens
        self.tables: list[dict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in range(order)]
        for at in range(order - 1, len(padded)):
            self.tables[order - 1][tuple(padded[at - order + 1 : at])][padded[at]] += 1
        for n in range(order - 1, 0, -1):  # contexts of n tokens; the table below counts in how many of them
            for context, followers in self.tables[n].items():
                for token in followers:
                    self.tables[n - 1][context[1:]][token] += 1
        self.totals = [{c: sum(f.values()) for c, f in table.items()} for table in self.tables]

    def share(self, before: Sequence[int], token: int) -> float:
        """Return the share of chance of a character after others; before the text stands -1."""
        share = 1 / self.classes
        before = [-1] * (self.order - 1) + [int(one) for one in before]
        for n, (table, totals) in enumerate(zip(self.tables, self.totals, strict=True)):
            context = tuple(before[len(before) - n :])
            total = totals.get(context)
            if total:
                followers = table[context]
                taken = self.discount * len(followers)
                share = (max(followers.get(token, 0) - self.discount, 0) + taken * share) / total
        return share

    def nats(self, tokens: Sequence[int], before: Sequence[int] = ()) -> float:
        """Return what each character of a text costs in the mean, in nats, when those before it are known."""
        known = [int(token) for token in before][-(self.order - 1) :] if self.order > 1 else []
        text = known + [int(token) for token in tokens]
        costs = [-math.log(self.share(text[:at][-self.order :], text[at])) for at in range(len(known), len(text))]
        return math.fsum(costs) / len(costs)


COMPRESSORS = {
    "bz2": lambda data: len(bz2.compress(data, 9)),
    "lzma": lambda data: len(lzma.compress(data, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)),
}


def compressed_bits(name: str, text: str, before: str) -> float:
    """Return the bits a character that a compressor needs for a text, once it has seen the one before it.

    What both together take, less what the one before takes alone.

    Args:
        name: One of ``COMPRESSORS``.
        text: What is to be sent.
        before: What it has seen.

    Example:
        >>> compressed_bits("lzma", "abcd" * 100, "abcd" * 1000) < 1
        True
    """
    if name not in COMPRESSORS:
        raise ValueError(f"got {name!r}, expected one of {', '.join(COMPRESSORS)}")
    size = COMPRESSORS[name]
    return 8 * (size((before + text).encode()) - size(before.encode())) / len(text)
