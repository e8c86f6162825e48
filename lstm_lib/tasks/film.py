"""Which film is it? Faces in, verdict out: a toy stream whose best possible answer is known exactly.

Films follow one another. Each frame shows one face; a flag marks the first frame of a film (the lights go out). Some
faces appear in one film only, some in two, some in all. Shapes: T frames, B batch, F faces, K films.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_lib._array import Array
from lstm_lib.tasks import Batch

FACES = ("bat", "butler", "amazon", "queen", "runner", "waiter", "driver")
FILMS = ("Bat", "Amazon", "Alliance")
# How often each face is seen in each film. The waiter and the driver are scenery: they say nothing.
CASTS = np.array(
    [
        [0.2, 0.2, 0.0, 0.0, 0.0, 0.3, 0.3],
        [0.0, 0.0, 0.2, 0.2, 0.0, 0.3, 0.3],
        [0.15, 0.0, 0.15, 0.0, 0.1, 0.3, 0.3],
    ]
)


class FrameParts(NamedTuple):
    """The named parts of frames: views. faces (..., F): which face, one-hot; begins (...): 1 where a film begins."""

    faces: Array
    begins: Array


def frame_parts(xs: Array) -> FrameParts:
    """Split the features of frames into their named parts.

    Args:
        xs: Frames (..., F + 1), as ``stream`` draws them; any leading shape.

    Returns:
        FrameParts, views of xs.

    Raises:
        ValueError: If xs has not F + 1 features.

    Example:
        >>> faces, begins = frame_parts(stream(np.random.default_rng(0), 4, 30).xs)
        >>> faces.shape, begins.shape, begins[0].all()
        ((30, 4, 7), (30, 4), np.True_)
    """
    if np.shape(xs)[-1:] != (len(FACES) + 1,):
        raise ValueError(f"got xs of shape {np.shape(xs)}, expected (..., {len(FACES) + 1}): the faces and the flag")
    return FrameParts(xs[..., :-1], xs[..., -1])


def stream(
    rng: np.random.Generator, batch_size: int, T: int, *, p_new: float = 0.1, dtype: DTypeLike = np.float64
) -> Batch:
    """Draw films that follow one another, frame by frame.

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        T: Frames.
        p_new: Chance that a frame begins a new film.
        dtype: Of xs.

    Returns:
        Batch with D = F + 1 features (the face one-hot, the flag of a new film); the film is asked for at every frame.

    Raises:
        ValueError: If a size is below 1 or p_new is no chance.

    Example:
        >>> batch = stream(np.random.default_rng(0), 4, 30)
        >>> batch.xs.shape, batch.targets.shape
        ((30, 4, 8), (30, 4))
    """
    if batch_size < 1 or T < 1 or not 0 <= p_new <= 1:
        what = f"batch_size {batch_size}, T {T}, p_new {p_new}"
        raise ValueError(f"got {what}, expected sizes of at least 1 and a chance from 0 to 1")
    begins = rng.random((T, batch_size)) < p_new
    begins[0] = True
    drawn = rng.integers(len(FILMS), size=(T, batch_size))
    films = np.zeros((T, batch_size), int)
    for t in range(T):
        films[t] = np.where(begins[t], drawn[t], films[t - 1])
    dice = rng.random((T, batch_size, 1))
    faces = (dice > CASTS.cumsum(axis=1)[films] - 1e-12).sum(axis=2)
    xs = np.zeros((T, batch_size, len(FACES) + 1), dtype)
    shown, flags = frame_parts(xs)
    np.put_along_axis(shown, faces[..., None], 1, axis=2)
    flags[...] = begins
    return Batch(xs, films, np.ones((T, batch_size), bool))


def belief(xs: Array) -> Array:
    """Return what can be known of the film after each frame, by Bayes' rule; no player can do better.

    The chances of the faces seen since the film began are multiplied, film by film, and scaled to add up to 1.

    Args:
        xs: Frames (T, B, F + 1), as ``stream`` draws them.

    Returns:
        Probability of each film after each frame (T, B, K).

    Raises:
        ValueError: If a history is impossible, such as the butler and then the amazon in one film; says at which frame.

    Example:
        >>> frames = np.zeros((2, 1, 8))
        >>> frames[0, 0, [0, 7]] = 1  # a film begins, with the bat
        >>> frames[1, 0, 2] = 1  # then the amazon: only the Alliance has both
        >>> belief(frames).round(2).tolist()
        [[[0.57, 0.0, 0.43]], [[0.0, 0.0, 1.0]]]
    """
    faces, begins = frame_parts(xs)
    seen = CASTS.T[faces.argmax(axis=2)]  # (T, B, K)
    known = np.full(seen.shape, 1 / len(FILMS))
    prior = known[0]
    for t, likely in enumerate(seen):
        before = np.where(begins[t, :, None] == 1, 1 / len(FILMS), prior)
        chance = (before * likely).sum(axis=1, keepdims=True)
        if not chance.all():
            raise ValueError(f"got at frame {t} a face that no film with those before it shows, expected a new film")
        known[t] = before * likely / chance
        prior = known[t]
    return known
