"""The page reads a line that was found as the library does."""

import json

import numpy as np
import pytest
import torch
from explorable_helpers import module, node

from lstm_lib.applied import models, ocr, reading
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.scenes import LOOKS, scene

SCENES = [scene(np.random.default_rng([4, n]), LOTS["test"], LOOKS["usual"]) for n in range(6)]
LINES = [(one.picture, line.corners) for one in SCENES for line in one.lines]
FLAT = (np.full((40, 60), 90, np.uint8), LINES[0][1])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[ocr.Reader, list[dict]]:
    """Let the page's functions read the lines with a network that was not trained."""
    torch.manual_seed(1)
    network = ocr.Reader("abcdefgh", height=24, channels=(6, 8, 10), hidden=7).eval()
    path = models.save(tmp_path_factory.mktemp("reader") / "reader.safetensors", network, {"kind": "reading"})
    asked = [{"picture": picture.tolist(), "corners": corners.tolist()} for picture, corners in [*LINES, FLAT]]
    return network, node(f"""
        import * as lines from {module("line_reader")};
        import {{ whole }} from {module("engine")};
        import {{ readFileSync }} from "node:fs";
        const reader = lines.openReader(readFileSync({json.dumps(str(path))}));
        console.log(JSON.stringify({json.dumps(asked)}.map(({{ picture: rows, corners }}) => {{
          const picture = {{ height: rows.length, width: rows[0].length, data: rows.flat() }};
          const {{ height, width, data }} = lines.cutOut(picture, corners);
          const {{ text, logs }} = whole(lines.readLine(reader, picture, corners));
          return {{ height, width, cut: [...data], text, logs: logs.map((log) => [...log]) }};
        }})));
    """)


def test_a_line_is_cut_out_as_the_library_cuts_it(told):
    for (picture, corners), page in zip([*LINES, FLAT], told[1], strict=True):
        cut = reading.cut_out(picture, corners)
        assert cut.shape == (page["height"], page["width"])
        np.testing.assert_allclose(np.reshape(page["cut"], cut.shape), cut, rtol=1e-4, atol=1e-3)


def test_a_line_is_read_with_the_numbers_of_pytorch(told):
    network, pages = told
    read = 0
    for (picture, corners), page in zip(LINES, pages, strict=False):
        expected = ocr.read(network, reading.cut_out(picture, corners), beam=1)
        assert page["text"] == expected.text
        np.testing.assert_allclose(page["logs"], expected.log_probs, rtol=1e-4, atol=1e-3)
        read += len(expected.text)
    assert read > 0


def test_what_has_no_ink_is_not_read(told):
    network, pages = told
    assert pages[-1]["text"] == ""
    assert pages[-1]["logs"] == []
