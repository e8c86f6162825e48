"""Where a character of a play stands: in the name of who speaks, how far into its line, its word, its speech.

Shapes: T characters.
"""

import re

import numpy as np

from lstm_lib.applied.cells_to_read import Values

NAME = re.compile(r"(?:^|(?<=\n\n))[^\n:]+:(?=\n)")


def structure(play: str) -> dict[str, Values]:
    r"""Say of each character of a play where it stands.

    Args:
        play: Speeches with an empty line between them, each below the name of who speaks and a colon.

    Returns:
        Each (T,): "in a speaker's name" zeros and ones (the colon included), "place in the line" and "letters of the
        word" numbers from 0 and from 1 (0 between words), "lines of the speech" numbers from 0, the name's own line.

    Example:
        >>> play = "ROMEO:\nAy me.\n\nJULIET:\nO"
        >>> for what, values in structure(play).items():
        ...     print("".join(str(int(value)) for value in values), what)
        111111000000000111111100 in a speaker's name
        012345601234560012345670 place in the line
        123450012012000123456001 letters of the word
        000000011111112000000001 lines of the speech
    """
    told = {"in a speaker's name": np.zeros(len(play))}
    for found in NAME.finditer(play):
        told["in a speaker's name"][found.start() : found.end()] = 1
    letter = line = speech = 0
    rows = []
    for place, character in enumerate(play):
        letter = letter + 1 if character.isalpha() else 0
        rows.append((line, letter, speech))
        line += 1
        if character == "\n":
            line, speech = 0, 0 if play[place - 1 : place] == "\n" else speech + 1
    names = ("place in the line", "letters of the word", "lines of the speech")
    return told | dict(zip(names, np.array(rows, float).reshape(-1, 3).T, strict=True))
