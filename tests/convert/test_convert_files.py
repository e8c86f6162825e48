"""Files: what is written reads back the same, other programs can use it, and what is broken is refused by its name."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from convert_helpers import D, H, assert_same, draw, flat, inputs, need, with_one_bias
from safetensors.torch import save_file

from lstm_lib import cells, convert, nn, tasks, training
from lstm_lib.applied import models
from lstm_lib.convert import __main__ as command
from lstm_lib.convert import keras_files, onnx_files
from lstm_lib.training import load_model, save_for_inference

SUFFIXES = [".pt", ".safetensors", ".npz", ".onnx"]  # .keras has tests of its own, where Keras is there


def run(capsys, *arguments):
    """Run the command; return the exit code, what it printed, and what it complained of."""
    try:
        code = command.main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize(
    "options", [{}, {"bias": False}, {"readout": True}, {"directions": 2, "readout": True}], ids=str
)
@pytest.mark.parametrize("second", SUFFIXES)
@pytest.mark.parametrize("first", SUFFIXES)
def test_a_network_goes_from_any_file_to_any_other_and_stays_the_same(tmp_path, capsys, first, second, options):
    network = draw(2, **options)
    source, target = convert.write(network, tmp_path / f"a{first}"), tmp_path / f"b{second}"
    code, printed, complained = run(capsys, source, target)
    assert (code, printed, complained) == (0, f"{target}: {network}\n", "")
    assert_same(convert.read(target), network)
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".npz"])
@pytest.mark.parametrize(
    "options", [{"cell": "coupled"}, {"cell": "drawn"}, {"cell": "layernorm"}, {"proj_size": 2}], ids=str
)
def test_the_librarys_own_cells_stay_what_they_are_in_files_with_names(tmp_path, suffix, options):
    assert_same(convert.read(convert.write(draw(**options), tmp_path / f"a{suffix}")), draw(**options))


def test_peepholes_go_through_an_onnx_file(tmp_path):
    network = draw(2, 2, cell="peephole")
    assert_same(convert.read(convert.write(network, tmp_path / "a.onnx")), network)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"directions": 2, "readout": True}], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_keras_file_reads_back_the_same(tmp_path, capsys, options):
    need("keras")
    network = draw(2, **options)
    target = convert.write(network, tmp_path / "a.keras")
    same = network if options.get("bias") is False else with_one_bias(network)
    assert_same(convert.read(target), same)
    assert run(capsys, target, tmp_path / "b.onnx")[0] == 0
    assert_same(convert.read(tmp_path / "b.onnx"), same)


# ---------------------------------------------------------------- what a file says of its network

CARD = {"kind": "language", "characters": "aé\n", "columns": ["a", "b"], "held out": {"nats": 1.5}, "window": 8}


@pytest.mark.parametrize("options", [{"readout": True}, {"directions": 2}], ids=str)
@pytest.mark.parametrize("second", SUFFIXES)
@pytest.mark.parametrize("first", SUFFIXES)
def test_the_card_goes_along_from_any_file_to_any_other(tmp_path, capsys, first, second, options):
    source = convert.write(draw(**options)._replace(card=CARD), tmp_path / f"a{first}")
    assert run(capsys, source, tmp_path / f"b{second}")[0] == 0
    assert convert.read(tmp_path / f"b{second}").card == CARD


def test_a_model_of_the_library_is_still_one_after_a_way_through_another_file(tmp_path, capsys):
    model, card = models.load("shakespeare")
    for first, last in ((".pt", ".safetensors"), (".onnx", ".safetensors"), (".npz", ".safetensors")):
        between, after = tmp_path / f"a{first}", tmp_path / f"b{last}"
        assert run(capsys, models.FOLDER / "shakespeare.safetensors", between)[0] == 0
        assert run(capsys, between, after)[0] == 0
        again, same = models.load_as(nn.Tagger, after, "language")
        assert same == card
        for name, value in model.state_dict().items():
            assert torch.equal(again.state_dict()[name], value), name


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".npz"])
def test_options_that_weights_do_not_tell_stay_where_there_is_a_place_for_them(tmp_path, suffix):
    options = {"dropout": 0.25, "variational_dropout": 0.5, "recurrent_dropout": 0.125, "backend": "reference"}
    lstm = nn.LSTM(D, H, 2, batch_first=True, **options)
    module = convert.to_torch(convert.read(convert.write(convert.from_torch(lstm), tmp_path / f"a{suffix}")))
    assert repr(module) == repr(lstm)
    xs = torch.ones(2, 7, D)
    assert torch.equal(module(xs)[0], lstm.eval()(xs)[0])
    tagger = nn.Tagger(D, H, 3, num_layers=2, dropout=0.25, checkpoint_every=4)
    again = convert.to_torch(convert.read(convert.write(convert.from_torch(tagger), tmp_path / f"b{suffix}")))
    assert repr(again) == repr(tagger)


def test_a_tagger_is_time_first_whatever_its_lstm_was(tmp_path):
    whole = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(D, H, batch_first=True), "out": torch.nn.Linear(H, 2)})
    network = convert.from_torch(whole)
    assert network.options == {"batch_first": True}
    assert not convert.to_torch(network).lstm.batch_first
    assert not models.load(convert.write(network, tmp_path / "a.safetensors")).network.lstm.batch_first


def test_what_a_format_has_no_place_for_is_said(tmp_path, capsys):
    source = save_for_inference(nn.LSTM(D, H, 2, dropout=0.5), tmp_path / "a.pt", about=CARD)
    assert run(capsys, source, tmp_path / "b.npz")[2] == ""
    target = tmp_path / "b.onnx"
    assert run(capsys, source, target)[2] == f"{target}: .onnx has no place for dropout: left out\n"


def test_a_run_goes_with_its_settings_and_says_its_task(tmp_path):
    torch.manual_seed(0)
    model, folder = nn.Tagger(8, 7, 4), tmp_path / "run"
    sample = training.numbered(lambda rng: tasks.recall_stream(rng, 6, 12, dtype=np.float32))
    settings = training.Settings(batches=2, lr=0.003)
    training.fit(model, sample, settings, folder=folder, progress=False, about={"task": "recall"})
    for source in (folder, max(folder.glob("batch-*.pt"))):
        card = convert.read(source).card
        assert (card["task"], card["batches"]) == ("recall", 2)
        assert training.Settings(**card["settings"]).lr == 0.003
    models.save(folder / "model.safetensors", nn.Tagger(3, 2, 4), CARD)
    assert convert.read(folder).card == CARD  # what the run has left for use goes first
    assert convert.read(folder).input_size == 3


@pytest.mark.parametrize("options", [{"dropout": "much"}, {"batch_first": 1}, {"checkpoint_every": 0.5}], ids=str)
def test_options_of_another_type_are_refused_with_the_file(tmp_path, options):
    path = tmp_path / "a.safetensors"
    words = json.dumps({"arguments": {"cell": "standard", **options}})
    save_file(dict(torch.nn.LSTM(D, H).state_dict()), path, metadata={"build": words})
    (name,) = options
    with pytest.raises(ValueError, match=f"a.safetensors: got {name} .*expected a value of type"):
        convert.read(path)


# ---------------------------------------------------------------- the type of the numbers


def test_float64_goes_into_an_onnx_file_only_where_it_is_asked_for(tmp_path, capsys):
    network = draw(2, readout=True, dtype=np.float64)
    source, target = convert.write(network, tmp_path / "a.npz"), tmp_path / "b.onnx"
    code, _, complained = run(capsys, source, target)
    assert code == 2
    assert "b.onnx: got a network in float64, in which ONNX Runtime runs no LSTM, expected dtype" in complained
    assert not target.exists()
    assert run(capsys, source, target, "--dtype", "float64")[0] == 0
    assert_same(convert.read(target), network)
    code, printed, _ = run(capsys, source, target, "--dtype", "float32")
    assert (code, printed) == (0, f"{target}: {network.cast('float32')}\n")
    onnxruntime = pytest.importorskip("onnxruntime")
    xs = inputs(network)
    scores = onnxruntime.InferenceSession(target).run(["scores"], {"xs": xs.astype(np.float32)})[0]
    want = convert.to_torch(network)(torch.tensor(xs))[0].detach().numpy()
    assert np.abs(scores - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("options", [{"readout": True}, {"bias": False}, {"cell": "layernorm"}], ids=str)
def test_a_cast_rounds_every_array_once(options):
    network = draw(2, 2, dtype=np.float64, **options)
    for one, other in zip(flat(network.cast("float32")), flat(network), strict=True):
        np.testing.assert_array_equal(one, other.astype(np.float32))
        assert one.dtype == np.float32
    with pytest.raises(ValueError, match="got dtype 'bfloat16', expected one of float16, float32, float64"):
        network.cast("bfloat16")


# ---------------------------------------------------------------- what others write, and what others read


def test_a_run_of_training_its_checkpoint_and_what_is_saved_of_it_give_the_same(tmp_path):
    torch.manual_seed(0)
    model = nn.Tagger(8, 7, 4)
    sample = training.numbered(lambda rng: tasks.recall_stream(rng, 6, 12, dtype=np.float32))
    training.fit(model, sample, training.Settings(batches=2), folder=tmp_path / "run", progress=False)
    checkpoint = max((tmp_path / "run").glob("batch-*.pt"))
    trained = save_for_inference(model, tmp_path / "trained.pt")
    want = convert.from_torch(model)
    for source in (tmp_path / "run", checkpoint, trained):
        assert_same(convert.read(source), want)


def test_the_models_of_the_library_go_to_onnx_and_score_the_same(tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    network, _ = models.load("shakespeare")
    shipped = models.FOLDER / "shakespeare.safetensors"  # kept in bytes, with a scale for each row
    assert run(capsys, shipped, tmp_path / "out.onnx")[0] == 0
    session = onnxruntime.InferenceSession(tmp_path / "out.onnx")
    tokens = torch.arange(12).reshape(6, 2)
    xs = torch.nn.functional.one_hot(tokens, network.lstm.input_size).float()
    scores = session.run(["scores"], {"xs": xs.numpy()})[0]
    with torch.no_grad():
        want = network(tokens)[0].numpy()
    assert np.abs(scores - want).max() <= 1e-5 * np.abs(want).max()


def test_what_is_written_for_torch_is_read_by_load_model(tmp_path):
    network = draw(2, readout=True)
    model = load_model(convert.write(network, tmp_path / "a.pt"))
    assert type(model) is nn.Tagger
    assert_same(convert.from_torch(model), network)


def test_a_state_dict_and_the_arrays_of_a_numpy_cell_are_read(tmp_path):
    lstm = torch.nn.LSTM(D, H, 2, bidirectional=True)
    torch.save(lstm.state_dict(), tmp_path / "state.pt")
    save_file(dict(lstm.state_dict()), tmp_path / "state.safetensors")
    np.savez(tmp_path / "state.npz", **{name: value.numpy() for name, value in lstm.state_dict().items()})
    for suffix in (".pt", ".safetensors", ".npz"):
        assert_same(convert.read(tmp_path / f"state{suffix}"), convert.from_torch(lstm))
    params = cells.init_lstm(np.random.default_rng(0), D, H)
    np.savez(tmp_path / "cell.npz", **params._asdict())
    assert_same(convert.read(tmp_path / "cell.npz"), convert.from_numpy(params))


def test_one_lstm_is_taken_out_of_a_larger_network(tmp_path, capsys):
    whole = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(9, D), "lstm": torch.nn.LSTM(D, H)})
    torch.save(whole.state_dict(), tmp_path / "whole.pt")
    code, _, complained = run(capsys, tmp_path / "whole.pt", tmp_path / "a.npz")
    assert code == 2
    assert "whole.pt: got embedding.weight besides an LSTM" in complained
    assert run(capsys, tmp_path / "whole.pt", tmp_path / "a.npz", "--part", "lstm")[0] == 0
    assert_same(convert.read(tmp_path / "a.npz"), convert.from_torch(whole["lstm"]))


@pytest.mark.parametrize("turned", [0, 1])
def test_a_gemm_after_the_lstm_is_read_as_a_readout(tmp_path, turned):
    import onnx

    network = draw(readout=True)
    model, make = onnx_files.onnx_model(network), onnx.helper.make_node
    del model.graph.node[1:]  # all but the LSTM; the Gemm reads its last h, which Squeeze makes (B, H)
    model.graph.node.append(make("Squeeze", ["h0"], ["last"]))
    model.graph.node.append(make("Gemm", ["last", "readout_weight", "readout_bias"], ["scores"], transB=turned))
    (weight,) = (one for one in model.graph.initializer if one.name == "readout_weight")
    if turned:
        weight.CopyFrom(onnx.numpy_helper.from_array(network.readout.W, "readout_weight"))
    del model.graph.output[1:]
    del model.graph.output[0].type.tensor_type.shape.dim[0]
    onnx.checker.check_model(model, full_check=True)
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    assert_same(convert.read(tmp_path / "a.onnx"), network)


# ---------------------------------------------------------------- what is broken


def broken_files(folder):
    """Write files that cannot be read, by what is wrong with them."""
    good = {suffix: convert.write(draw(2), folder / f"good{suffix}") for suffix in SUFFIXES}
    for suffix, path in good.items():
        data, name = path.read_bytes(), suffix[1:]
        (folder / f"empty_{name}{suffix}").write_bytes(b"")
        (folder / f"noise_{name}{suffix}").write_bytes(np.random.default_rng(0).bytes(2000))
        (folder / f"picture_{name}{suffix}").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
        (folder / f"text_{name}{suffix}").write_text("not weights at all\n" * 50)
        for share in (0.1, 0.5, 0.9):
            (folder / f"cut_{share}_{name}{suffix}").write_bytes(data[: int(share * len(data))])
        other = SUFFIXES[(SUFFIXES.index(suffix) + 1) % len(SUFFIXES)]
        (folder / f"mislabelled_{name}{suffix}").write_bytes(good[other].read_bytes())
    for path in good.values():
        path.unlink()
    torch.save(torch.nn.LSTM(D, H), folder / "pickled_module.pt")  # would run code when it is read
    torch.save(torch.ones(3), folder / "one_tensor.pt")
    torch.save({}, folder / "nothing.pt")
    torch.save({"weight": "words"}, folder / "words.pt")
    torch.save(torch.nn.GRU(D, H).state_dict(), folder / "gru.pt")
    torch.save(torch.nn.RNN(D, H).state_dict(), folder / "rnn.pt")
    torch.save(torch.nn.LSTM(D, H).bfloat16().state_dict(), folder / "bfloat16.pt")
    torch.save(torch.nn.Linear(D, H).state_dict(), folder / "linear.pt")
    torch.save({"model": {}}, folder / "empty_model.pt")
    save_for_inference(nn.LSTM(D, H, zoneout=0.1), folder / "zoneout.pt")
    (folder / "empty_folder").mkdir()
    altered = save_for_inference(nn.LSTM(D, H), folder / "altered.pt").read_bytes()
    (folder / "altered.pt").write_bytes(altered.replace(b"standard", b"coupled "))
    shutil.copy(folder / "gru.pt", folder / "batch-00000100-0123456789abcdef.pt")
    np.savez(folder / "pickled.npz", weight_ih_l0=np.array([{}], dtype=object), allow_pickle=True)
    np.savez(folder / "wrong_cell.npz", W=np.zeros((3, 2, 5)), b=np.zeros((3, 2)))
    np.savez(folder / "about.npz", about=np.array("{"), weight_ih_l0=np.zeros(3))
    np.save(folder / "one_array.npy", np.zeros(3))
    (folder / "one_array.npy").rename(folder / "one_array.npz")
    with zipfile.ZipFile(folder / "zip.npz", "w") as file:
        file.writestr("a.txt", "words")
    save_file({"a": torch.ones(2)}, folder / "other.safetensors")
    save_file({"a": torch.ones(2)}, folder / "no_json.safetensors", metadata={"build": "{"})
    save_file({"a": torch.ones(2)}, folder / "list.safetensors", metadata={"build": "[]"})
    for name, change in BROKEN_GRAPHS.items():
        model = onnx_files.onnx_model(draw(readout=True))
        change(model)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    return sorted(path for path in folder.iterdir())


def lstm_of(model):
    """Return the LSTM node of a model."""
    return next(node for node in model.graph.node if node.op_type == "LSTM")


def add_attribute(name, value):
    """Return a change that gives the LSTM node an attribute."""
    import onnx

    return lambda model: lstm_of(model).attribute.append(onnx.helper.make_attribute(name, value))


def other_operator(model):
    """Put a Relu where the Transpose was."""
    node = next(node for node in model.graph.node if node.op_type == "Transpose")
    node.op_type = "Relu"
    del node.attribute[:]


def computed_weights(model):
    """Let the graph compute W."""
    import onnx

    lstm = lstm_of(model)
    model.graph.node.insert(0, onnx.helper.make_node("Identity", [lstm.input[1]], ["made"]))
    lstm.input[1] = "made"


def no_lstm(model):
    """Leave the readout alone."""
    while len(model.graph.node) > 2:
        model.graph.node.remove(model.graph.node[0])
    model.graph.node[0].input[0] = "xs"
    del model.graph.output[1:]


def reverse(model):
    """Let the LSTM run from the last step to the first alone."""
    for one in lstm_of(model).attribute:
        if one.name == "direction":
            one.s = b"reverse"


BROKEN_GRAPHS = {
    "clip": add_attribute("clip", 3.0),
    "input_forget": add_attribute("input_forget", 1),
    "activations": add_attribute("activations", ["HardSigmoid", "Tanh", "Tanh"]),
    "reverse": reverse,
    "relu": other_operator,
    "computed_weights": computed_weights,
    "no_lstm": no_lstm,
}


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_written(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    files = [*broken_files(tmp_path / "in"), tmp_path / "in" / "missing.onnx", tmp_path / "in" / "notes.txt"]
    assert len(files) >= 60
    for source in files:
        code, printed, complained = run(capsys, source, tmp_path / "out" / "out.npz")
        assert (code, printed) == (2, ""), source.name
        assert source.name in complained, source.name
        assert complained.startswith("python -m lstm_lib.convert: "), source.name
        assert complained.count("\n") == 1, source.name
        assert len(complained) < 700, source.name
        assert "Traceback" not in complained
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("network", "target", "words"),
    [
        (
            draw(cell="drawn"),
            "out.onnx",
            "out.onnx: got cell 'drawn', which ONNX has not, expected 'standard' or 'peephole'",
        ),
        (draw(cell="janet"), "out.onnx", "got cell 'janet', which ONNX has not"),
        (draw(proj_size=2), "out.onnx", r"got a projection (proj_size=2), which ONNX has not"),
        (draw(), "out.txt", "got suffix '.txt', expected one of .pt, .safetensors, .npz, .onnx, .keras"),
        (draw(), "no_folder/out.pt", "got a place where no file can be written"),
        (draw(), "a.pt", "got the same file twice"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, capsys, network, target, words):
    source = convert.write(network, tmp_path / "a.pt")
    before = source.read_bytes()
    code, printed, complained = run(capsys, source, tmp_path / target)
    assert (code, printed) == (2, "")
    assert words in complained
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
    assert source.read_bytes() == before


def test_a_file_that_was_there_stays_when_its_successor_fails(tmp_path):
    old = convert.write(draw(), tmp_path / "out.onnx").read_bytes()
    with pytest.raises(ValueError, match="which ONNX has not"):
        convert.write(draw(cell="layernorm"), tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == old


@pytest.mark.parametrize(("suffix", "package"), [(".onnx", "onnx"), (".keras", "keras")])
def test_a_package_that_is_not_there_is_named(tmp_path, monkeypatch, suffix, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ValueError, match=rf"out{suffix}: got an? .*, which needs .*: pip install"):
        convert.write(draw(), tmp_path / f"out{suffix}")


@pytest.mark.filterwarnings("ignore")
def test_models_of_keras_that_compute_something_else_are_refused(tmp_path):
    need("keras")
    keras = keras_files._package()
    LSTM, Input = keras.layers.LSTM, keras.layers.Input
    for made, words in [
        ([LSTM(4, activation="relu")], "'activation': 'relu'"),
        ([LSTM(4, recurrent_activation="hard_sigmoid")], "'recurrent_activation': 'hard_sigmoid'"),
        ([LSTM(4, go_backwards=True)], "'go_backwards': True"),
        ([keras.layers.GRU(4)], "got a model of GRU, expected LSTM layers"),
        ([keras.layers.Bidirectional(LSTM(4), merge_mode="sum")], "got merge_mode 'sum'"),
        ([LSTM(4), keras.layers.Dense(2, activation="softmax")], "activation 'softmax', expected scores"),
        ([keras.layers.Dense(2)], "got a model of no layer"),
    ]:
        keras.Sequential([Input((None, 3)), *made]).save(tmp_path / "a.keras")
        with pytest.raises(ValueError, match="a.keras: got") as caught:
            convert.read(tmp_path / "a.keras")
        assert words in str(caught.value)
    for data in (b"", b"noise", (tmp_path / "a.keras").read_bytes()[:-200]):
        (tmp_path / "b.keras").write_bytes(data)
        with pytest.raises(ValueError, match=r"b.keras: got a file that Keras refuses to load"):
            convert.read(tmp_path / "b.keras")


def test_xs_of_the_tests_have_every_precision():
    assert inputs(draw(dtype=np.float64)).dtype == np.float64
