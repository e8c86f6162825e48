"""Readers of lines: padding changes nothing, splits stay apart, the loss is CTC's, and readings say where."""

import math

import numpy as np
import pytest
import torch

from lstm_lib import training
from lstm_lib.applied import ctc, ctc_training, lines, models, ocr, own_lines


def reader(recurrent=True, **options):
    torch.manual_seed(3)
    small = {"height": 16, "channels": (5, 7, 6), "strides": ((2, 2), (2, 1), (1, 2)), "hidden": 9}
    return ocr.Reader("0123456789", recurrent=recurrent, **small | options)


@pytest.mark.parametrize("recurrent", [True, False])
@pytest.mark.parametrize("beyond", [0.0, 0.7])
def test_padding_changes_nothing(recurrent, beyond):
    model, rng = reader(recurrent).double(), np.random.default_rng(0)
    widths = [31, 58, 4, 45, 1]
    alone = [torch.from_numpy(rng.random((1, 16, width))) for width in widths]
    padded = torch.full((len(widths), 16, 61), beyond, dtype=torch.float64)
    for row, picture in zip(padded, alone, strict=True):
        row[:, : picture.shape[2]] = picture
    together, steps = model(padded, torch.tensor(widths))
    for k, (picture, width) in enumerate(zip(alone, widths, strict=True)):
        single, own = model(picture, torch.tensor([width]))
        assert own.item() == steps[k].item() == math.ceil(math.ceil(width / 2) / 2)
        torch.testing.assert_close(together[: own.item(), k], single[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("recurrent", [True, False])
def test_padding_changes_no_gradient(recurrent):
    model = reader(recurrent).double()
    rng = np.random.default_rng(1)
    made = [lines.digit_line(rng, lines.digits(), count=count) for count in (2, 4, 3)]
    whole = lines.batch([picture for picture, _ in made], [text for _, text in made], model.characters)

    def gradient(batch):
        model.zero_grad()
        scores, steps = model(torch.from_numpy(batch.xs).double(), torch.from_numpy(batch.steps))
        ctc_training.summed_loss(scores, steps, *map(torch.from_numpy, batch[2:])).backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    alone = sum(gradient(lines.batch([picture], [text], model.characters)) for picture, text in made)
    together = gradient(whole._replace(xs=np.pad(whole.xs, ((0, 0), (0, 0), (0, 9)), constant_values=0.5)))
    torch.testing.assert_close(together, alone, rtol=2e-5, atol=2e-5)  # ctc_loss computes in float32


def test_without_recurrence_there_are_about_as_many_parameters_and_no_memory():
    sizes = {}
    for recurrent in (True, False):
        model = ocr.Reader(lines.LETTERS, recurrent=recurrent)
        sizes[recurrent] = sum(parameter.numel() for parameter in model.parameters())
        xs = torch.rand(1, 24, 200, requires_grad=True)
        scores, _ = model(xs, torch.tensor([200]))
        scores[0].square().sum().backward()
        reaches = xs.grad[0].abs().sum(dim=0).nonzero().max().item()
        assert (reaches > 150) == recurrent  # the first column sees the whole line, or its neighbours only
    assert abs(sizes[True] - sizes[False]) < 0.01 * sizes[True]


def test_what_does_not_fit_is_refused():
    model = reader()
    for xs, widths, said in [
        (torch.zeros(2, 15, 30), [30, 30], "got pictures of shape"),
        (torch.zeros(2, 16, 30), [30, 31], "got widths"),
        (torch.zeros(2, 16, 30), [0, 3], "got widths"),
        (torch.zeros(2, 16, 30), [30], "got widths"),
    ]:
        with pytest.raises(ValueError, match=said):
            model(xs, torch.tensor(widths))
    for options in ({"characters": "aa"}, {"characters": ""}, {"characters": "ab", "channels": (3,)}):
        with pytest.raises(ValueError, match="expected"):
            ocr.Reader(**options)
    with pytest.raises(ValueError, match="got 'x' in a label"):
        lines.batch([np.zeros((2, 3), np.float32)], ["1x"], "01")


def test_the_loss_is_that_of_all_paths():
    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.standard_normal((9, 2, 5)))
    labels, steps, sizes = torch.tensor([[1, 1, 4], [3, 0, 0]]), torch.tensor([9, 6]), torch.tensor([3, 1])
    loss = ctc_training.summed_loss(scores, steps, labels, sizes)
    log_probs = torch.log_softmax(scores, dim=-1).numpy()
    ours = ctc.log_likelihood(log_probs[:, 0], [1, 1, 4]) + ctc.log_likelihood(log_probs[:6, 1], [3])
    assert abs(loss.item() + ours) < 1e-5


def test_a_label_that_is_too_long_for_its_picture_is_refused_before_the_loss_is_infinite():
    model = reader()
    batch = lines.batch([np.zeros((16, 8), np.float32)] * 2, ["12", "11"], model.characters)
    settings = training.Settings(batches=1)
    with pytest.raises(ValueError, match="got 2 steps for the 2 characters of sequence 1, expected at least 3"):
        training.fit(model, [batch], settings, objective=ocr.OBJECTIVE, progress=False, device="cpu")


def test_training_lowers_the_loss_and_a_saved_model_reads_the_same(tmp_path):
    model, digits = reader(), lines.digits()

    def draw(n):
        rng = np.random.default_rng([0, n])
        made = [lines.digit_line(rng, digits, count=1, distortion=1.0) for _ in range(8)]
        return lines.side_by_side(rng, [picture for picture, _ in made], [text for _, text in made], model.characters)

    settings = training.Settings(batches=12)
    history = training.fit(model, draw, settings, objective=ocr.OBJECTIVE, progress=False, device="cpu")
    assert history.losses[-4:].mean() < 0.8 * history.losses[0]
    rng = np.random.default_rng(0)
    inks = [lines.digit_line(rng, digits)[0] for _ in range(3)]
    for as_bytes in (False, True):
        kept = models.save(tmp_path / "a.safetensors", model, {"kind": "reading"}, as_bytes=as_bytes)
        again = models.load(kept, kind="reading").network
        for one, other in zip(ocr.look(model, inks), ocr.look(again, inks), strict=True):
            np.testing.assert_allclose(one, other, atol=0.1 if as_bytes else 1e-6)


def certain(model, path):
    """Make a network that reads a path, whatever it sees."""

    class Certain(ocr.Reader):
        def forward(self, pictures, widths):
            scores = torch.full((len(path), len(widths), self.classes), -20.0)
            scores[range(len(path)), :, path] = 20.0
            return scores, torch.full_like(widths, len(path))

    sure = Certain(**model.arguments)
    return sure


def test_a_reading_says_where_each_character_was_read():
    model = certain(reader(), [0, 2, 2, 0, 2, 10])
    for beam in (1, 5):
        reading = ocr.read_ink(model, np.zeros((16, 23), np.float32), beam=beam)
        assert reading.text == "119"
        assert reading.spans == [(4, 12), (16, 20), (20, 23)]
        assert abs(reading.log_chance) < 1e-6
    assert ocr.transcribe(model, [np.zeros((16, 23), np.float32)] * 3, at_once=2) == ["119"] * 3


def test_lines_read_together_are_those_read_alone():
    model, rng, digits = reader(), np.random.default_rng(0), lines.digits()
    inks = [lines.digit_line(rng, digits, count=count)[0] for count in (3, 1, 5, 2, 4)]
    assert ocr.transcribe(model, inks, at_once=3) == [ocr.read_ink(model, ink, beam=1).text for ink in inks]


# ---------------------------------------------------------------- data


def test_the_same_seed_draws_the_same_lines_and_another_one_others():
    def drawn(seed):
        rng = np.random.default_rng(seed)
        text = lines.draw_text(rng, "train")
        return lines.render_word(text, "cmss10", rng), lines.digit_line(rng, lines.digits(), distortion=1.0)[0]

    for one, again in zip(drawn(5), drawn(5), strict=True):
        np.testing.assert_array_equal(one, again)
    assert any(one.shape != other.shape or (one != other).any() for one, other in zip(drawn(5), drawn(6), strict=True))


def test_every_font_draws_every_character_differently():
    for name in lines.SEEN + lines.UNSEEN:
        drawn = {np.asarray(lines.draw_word(letter, name, 30)).tobytes() for letter in lines.LETTERS}
        assert len(drawn) == len(lines.LETTERS), name
    assert not set(lines.SEEN) & set(lines.UNSEEN)


def test_splits_share_nothing():
    for how in ("random", "file order"):
        parts = lines.split(1797, how)
        together = np.concatenate(list(parts.values()))
        assert len(together) == len(set(together.tolist())) == 1797
    assert parts["test"].min() > parts["validation"].max() > parts["train"].max()
    words = lines.vocabulary()
    assert not set(words["train"]) & set(words["test"])
    assert min(map(len, words.values())) > 100


def test_a_leak_is_caught():
    found = [own_lines.Line(np.zeros((2, 2), np.float32), "a", str(k // 2)) for k in range(60)]
    parts = own_lines.split(found, seed=0)  # copies of a file stay together
    own_lines.expect_apart(parts)
    parts["test"].append(parts["train"][0])
    with pytest.raises(ValueError, match="got 1 picture that is in train and in test too"):
        own_lines.expect_apart(parts)
