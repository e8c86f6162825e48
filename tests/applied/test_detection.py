"""What anchors are asked, what the network does with padding and neighbours, and how slices become lines."""

import numpy as np
import pytest
import torch

from lstm_lib import nn, training
from lstm_lib.applied import boxes, detection, models, scenes
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.detection import OBJECTIVE, Detector


def flat(left, top, right, bottom):
    return scenes.Line("word", np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float), "")


def network(seed=0, **options):
    torch.manual_seed(seed)
    return Detector(**options).eval()


# ---------------------------------------------------------------- targets


def test_answers_made_of_the_targets_are_joined_to_the_lines_they_came_from():
    for seed in range(20):
        scene = scenes.scene(np.random.default_rng(seed), LOTS["train"], scenes.USUAL)
        kinds, places = detection.targets(scene.lines, 24, 24)
        answers = np.concatenate([np.where(kinds == 1, 5.0, -5.0)[..., None], places], axis=-1)
        found = [line.box for line in boxes.join(boxes.propose(answers, 0.5), boxes.How(reach=1, least=1))]
        wide = [line.box for line in scene.lines if line.box[2] - line.box[0] >= 24]
        assert len(boxes.match(found, wide)) == len(wide)


def test_an_anchor_that_barely_fits_is_not_asked_and_the_rest_are():
    kinds, _ = detection.targets([flat(40, 30, 80, 43)], 24, 24)
    assert (kinds[:, [4, 10]] == 0).all()  # columns outside the line
    column = kinds[:, 6]
    assert (column[:, 1] == 1).sum() == 1
    assert column[9, 1] == 1
    assert set(np.unique(kinds[:, 5:10])) == {-1, 0, 1}


def test_a_column_that_is_covered_by_less_than_half_is_background():
    kinds, _ = detection.targets([flat(37, 30, 75, 43)], 24, 24)
    assert (kinds[:, 4] == 0).all()
    assert (kinds[:, 5] == 1).any()
    assert (kinds[:, 9] == 0).all()
    assert (kinds[:, 8] == 1).any()


def test_each_slice_of_a_line_of_any_height_has_an_anchor():
    for height in range(6, 34):
        kinds, _ = detection.targets([flat(16, 40, 64, 40 + height)], 24, 24)
        assert (kinds[:, 2:8] == 1).any(axis=(0, 2)).all()


# ---------------------------------------------------------------- the network


