"""The page's engine runs a network as PyTorch does, from the file that the library has saved."""

import base64
import json
import math

import numpy as np
import pytest
import torch
from explorable_helpers import WIDGETS, module, node
from torch import nn

import lstm_lib.nn
from lstm_lib.applied import language, models
from lstm_lib.widgets import _base

CLOSE = {"rtol": 1e-4, "atol": 1e-6}  # float32 here and there; sums in float64 in the page


class Stack(nn.Module):
    """Every layer that the engine has, in one network: pictures (B, 2, 9, W) to log shares (B, W', 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: dict[str, int] = {}
        self.first = nn.Conv2d(2, 4, (3, 5), padding=(1, 2))
        self.second = nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(0, 1))
        self.rows = lstm_lib.nn.LSTM(3 * 1, 5, num_layers=2, bidirectional=True)
        self.readout = nn.Linear(10, 6)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = nn.functional.max_pool2d(self.first(pictures).relu(), (2, 2))
        seen = nn.functional.relu(self.second(seen))
        hs, _ = self.rows(seen.flatten(1, 2).permute(2, 0, 1))
        return self.readout(hs).log_softmax(-1)[:, 0]


def bytes_of(path) -> str:
    """Return an expression in JavaScript that holds a file."""
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'Uint8Array.from(atob("{text}"), (c) => c.charCodeAt(0))'


@pytest.mark.parametrize("as_bytes", [False, True])
def test_every_layer_gives_the_numbers_of_pytorch(tmp_path, monkeypatch, as_bytes):
    monkeypatch.setitem(models.NETWORKS, "Stack", __name__)
    torch.manual_seed(0)
    path = models.save(tmp_path / "stack.safetensors", Stack(), {"kind": "test"}, as_bytes=as_bytes)
    network = models.load(path).network
    picture = torch.randn(2, 9, 12)
    with torch.no_grad():
        expected = network(picture[None])
    told = node(f"""
        import * as engine from {module("engine")};
        const {{ weights, card, build }} = engine.readModel({bytes_of(path)});
        let picture = {{ shape: [2, 9, 12], data: Float32Array.from({picture.flatten().tolist()}) }};
        const conv = (name, options) => engine.relu(engine.whole(engine.conv2d(weights, name, picture, options)));
        picture = engine.maxPool(conv("first", {{ padding: [1, 2] }}), [2, 2]);
        picture = conv("second", {{ stride: [2, 1], padding: [0, 1] }});
        const {{ hs }} = engine.whole(engine.lstm(weights, "rows", engine.columns(picture)));
        const logs = hs.map((h) => [...engine.logSoftmax(engine.linear(weights, "readout", h))]);
        console.log(JSON.stringify({{ logs, card, build }}));
    """)
    np.testing.assert_allclose(told["logs"], expected.numpy(), **CLOSE)
    assert told["card"] == {"kind": "test"}
    assert told["build"]["kind"] == "Stack"


def test_the_shipped_writer_gives_the_numbers_of_pytorch():
    path = models.FOLDER / "shakespeare.safetensors"
    network, card = models.load(path)
    vocabulary = language.Vocabulary(card["characters"])
    tokens = vocabulary.encode("ROMEO:\nBut soft, what light through yonder window breaks?\n")
    with torch.no_grad():
        hs, (_, c) = network.lstm(nn.functional.one_hot(torch.from_numpy(tokens), len(vocabulary))[:, None].float())
        logs = network.readout(hs)[:, 0].log_softmax(-1)
    told = node(f"""
        import * as engine from {module("engine")};
        import {{ readFileSync }} from "node:fs";
        const {{ weights }} = engine.readModel(readFileSync({json.dumps(str(path))}));
        const {{ hs, cs }} = engine.whole(engine.lstm(weights, "lstm", {tokens.tolist()}));
        const logs = hs.map((h) => [...engine.logSoftmax(engine.linear(weights, "readout", h))]);
        console.log(JSON.stringify({{ logs, c: [...cs.at(-1)] }}));
    """)
    np.testing.assert_allclose(told["logs"], logs.numpy(), **CLOSE)
    np.testing.assert_allclose(told["c"], c[0, 0].numpy(), rtol=1e-4, atol=1e-5)


def test_a_damaged_file_is_refused(tmp_path):
    content = (models.FOLDER / "shakespeare.safetensors").read_bytes()
    (tmp_path / "short").write_bytes(content[:500])
    (tmp_path / "empty").write_bytes(b"")
    said = node(f"""
        import {{ readModel }} from {module("engine")};
        const said = [{bytes_of(tmp_path / "short")}, {bytes_of(tmp_path / "empty")}].map((bytes) => {{
          try {{ return readModel(bytes) && "read"; }} catch (error) {{ return error.message; }}
        }});
        console.log(JSON.stringify(said));
    """)
    assert said == [f"got {size} bytes that are not a whole safetensors file" for size in (500, 0)]


def test_work_in_slices_leaves_the_page_time_and_can_be_stopped():
    told = node(f"""
        import {{ sliced }} from {module("engine")};
        globalThis.requestAnimationFrame = (go) => setTimeout(go, 1);
        function* count(to) {{
          for (let n = 0; n < to; n++) {{
            for (const end = performance.now() + 1; performance.now() < end; );
            yield;
          }}
          return to;
        }}
        const slices = [];
        const done = await sliced(count(30), {{ budget: 5, took: (ms) => slices.push(ms) }});
        const stop = new AbortController();
        setTimeout(() => stop.abort(), 20);
        const stopped = await sliced(count(1e6), {{ budget: 5, signal: stop.signal }});
        console.log(JSON.stringify({{ done, slices: slices.length, stopped: stopped === undefined }}));
    """)
    assert told["done"] == 30
    assert told["slices"] >= 3
    assert told["stopped"] is True


def test_the_file_of_a_model_reaches_a_page_whole():
    for name, text in _base.model_scripts().items():
        assert len(text) < 2.1e6, f"{name} is over 1.5 MB"
        told = node(f"globalThis.window = globalThis;\n{text}console.log(JSON.stringify(lstmModels.{name}.length));")
        assert told == math.ceil((models.FOLDER / f"{name}.safetensors").stat().st_size / 3) * 4


def test_python_sends_the_file_that_is_asked_for_and_names_what_is_not_there(tmp_path):
    path = models.FOLDER / "shakespeare.safetensors"
    widget = _base.WithModels({"shakespeare": path})
    sent = []
    widget.send = lambda message, buffers=None: sent.append((message, buffers))
    widget._answer(None, {"model": "shakespeare"}, [])
    widget._answer(None, {"model": "other"}, [])
    assert sent[0] == ({"model": "shakespeare"}, [path.read_bytes()])
    assert sent[1][0]["error"] == "got model 'other', expected one of shakespeare"
    with pytest.raises(ValueError, match="gone: got no file, expected a model"):
        _base.WithModels({"gone": tmp_path / "gone"})


def test_the_engine_needs_no_other_file():
    assert "import" not in (WIDGETS / "engine.js").read_text(encoding="utf-8").replace("important", "")
