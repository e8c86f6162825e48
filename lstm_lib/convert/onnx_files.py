"""Networks as .onnx files: LSTM nodes, and a linear readout. The package onnx is imported when one is read or written.

Shapes: T steps, B batch, D features, H hidden units, N directions, L layers times directions, K classes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import Network, Readout
from lstm_lib.convert.onnx_layers import OnnxLayer, from_onnx, to_onnx

OPSET, IR = 17, 8
CARD = "card"  # among the model's properties: what it says of itself, as JSON
# What a graph may hold besides LSTM nodes: what turns arrays round, and one linear layer.
TURNS = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Constant", "Cast", "Concat", "Slice", "Split"}
LINEAR = {"MatMul", "Gemm", "Add"}
DEFAULTS = {"direction", "hidden_size", "activations", "layout", "input_forget", "clip"}


def onnx_model(network: Network) -> Any:
    """Make an ONNX model of a network.

    Its input is xs (T, B, D) with any T and B. Its outputs are scores (T, B, K) where there is a readout, else hs
    (T, B, N·H); and the last states h_n and c_n (L, B, H).

    Returns:
        An ``onnx.ModelProto``, checked by ``onnx.checker``.

    Raises:
        ValueError: If ONNX has no such cell, the layers differ in size, or the package onnx is not there.
    """
    onnx = _package()
    layers = to_onnx(network)
    if len(set(network.hidden_sizes)) != 1:
        raise ValueError(f"got layers of {network.hidden_sizes} units, expected equal sizes: h_n holds all of them")
    make, from_array = onnx.helper, onnx.numpy_helper.from_array
    weights, nodes, xs = [], [], "xs"
    H, N = network.hidden_sizes[0], network.directions
    weights.append(from_array(np.array([0, 0, N * H]), "joined"))
    for number, layer in enumerate(layers):
        given = {f"{name}{number}": array for name, array in zip("WRBP", layer, strict=True) if array is not None}
        weights += [from_array(array, name) for name, array in given.items()]
        names = [name + str(number) if f"{name}{number}" in given else "" for name in "WRB"]
        peepholes = ["", "", "", f"P{number}"] if layer.P is not None else []
        made = [f"hs_by_direction{number}", f"h{number}", f"c{number}"]
        way = "bidirectional" if N == 2 else "forward"
        nodes.append(make.make_node("LSTM", [xs, *names, *peepholes], made, hidden_size=H, direction=way))
        nodes.append(make.make_node("Transpose", [made[0]], [f"hs_turned{number}"], perm=[0, 2, 1, 3]))  # (T, B, N, H)
        xs = "hs" if number == len(layers) - 1 and network.readout is None else f"hs{number}"
        nodes.append(make.make_node("Reshape", [f"hs_turned{number}", "joined"], [xs]))
    for state in "hc":
        ends = [f"{state}{number}" for number in range(len(layers))]
        nodes.append(make.make_node("Concat", ends, [f"{state}_n"], axis=0))
    K = N * H
    if network.readout is not None:
        W, b = network.readout
        K = len(W)
        weights.append(from_array(np.ascontiguousarray(W.T), "readout_weight"))
        nodes.append(make.make_node("MatMul", [xs, "readout_weight"], ["scores" if b is None else "products"]))
        if b is not None:
            weights.append(from_array(b, "readout_bias"))
            nodes.append(make.make_node("Add", ["products", "readout_bias"], ["scores"]))
    kind = make.np_dtype_to_tensor_dtype(network.dtype)
    answer = make.make_tensor_value_info("hs" if network.readout is None else "scores", kind, ["T", "B", K])
    states = [make.make_tensor_value_info(f"{state}_n", kind, [len(layers) * N, "B", H]) for state in "hc"]
    asked = make.make_tensor_value_info("xs", kind, ["T", "B", network.input_size])
    graph = make.make_graph(nodes, "lstm", [asked], [answer, *states], initializer=weights)
    opsets = [make.make_opsetid("", OPSET)]
    model = make.make_model(graph, opset_imports=opsets, producer_name="lstm_lib", ir_version=IR)
    if network.card:
        onnx.helper.set_model_props(model, {CARD: json.dumps(network.card, ensure_ascii=False)})
    onnx.checker.check_model(model, full_check=True)
    return model


def read_onnx(path: Path) -> Network:
    """Read the LSTM nodes of an ONNX file, and the linear layer after them.

    Raises:
        ValueError: If it is no ONNX file, or holds something that no LSTM of ours does.
    """
    onnx = _package()
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and the checker have errors of their own, which share no class
        raise ValueError(f"got a file that is not ONNX, or is damaged ({_line(error)})") from None
    numpy = onnx.numpy_helper.to_array
    arrays: dict[str, Array] = {one.name: numpy(one) for one in model.graph.initializer}
    layers, linear = [], []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            arrays[node.output[0]] = numpy(node.attribute[0].t)
        if node.op_type == "LSTM":
            layers.append(_layer(node, arrays, onnx.helper.get_attribute_value))
        elif node.op_type in LINEAR:
            linear.append(node)
        elif node.op_type not in TURNS:
            raise ValueError(f"got a graph with {node.op_type}, expected LSTM nodes and one linear layer alone")
    if not layers:
        raise ValueError("got a graph without an LSTM node (an exporter may have written it out in steps)")
    network = from_onnx(layers, _readout(linear, arrays, onnx.helper.get_attribute_value))
    return network._replace(card=_card({one.key: one.value for one in model.metadata_props}))


def _card(words: dict[str, str]) -> dict[str, Any]:
    """Read the card that ``onnx_model`` writes; what other programs note is theirs."""
    try:
        card = json.loads(words.get(CARD, "{}"))
    except json.JSONDecodeError:
        return {}
    return card if isinstance(card, dict) else {}


def _layer(node: Any, arrays: dict[str, Array], value: Any) -> OnnxLayer:
    """Read one LSTM node, if it is the LSTM that everyone means."""
    options = {one.name: value(one) for one in node.attribute}
    way = options.get("direction", b"forward")
    expected = [b"Sigmoid", b"Tanh", b"Tanh"] * (2 if way == b"bidirectional" else 1)
    odd = {name: options[name] for name in options.keys() - DEFAULTS}
    odd |= {"direction": way} if way == b"reverse" else {}
    odd |= {"activations": options["activations"]} if options.get("activations", expected) != expected else {}
    odd |= {name: options[name] for name in ("input_forget", "clip") if options.get(name)}
    if odd:
        raise ValueError(f"got an LSTM node with {odd}, which no LSTM of ours has")
    inputs = [*node.input, *[""] * (8 - len(node.input))]
    needed = [inputs[1], inputs[2], inputs[3], inputs[7]]
    computed = [name for name in needed if name and name not in arrays]
    if computed:
        names = ", ".join(computed)
        raise ValueError(f"got an LSTM node whose weights {names} the graph computes, expected stored ones")
    W, R, B, P = (arrays[name] if name else None for name in needed)
    assert W is not None
    assert R is not None
    return OnnxLayer(W, R, B, P)


def _readout(nodes: list[Any], arrays: dict[str, Array], value: Any) -> Readout | None:
    """Read the linear layer: Gemm, or MatMul and Add."""
    if not nodes:
        return None
    stored = [[arrays[name] for name in node.input if name in arrays] for node in nodes]
    kinds = [node.op_type for node in nodes]
    if kinds in (["MatMul"], ["MatMul", "Add"]) and all(len(each) == 1 for each in stored):
        return Readout(stored[0][0].T, stored[1][0] if len(stored) == 2 else None)
    options = {one.name: value(one) for one in nodes[0].attribute}
    is_plain = options.get("alpha", 1.0) == options.get("beta", 1.0) == 1.0 and not options.get("transA")
    if kinds == ["Gemm"] and is_plain and len(stored[0]) in (1, 2):
        W = stored[0][0] if options.get("transB") else stored[0][0].T
        return Readout(W, stored[0][1] if len(stored[0]) == 2 else None)
    raise ValueError(f"got a graph with {', '.join(kinds)}, expected one linear layer with stored weights at most")


def _package() -> Any:
    try:
        import onnx
    except ModuleNotFoundError:
        raise ValueError("got an ONNX file, which needs the package onnx: pip install onnx") from None
    return onnx


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:120]
