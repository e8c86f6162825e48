"""The map of the cell says what the table of symbols and the code say."""

import matplotlib.pyplot as plt
import pytest

from lstm_lib import diagrams, notation
from tools import pictures

USES = ("standard", "drawn")


def by_label(diagram):
    return {wire.label.strip("$").split("_")[0]: wire for wire in diagram.wires if wire.label}


@pytest.mark.parametrize("use", USES)
def test_every_symbol_of_the_table_is_a_wire_in_its_colour(use):
    wires = by_label(diagrams.full(use))
    for symbol in notation.SYMBOLS.values():
        assert wires[symbol.symbol].family == symbol.family, symbol.symbol


@pytest.mark.parametrize("use", USES)
def test_gates_squash_with_sigma_and_contents_with_tanh(use):
    parts = diagrams.full(use).parts
    for name in ("i", "f", "g", "o", "u"):
        squash = "σ" if notation.SYMBOLS[name].line == "gate" else "tanh"
        assert parts[name].text.startswith(squash)
        assert parts[name].family == notation.SYMBOLS[name].family
    assert [parts[verb].text for verb in notation.VERBS] == ["×", "×", "+", "×"]
    assert [parts[verb].family for verb in notation.VERBS] == list(notation.VERBS)


@pytest.mark.parametrize("describe", [diagrams.simplified, diagrams.full])
def test_only_the_drawn_use_gate_reads_the_memory_before_it_is_updated(describe):
    """The wire into the use gate starts right of the sum in the standard cell, left of it in the drawn one."""
    for use in USES:
        diagram = describe(use)
        reader = diagram.parts["use" if describe is diagrams.simplified else "u"]
        into = [w for w in diagram.wires if w.family in ("remember", "forget") and diagrams.ends_at(w, reader)]
        assert len(into) == 1
        starts_right_of_the_sum = into[0].points[0][0] > diagram.parts["remember"].x
        assert starts_right_of_the_sum == (use == "standard")


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("describe", [diagrams.simplified, diagrams.full])
def test_no_part_covers_another_and_all_lies_inside_the_drawing(describe, use):
    diagram = describe(use)
    parts = diagram.parts.values()
    boxes = [(p.x - p.width / 2, p.x + p.width / 2, p.y - p.height / 2, p.y + p.height / 2) for p in parts]
    for n, (left, right, low, high) in enumerate(boxes):
        assert 0 <= left < right <= diagram.size[0]
        assert 0 <= low < high <= diagram.size[1]
        for other in boxes[:n]:
            assert right <= other[0] or other[1] <= left or high <= other[2] or other[3] <= low


def test_here_lights_one_gate_with_what_it_reads_and_gives_and_fades_the_rest():
    ax = diagrams.draw(diagrams.full(), here="forget")
    faded = {text.get_text() for text in ax.texts if text.get_alpha() < 1}
    assert {"kept", "f", "$c_{t-1}$"}.isdisjoint(faded)
    assert {"learned", "i", "g", "o", "u", "$c_t$"} <= faded
    plt.close(ax.figure)


def test_the_picture_of_the_readme_is_the_one_that_the_code_draws(tmp_path):
    pictures.draw(tmp_path / "cell.svg")
    assert (tmp_path / "cell.svg").read_bytes() == pictures.TARGET.read_bytes()


def test_unknown_words_are_named():
    with pytest.raises(ValueError, match="got use 'article', expected 'standard' or 'drawn'"):
        diagrams.full("article")
    with pytest.raises(ValueError, match="got here 'input', expected learn, forget"):
        diagrams.draw(diagrams.full(), here="input")
