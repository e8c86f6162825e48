"""The listener: padding changes nothing, the future nothing before it, leaks are caught, and the commands hold."""

import json

import numpy as np
import odd_wavs
import pytest
import torch
import torch.nn.functional as F

from lstm_lib import recorded, training, use
from lstm_lib import train as train_command
from lstm_lib.applied import ctc, formants, models, sound, speech, voice, wav

SHAPES = {
    "one direction": {},
    "both directions": {"bidirectional": True},
    "two layers": {"bidirectional": True, "num_layers": 2},
    "no memory": {"window": 5},
    "three frames a step": {"bidirectional": True, "stack": 3},
}


def listener(labels=3, hidden=6, **shape):
    """Draw a network with a scaling that is none of the usual."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = voice.Listener(5, labels, hidden, **shape)
    rng = np.random.default_rng(0)
    return network.scale(sound.Scaling(rng.normal(size=5), rng.uniform(1, 2, 5))).eval()


def sounds(lengths, M=5, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 2, (T, M)).astype(np.float32) for T in lengths]


def words(labels=("ah", "ee", "oo"), each=4, speakers=("ann", "bob")):
    """Make recordings of vowels."""
    rng = np.random.default_rng(0)
    vowels = dict(zip(labels, (5, 1, 8), strict=True))
    made = []
    for speaker in speakers:
        who = formants.speaker(rng)
        for label in labels:
            for n in range(each):
                samples = formants.say(rng, vowels[label], 0.2, who).astype(np.float32)
                made.append(speech.Recording(label, speaker, f"{label}_{speaker}_{n}.wav", samples))
    return made


# ---------------------------------------------------------------- the network


@pytest.mark.parametrize("shape", SHAPES)
def test_padding_changes_nothing(shape):
    network, many = listener(**SHAPES[shape]), sounds([14, 31, 22, 7])
    together = voice.log_chances(network, many)
    for one, chances in zip(many, together, strict=True):
        assert chances.shape == (len(one) // network.stack, 4)
        alone = network(torch.from_numpy(one[:, None])).detach()[:, 0].numpy()
        np.testing.assert_allclose(chances, alone, atol=1e-5)
    batch = voice.pad(many)
    batch.features[20:, 0] = 1e3  # what stands behind a sound is not heard
    again = network(torch.from_numpy(batch.features), torch.from_numpy(batch.lengths)).detach().numpy()
    np.testing.assert_allclose(again[: 14 // network.stack, 0], together[0], atol=1e-5)


def test_the_future_changes_the_past_in_both_directions_only():
    for shape, can in (("one direction", False), ("both directions", True)):
        network, xs = listener(**SHAPES[shape]), torch.from_numpy(sounds([20])[0][:, None])
        other = xs.clone()
        other[12:] += 1
        before = (network(xs) - network(other)).abs()[:6]
        assert bool((before > 0).any()) is can, shape


def test_a_network_without_memory_sees_its_window_only():
    network, xs = listener(window=3), torch.from_numpy(sounds([20])[0][:, None])
    other = xs.clone()
    other[10:12] += 1  # step 5
    changed = (network(xs) != network(other)).any(dim=-1)[:, 0]
    assert changed.nonzero()[:, 0].tolist() == [4, 5, 6]


def test_the_objective_is_the_loss_that_ctc_has_from_its_definition():
    network, many, said = listener(), sounds([14, 31, 22]), [[1, 2], [3, 3, 1], [2, 1]]
    score = training.evaluate(network, voice.pad(many, said), objective=voice.objective())
    chances = voice.log_chances(network, many)
    expected = -sum(ctc.log_likelihood(log, labels) for log, labels in zip(chances, said, strict=True)) / 3
    assert score.loss == pytest.approx(expected, rel=1e-5)
    assert score.questions == 3


def test_single_words_are_told_apart_by_their_mean_scores_as_well():
    network, many, said = listener(), sounds([14, 31]), [[2], [3]]
    score = training.evaluate(network, voice.pad(many, said), objective=voice.objective())
    chances = voice.log_chances(network, many)
    expected = -sum(ctc.log_likelihood(log, labels) for log, labels in zip(chances, said, strict=True))
    for log, (label,) in zip(chances, said, strict=True):
        expected += F.cross_entropy(torch.from_numpy(log.mean(axis=0)[1:]), torch.tensor(label - 1)).item()
    assert score.loss == pytest.approx(expected / 2, rel=1e-5)


def test_the_likeliest_word_is_the_best_of_all_likelihoods():
    for log in voice.log_chances(listener(labels=4), sounds([14, 31, 22])):
        found = [ctc.log_likelihood(log, [label]) for label in (1, 2, 3, 4)]
        assert voice.likeliest_word(log) == 1 + int(np.argmax(found))


def test_what_was_saved_is_loaded_and_bytes_cost_little(tmp_path):
    network, many = listener(bidirectional=True), sounds([14, 31])
    for as_bytes, limit in ((False, 1e-6), (True, 0.1)):
        path = models.save(tmp_path / "a.safetensors", network, {"kind": "voice"}, as_bytes=as_bytes)
        loaded = models.load(path, kind="voice").network
        for one, other in zip(voice.log_chances(network, many), voice.log_chances(loaded, many), strict=True):
            np.testing.assert_allclose(one, other, atol=limit)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="got labels 0, expected at least 1"):
        voice.Listener(5, 0, 6)
    with pytest.raises(ValueError, match="got window 4, expected an odd number"):
        voice.Listener(5, 3, 6, window=4)
    with pytest.raises(ValueError, match="got 2 sounds and 1 transcripts"):
        voice.pad(sounds([4, 5]), [[1]])


# ---------------------------------------------------------------- splits, and leaks on purpose


def test_a_split_shares_nothing_and_holds_out_a_fifth_of_each_label():
    made = words(each=5)
    train, held_out = speech.split(made)
    assert len(train) + len(held_out) == len(made)
    assert [sum(one.label == label for one in held_out) for label in ("ah", "ee", "oo")] == [2, 2, 2]
    assert not {one.content() for one in train} & {one.content() for one in held_out}


def test_copies_under_other_names_stay_on_one_side():
    made = words(each=3)
    copies = [one._replace(name=f"copy of {one.name}") for one in made]
    train, held_out = speech.split([*made, *copies])
    speech.guard(train, held_out)


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        (lambda train, test: ([*train, test[0]], test), "got file 'ah_ann_0.wav' in training and test"),
        (
            lambda train, test: ([*train, test[0]._replace(name="new.wav")], test),
            r"got the same recording twice \(1 in all\) in training and test",
        ),
    ],
)
def test_a_recording_that_leaks_is_caught(leak, message):
    made = words(each=2)
    train, test = [one for one in made if "_1" in one.name], [one for one in made if "_0" in one.name]
    speech.guard(train, test)
    with pytest.raises(ValueError, match=message):
        speech.guard(*leak(train, test))


def test_a_speaker_that_leaks_is_caught_where_speakers_are_held_out():
    made = words(each=2)
    train, test = made[:-1], made[-1:]
    speech.guard(train, test)
    with pytest.raises(ValueError, match="got speaker 'bob' in training and test"):
        speech.guard(train, test, speakers=True)


def test_a_scaling_that_has_seen_the_test_is_caught():
    made = words(each=2)
    train, test = made[:8], made[8:]
    speech.expect_scaled_on(speech.scaling_of(train), train)
    with pytest.raises(ValueError, match="got a scaling that was not measured on the training data"):
        speech.expect_scaled_on(speech.scaling_of([*train, *test]), train)


def test_a_batch_of_strings_is_a_function_of_its_number():
    made = words(each=2)
    sample = speech.Strings(speech.hear(made), ["ah", "ee", "oo"], speech.scaling_of(made), 4, warmup=2)
    one, again, other = sample(7), sample(7), sample(8)
    np.testing.assert_array_equal(one.features, again.features)
    assert one.features.shape != other.features.shape or (one.features != other.features).any()
    assert {int(sample(n).counts.max()) for n in (0, 1)} == {1}
    assert {int(sample(n).counts[0]) for n in range(2, 30)} == {1, 2, 3}
    assert np.isfinite(one.features).all()


# ---------------------------------------------------------------- commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("words")
    for one in words(each=3):
        odd_wavs.write(path / one.name, one.samples)
    return path


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    to = tmp_path_factory.mktemp("run")
    how = ["--batches", "30", "--batch-size", "4", "--hidden", "8", "--words", "2", "--no-progress"]
    assert train_command.main(["voice", "--folder", str(folder), "--to", str(to), *how]) == 0
    return to / "model.safetensors"


def test_what_was_trained_on_a_folder_transcribes_its_files(trained, folder, capsys):
    files = sorted(map(str, folder.glob("*_0.wav")))
    assert use.main(["transcribe", *files, "--model", str(trained), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == files
    for line in lines:
        assert set(line["labels"]) <= {"ah", "ee", "oo"}
        assert len(line["times"]) == len(line["labels"])
        assert line["seconds"] == pytest.approx(0.2)
        assert [one["log chance"] for one in line["readings"]] == sorted(
            (one["log chance"] for one in line["readings"]), reverse=True
        )
    assert models.load(trained).card["held out"]["files"] == 3


def test_a_speaker_can_be_held_out(folder, tmp_path, capsys):
    how = ["--batches", "2", "--batch-size", "2", "--hidden", "4", "--no-progress", "--to", str(tmp_path)]
    assert train_command.main(["voice", "--folder", str(folder), "--hold-out", "ann", *how]) == 0
    assert "of 9 words held out" in capsys.readouterr().out


@pytest.mark.parametrize("name", odd_wavs.ODD)
def test_odd_files_end_the_command_with_2_and_one_line_that_names_them(name, tmp_path, trained, folder, capsys):
    path = tmp_path / f"{name}.wav"
    path.write_bytes(odd_wavs.ODD[name][0])
    good = str(next(folder.glob("*.wav")))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as end:
        use.main(["transcribe", good, str(path), "--model", str(trained), "--json"])
    told = capsys.readouterr()
    assert end.value.code == 2
    assert told.out == ""  # nothing of the good file either
    assert str(path) in told.err
    assert told.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "got 0 wav files of 0 labels, expected LABEL_\\*.wav of at least two labels"),
        (["ah_1.wav", "ah_2.wav"], "got 2 wav files of 1 labels"),
        (["ah.wav", "ee_1.wav"], "ah.wav: got a name without a label"),
        (["ah_1.wav", "ee_1.wav"], "got 1 recordings of 'ah', expected at least two different ones"),
    ],
)
def test_folders_that_teach_nothing_are_refused(names, message, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for n, name in enumerate(names):
        odd_wavs.write(tmp_path / "in" / name, odd_wavs.HUM * (0.5 + 0.1 * n))
    with pytest.raises(SystemExit) as end:
        train_command.main(["voice", "--folder", str(tmp_path / "in"), "--to", str(tmp_path / "out")])
    assert end.value.code == 2
    assert message.replace("\\", "") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_one_odd_file_is_refused_by_its_name(folder, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for path in folder.glob("*.wav"):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / "ah_zoe_1.wav").write_bytes(odd_wavs.ODD["truncated"][0])
    with pytest.raises(SystemExit):
        train_command.main(["voice", "--folder", str(tmp_path / "in"), "--to", str(tmp_path / "out")])
    assert "ah_zoe_1.wav: got 2000 of the 4000 samples" in capsys.readouterr().err


def test_a_model_for_something_else_is_refused(tmp_path, folder, capsys):
    path = models.save(tmp_path / "m.safetensors", listener(), {"kind": "language"})
    with pytest.raises(SystemExit):
        use.main(["transcribe", str(next(folder.glob("*.wav"))), "--model", str(path)])
    assert "got a model for language, expected one for voice" in capsys.readouterr().err


def test_the_shipped_listener_is_small_and_its_card_says_what_was_recorded():
    network, card = models.load("voice", kind="voice")
    (row,) = recorded.rows("fsdd", way="one", seed=0)
    assert (models.FOLDER / "voice.safetensors").stat().st_size < 400_000
    assert not network.lstm.bidirectional
    told = card["held out"]
    assert (told["single words right"], told["label error rate of strings"]) == (row["words"], row["beam"])
    in_bytes = (row["words, in bytes"], row["beam, in bytes"])
    assert tuple(told["in bytes"].values()) == in_bytes


def test_a_guess_is_named_as_one_and_what_is_printed_stays_the_same(tmp_path, capsys):
    hiss, quiet = tmp_path / "hiss.wav", tmp_path / "quiet.wav"
    wav.write(hiss, np.random.default_rng(0).normal(0, 0.05, 4000))
    wav.write(quiet, np.random.default_rng(0).normal(0, 0.003, 4000))
    assert use.main(["transcribe", str(hiss)]) == 0
    told = capsys.readouterr()
    assert told.out == "one\n"
    assert told.err == f"{hiss}: a guess, of chance 27 %; next 'five', 26 %\n"
    assert use.main(["transcribe", str(hiss), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["labels"] == ["one"]
    assert told.err == ""  # the chances stand in the line
    assert use.main(["transcribe", str(quiet)]) == 0
    assert capsys.readouterr() == ("\n", "")


def test_another_rate_is_refused_with_the_option_that_takes_it(tmp_path, capsys):
    path = wav.write(tmp_path / "fast.wav", odd_wavs.HUM, rate=16000)
    with pytest.raises(SystemExit):
        use.main(["transcribe", str(path)])
    assert "got 16000 samples a second, expected 8000: `transcribe` takes it with --resample" in capsys.readouterr().err
    assert use.main(["transcribe", str(path), "--resample"]) == 0


def test_the_vowels_of_the_synthesiser_are_no_digits_but_heard_without_a_stumble():
    network = models.load("voice").network
    said = formants.utter(np.random.default_rng(0), [1, 5, 8])
    (log,) = voice.log_chances(network, [sound.log_mel(sound.with_quiet(said.samples))])
    assert np.isfinite(log).all()
    np.testing.assert_allclose(np.exp(log).sum(axis=1), 1.0, rtol=1e-5)