@pytest.mark.parametrize("recurrent", [True, False])
def test_padding_changes_nothing(recurrent):
    model, rng = network(recurrent=recurrent), torch.Generator().manual_seed(1)
    narrow, wide = torch.randn(1, 32, 56, generator=rng), torch.randn(1, 32, 96, generator=rng)
    rubbish = torch.randn(1, 32, 96, generator=rng)
    rubbish[:, :, :56] = narrow
    with torch.no_grad():
        together = model(torch.cat([rubbish, wide]), torch.tensor([56, 96]))
        torch.testing.assert_close(together[:1, :, :7], model(narrow), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(together[1:], model(wide), rtol=1e-5, atol=1e-6)


def test_only_the_recurrent_row_carries_news_across_the_picture_and_no_row_hears_another():
    news = {}
    for recurrent in (True, False):
        model = network(recurrent=recurrent)
        xs = torch.zeros(1, 96, 192)
        changed = xs.clone()
        changed[:, 40:48, 8:16] = 3.0
        with torch.no_grad():
            difference = (model(changed) - model(xs)).abs().amax(dim=(0, 3, 4))
        news[recurrent] = difference[10:12].amax(dim=0)
        assert difference[0].max() == 0  # far above: the convolutions see 39 rows of pixels, and the LSTM one row
    assert (news[True][[0, 12, 23]] > 0).all()
    assert news[False][12] == 0
    assert news[False][0] > 0


def test_a_cell_sees_39_rows_and_31_columns_of_pixels_through_the_convolutions():
    model, xs = network(), torch.ones(1, 96, 192, requires_grad=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1e-2)  # nothing is cut off, and nothing cancels
    model.features(xs)[0, :, 12, 12].sum().backward()
    rows, columns = np.nonzero(xs.grad[0].numpy())
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (39, 31)


def test_the_row_is_the_lstm_of_the_library():
    assert isinstance(network().row, nn.LSTM)


def test_sides_that_are_no_whole_cells_are_refused():
    with pytest.raises(ValueError, match=r"got pictures of shape \(1, 30, 64\), expected"):
        network()(torch.zeros(1, 30, 64))


def test_pictures_of_any_size_are_made_ready_and_looked_at():
    pictures = [np.random.default_rng(0).random((37, 61)), np.zeros((9, 8)), np.eye(40)]
    answers = boxes.look(network(), pictures)
    assert [answer.shape for answer in answers] == [(10, 8, 4, 3), (3, 1, 4, 3), (10, 5, 4, 3)]
    assert all(np.isfinite(answer).all() for answer in answers)


def test_a_few_batches_make_the_loss_smaller_and_what_is_not_asked_counts_nothing():
    rng = np.random.default_rng(0)
    some = detection.batch([scenes.scene(rng, LOTS["train"], height=32, width=64) for _ in range(8)])
    model = network()
    settings = training.Settings(batches=12, lr=0.01)
    history = training.fit(model, [some], settings, objective=OBJECTIVE, progress=False, device="cpu")
    assert history.losses[-1] < 0.7 * history.losses[0]
    answers = torch.from_numpy(rng.normal(size=(*some.kinds.shape, 3)).astype(np.float32))
    tensors = detection.Batch(*(torch.from_numpy(part) for part in some))
    before = detection.loss(answers, tensors)
    answers[tensors.kinds < 0] += 10.0
    torch.testing.assert_close(detection.loss(answers, tensors), before)


def test_a_saved_network_answers_as_before(tmp_path):
    for recurrent in (True, False):
        model = network(recurrent=recurrent, channels=(4, 6, 8, 10), hidden=5)
        path = models.save(tmp_path / "it.safetensors", model, {"kind": "detection"})
        xs = torch.randn(1, 16, 32)
        with torch.no_grad():
            torch.testing.assert_close(models.load(path).network(xs), model(xs))


# ---------------------------------------------------------------- lines


def slices(*rows):
    columns, tops, bottoms, chances = np.array(rows, float).T
    return boxes.Slices(columns.astype(int), tops, bottoms, chances)


def test_slices_of_other_heights_are_other_lines():
    rows = [(2, 10, 22, 0.9), (3, 11, 23, 0.9), (4, 30, 42, 0.9), (5, 31, 43, 0.9)]
    assert len(boxes.join(slices(*rows))) == 2


def test_a_gap_is_bridged_as_far_as_the_reach():
    rows = [(2, 10, 22, 0.9), (3, 10, 22, 0.9), (6, 10, 22, 0.9), (7, 10, 22, 0.9)]
    assert [len(boxes.join(slices(*rows), boxes.How(reach=reach))) for reach in (2, 3)] == [2, 1]


def test_where_two_slices_want_the_same_neighbour_only_one_gets_it():
    rows = [(1, 14, 26, 0.8), (2, 14, 26, 0.8), (2, 9, 21, 0.95), (3, 12, 24, 0.9)]
    assert sorted(line.box[2] for line in boxes.join(slices(*rows))) == [24, 32]


def test_a_lonely_slice_and_an_unsure_line_are_dropped():
    assert boxes.join(slices((2, 10, 22, 0.9)), boxes.How(least=2)) == []
    assert boxes.join(slices((2, 10, 22, 0.5), (3, 10, 22, 0.5)), boxes.How(line=0.6)) == []


def test_a_tilted_line_keeps_its_tilt():
    rows = [(n, 10 + 1.0 * n, 22 + 1.0 * n, 0.9) for n in range(2, 9)]
    (line,) = boxes.join(slices(*rows))
    np.testing.assert_allclose(line.corners, [[16, 11.5], [72, 18.5], [72, 30.5], [16, 23.5]])


def test_of_two_lines_on_top_of_each_other_the_surer_stays():
    rows = [(2, 10, 22, 0.7), (3, 10, 22, 0.7), (3, 16, 40, 0.9), (2, 16, 40, 0.9)]
    (line,) = boxes.join(slices(*rows))
    assert line.chance == pytest.approx(0.9)


def test_of_overlapping_proposals_in_a_column_the_surest_stays():
    answers = np.full((24, 24, 4, 3), -9.0)
    answers[5, 3, 1], answers[6, 3, 1], answers[15, 3, 2] = [1, 0, 0], [2, 0, 0], [1, 0, 0]
    found = boxes.propose(answers, 0.5)
    assert found.tops.tolist() == [19.5, 53.0]
    assert found.columns.tolist() == [3, 3]


# ---------------------------------------------------------------- how well, by hand


def box(*sides):
    return np.array(sides, float)


def test_iou_by_hand():
    assert boxes.iou(box(0, 0, 4, 4), box(2, 2, 6, 6)) == pytest.approx(4 / 28)
    assert boxes.iou(box(0, 0, 4, 4), box(4, 0, 8, 4)) == 0
    assert boxes.iou(box(0, 0, 4, 4), box(0, 0, 4, 4)) == 1


def test_two_boxes_on_one_line_count_once():
    there = [box(0, 0, 10, 4)]
    judged = boxes.judge([[box(0, 0, 9, 4), box(1, 0, 10, 4)]], [there])
    assert judged == (1, 2, 1)
    assert (judged.precision, judged.recall, judged.f) == (0.5, 1.0, pytest.approx(2 / 3))


def test_one_box_over_two_lines_counts_for_one_at_most():
    there = [box(0, 0, 10, 4), box(0, 4, 10, 8)]
    assert boxes.judge([[box(0, 0, 10, 8)]], [there]) == (2, 1, 1)  # IoU is exactly a half with each
    assert boxes.judge([[box(0, 0, 10, 8.1)]], [there]) == (2, 1, 0)


def test_the_best_pairs_are_made_first():
    found, there = [box(0, 0, 10, 10), box(0, 0, 10, 7)], [box(0, 0, 10, 8), box(0, 0, 10, 12)]
    assert sorted(boxes.match(found, there)) == [(0, 1), (1, 0)]


def test_nothing_there_and_nothing_found_is_no_mistake():
    judged = boxes.judge([[]], [[]])
    assert (judged.precision, judged.recall, judged.f) == (1.0, 1.0, 1.0)
    assert boxes.judge([[box(0, 0, 1, 1)]], [[]]).f == 0.0
