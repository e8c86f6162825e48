"""The cells in JavaScript: forward and backward, for vectors, the same numbers as the cells in NumPy."""

import json

import numpy as np
import pytest
from explorable_helpers import module, node

from lstm_lib import cells, layers

T, D, H = 5, 2, 3  # all different, so that no exchange of two of them goes unseen
RNG = np.random.default_rng(3)
XS, DHS = RNG.standard_normal((T, D)), RNG.standard_normal((T, H))
H0, C0, DC = RNG.standard_normal((3, H))
W, B = RNG.standard_normal((4, H, H + D)), RNG.standard_normal((4, H))
W_U, B_U = RNG.standard_normal((H, H)), RNG.standard_normal(H)
CELLS = {
    "lstm": {"W": W, "b": B},
    "drawn": {"W": W, "b": B, "W_u": W_U, "b_u": B_U},
    "tanh": {"W": W[0], "b": B[0]},
}

SCRIPT = f"""
import * as cell from {module("cell")};
const cells = {json.dumps(CELLS, default=np.ndarray.tolist)};
const xs = {XS.tolist()}, dhs = {DHS.tolist()}, h0 = {H0.tolist()}, c0 = {C0.tolist()}, dcT = {DC.tolist()};
const plus = (a, b) => Array.isArray(a) ? a.map((x, n) => plus(x, b[n])) : a + b;
function run(name, params) {{
  const [step, back] = [cell[`${{name}}Step`], cell[`${{name}}Back`]];
  let state = {{ h: h0, c: c0 }};
  const tapes = xs.map((x) => (state = step(params, x, state)));
  const all = {{ hs: tapes.map(({{ h }}) => h), cs: tapes.map(({{ c }}) => c), dxs: [] }};
  let dstate = {{ dh: h0.map(() => 0), dc: dcT }};
  for (let t = xs.length - 1; t >= 0; t--) {{
    dstate = back(params, tapes[t], {{ dh: plus(dhs[t], dstate.dh), dc: dstate.dc }});
    all.dxs.unshift(dstate.dx);
    for (const key of Object.keys(params).map((name) => `d${{name}}`)) {{
      all[key] = key in all ? plus(all[key], dstate[key]) : dstate[key];
    }}
  }}
  return {{ ...all, dh0: dstate.dh, dc0: dstate.dc }};
}}
const runs = Object.entries(cells).map(([name, params]) => [name, run(name, params)]);
console.log(JSON.stringify(Object.fromEntries(runs)));
"""


@pytest.fixture(scope="module")
def ours() -> dict[str, dict]:
    """Run all three cells over the same events, forward and back."""
    return node(SCRIPT)


def theirs(name: str) -> dict[str, np.ndarray]:
    """Do the same in NumPy."""
    if name == "tanh":
        params = cells.RNNParams(*CELLS[name].values())
        run = layers.rnn_forward(params, XS[:, None], cells.RNNState(H0[None]))
        dparams, dxs, d0 = layers.rnn_backward(params, run, DHS[:, None])
        return {"hs": run.hs, "dxs": dxs, "dh0": d0.h} | {f"d{key}": d for key, d in dparams._asdict().items()}
    params = (cells.LSTMParams if name == "lstm" else cells.DrawnParams)(*CELLS[name].values())
    forward, backward = getattr(layers, f"{name}_forward"), getattr(layers, f"{name}_backward")
    run = forward(params, XS[:, None], cells.LSTMState(H0[None], C0[None]))
    dparams, dxs, d0 = backward(params, run, DHS[:, None], cells.LSTMState(np.zeros((1, H)), DC[None]))
    numbers = {"hs": run.hs, "cs": run.cs, "dxs": dxs, "dh0": d0.h, "dc0": d0.c}
    return numbers | {f"d{key}": d for key, d in dparams._asdict().items()}


@pytest.mark.parametrize("name", CELLS)
def test_states_and_all_gradients_are_the_ones_of_numpy(ours: dict[str, dict], name: str) -> None:
    for what, expected in theirs(name).items():
        np.testing.assert_allclose(
            np.array(ours[name][what]), np.reshape(expected, np.shape(ours[name][what])),
            rtol=0, atol=1e-12 * np.abs(expected).max(), err_msg=what,
        )  # fmt: skip
