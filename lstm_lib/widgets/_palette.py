"""The colours of ``notation``, as the explorables carry them to their style sheets."""

from collections.abc import Mapping

import traitlets

from lstm_lib.notation import FAMILIES, GRID, INK, Family

ALL = {**FAMILIES, "ink": INK, "grid": GRID}


def palette(families: Mapping[str, Family] = ALL) -> traitlets.Dict:
    """Return the trait that hands colours to an explorable: name to hue, on_light and on_dark.

    Example:
        >>> palette().default()["forget"]["hue"]
        '#D55E00'
    """
    return traitlets.Dict({name: family._asdict() for name, family in families.items()}, read_only=True).tag(sync=True)
