"""Which film is it: the stream obeys its rules, and the exact belief is exact."""

import numpy as np
import pytest

from lstm_lib import film


def test_every_cast_adds_up_to_one_and_scenery_says_nothing():
    np.testing.assert_allclose(film.CASTS.sum(axis=1), 1)
    assert film.CASTS.shape == (len(film.FILMS), len(film.FACES))
    for name in ("waiter", "driver"):
        assert len(set(film.CASTS[:, film.FACES.index(name)])) == 1


def test_faces_come_from_the_cast_as_often_as_it_says():
    batch = film.stream(np.random.default_rng(0), 400, 200)
    faces = film.frame_parts(batch.xs).faces.argmax(axis=2)
    for k, cast in enumerate(film.CASTS):
        counts = np.bincount(faces[batch.targets == k], minlength=len(cast))
        np.testing.assert_allclose(counts / counts.sum(), cast, atol=0.01)
        assert not counts[cast == 0].any()


def test_a_film_lasts_until_the_lights_go_out():
    batch = film.stream(np.random.default_rng(1), 50, 60, p_new=0.2)
    begins = batch.xs[..., -1] == 1
    assert begins[0].all()
    same = batch.targets[1:] == batch.targets[:-1]
    assert same[~begins[1:]].all()
    assert abs(begins[1:].mean() - 0.2) < 0.03
    np.testing.assert_array_equal(batch.xs[..., :-1].sum(axis=2), 1)


def test_the_belief_is_what_counting_many_evenings_gives():
    """Among all frames with the same history since the film began, the films are as frequent as believed."""
    batch = film.stream(np.random.default_rng(2), 60_000, 3, p_new=0.0)
    belief = film.belief(batch.xs)[-1]
    history = batch.xs[..., :-1].argmax(axis=2).T @ np.array([49, 7, 1])
    numbers, counts = np.unique(history, return_counts=True)
    for number in numbers[counts > 500]:
        here = history == number
        frequency = np.bincount(batch.targets[-1, here], minlength=3) / here.sum()
        np.testing.assert_allclose(belief[here][0], frequency, atol=0.06)


def test_the_belief_starts_again_when_a_film_begins():
    batch = film.stream(np.random.default_rng(3), 20, 30)
    begins = batch.xs[..., -1] == 1
    chances = film.CASTS.T[batch.xs[..., :-1].argmax(axis=2)]
    fresh = chances / chances.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(film.belief(batch.xs)[begins], fresh[begins])
    assert np.abs(film.belief(batch.xs) - fresh)[~begins].max() > 0.5  # elsewhere the past counts


def test_the_parts_of_frames_are_views_of_the_faces_and_of_the_flag():
    xs = np.arange(48.0).reshape(3, 2, 8)
    faces, begins = film.frame_parts(xs)
    np.testing.assert_array_equal(faces, xs[..., :7])
    np.testing.assert_array_equal(begins, xs[..., 7])
    assert np.shares_memory(faces, xs)
    assert np.shares_memory(begins, xs)


@pytest.mark.parametrize("shape", [(), (3, 7), (2, 3, 9)])
def test_frames_without_all_faces_and_the_flag_are_refused(shape):
    with pytest.raises(ValueError, match=r"got xs of shape \(.*, expected \(..., 8\): the faces and the flag"):
        film.frame_parts(np.zeros(shape))


def test_sizes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="got batch_size 2, T 0, p_new 0.1, expected sizes of at least 1"):
        film.stream(np.random.default_rng(0), 2, 0)


def test_an_impossible_history_is_named():
    xs = np.zeros((2, 1, 8))
    xs[0, 0, [1, 7]] = xs[1, 0, 2] = 1  # the butler, then the amazon, in one film
    with pytest.raises(ValueError, match="got at frame 1 a face that no film with those before it shows"):
        film.belief(xs)
