"""Features against scipy's short-time transform and filters written from the definition; resampling against scipy."""

import numpy as np
import pytest
import scipy.signal

from lstm_lib.applied import formants, sound


def filters_from_the_definition(rate, transform, mels):
    """Go through bands and frequencies one by one: a triangle in mel, 1 at its own pitch, 0 at its neighbours'."""

    def pitch(hertz):
        return 1127 * np.log(1 + hertz / 700)  # the same scale with a natural logarithm

    step = pitch(rate / 2) / (mels + 1)
    found = np.zeros((mels, transform // 2 + 1))
    for m in range(mels):
        for k in range(transform // 2 + 1):
            away = abs(pitch(k * rate / transform) - (m + 1) * step) / step
            found[m, k] = max(0.0, 1 - away)
    return found


@pytest.mark.parametrize(("rate", "N", "mels"), [(8000, 4321, 40), (16000, 9000, 23)])
def test_log_mels_are_those_of_scipy_and_of_the_definition(rate, N, mels):
    samples = np.random.default_rng(0).normal(0, 0.1, N)
    size, hop, transform = sound.sizes(rate)
    how = {"nperseg": size, "noverlap": size - hop, "nfft": transform, "boundary": None, "padded": False}
    _, _, spectrum = scipy.signal.stft(samples, rate, np.hanning(size), scaling="spectrum", **how)
    energy = np.abs(spectrum * np.hanning(size).sum()) ** 2
    expected = np.log(filters_from_the_definition(rate, transform, mels) @ energy + sound.FLOOR).T
    found = sound.log_mel(samples, rate, mels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_frame_hears_its_own_samples_and_no_later_ones():
    samples = np.random.default_rng(1).normal(0, 0.1, 2000)
    whole, part = sound.log_mel(samples), sound.log_mel(samples[:1000])
    np.testing.assert_array_equal(whole[: len(part)], part)
    assert len(part) == 1 + (1000 - 200) // 80
    changed = samples.copy()
    changed[:80] = 0  # only frame 0 has heard these
    assert (sound.log_mel(changed)[1:] == whole[1:]).all()
    assert (sound.log_mel(changed)[0] != whole[0]).any()


def test_too_few_samples_or_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"got samples of shape \(199,\), expected \(N,\) with N >= 200"):
        sound.log_mel(np.zeros(199))
    with pytest.raises(ValueError, match=r"got samples of shape \(1000, 2\)"):
        sound.log_mel(np.zeros((1000, 2)))


@pytest.mark.parametrize(("rate", "to"), [(44100, 8000), (48000, 8000), (8000, 11025), (100, 86), (100, 118)])
def test_resampling_keeps_what_fits_and_drops_the_rest(rate, to):
    n, limit = np.arange(3000), min(rate, to) / 2
    for share, kept in ((0.3, 1), (0.7, 1), (1.3, 0)):
        if share * limit > rate / 2:
            continue
        angle = 2 * np.pi * share * limit
        found = sound.resample(np.sin(angle * n / rate), rate, to)
        expected = kept * np.sin(angle * np.arange(len(found)) / to)
        edge = 80 * to // rate + 80
        assert np.abs(found - expected)[edge:-edge].max() < 2e-3, share


def test_resampling_agrees_with_scipy_on_speech():
    rng = np.random.default_rng(0)
    samples = formants.utter(rng, [1, 5, 8], rate=16000).samples
    found, expected = sound.resample(samples, 16000, 8000), scipy.signal.resample_poly(samples, 1, 2)
    assert np.sqrt(np.mean((found - expected[: len(found)])[200:-200] ** 2)) < 0.02 * np.sqrt(np.mean(expected**2))


def test_scaling_brings_training_data_to_mean_0_and_spread_1():
    rng = np.random.default_rng(0)
    features = [rng.normal(3, 2, (T, 5)).astype(np.float32) for T in (40, 60)]
    scaled = np.concatenate([sound.Scaling.of(features)(one) for one in features])
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)
    assert scaled.dtype == np.float32


# ---------------------------------------------------------------- vowels


def test_a_vowel_has_its_formants():
    rng = np.random.default_rng(0)
    who = formants.Speaker(100.0, np.ones(3), "men")
    for number, vowel in enumerate(formants.VOWELS, 1):
        samples = np.concatenate([formants.say(rng, number, 0.3, who) for _ in range(8)])
        frequency, power = scipy.signal.welch(samples, 8000, nperseg=512)
        envelope = scipy.ndimage.gaussian_filter1d(np.log(power), 3)
        peaks = frequency[scipy.signal.argrelmax(envelope)[0]]
        assert np.abs(peaks - vowel.men[0]).min() < 90, vowel.word


def test_vowels_lie_where_they_are_said_to_lie_and_are_the_same_for_the_same_seed():
    one, other = (formants.utter(np.random.default_rng(3), [2, 2, 7], noise=0.0) for _ in range(2))
    np.testing.assert_array_equal(one.samples, other.samples)
    assert one.labels == (2, 2, 7)
    inside = np.zeros(len(one.samples), bool)
    for first, after in one.times:
        inside[round(first * 8000) : round(after * 8000)] = True
    assert np.abs(one.samples[~inside]).max() == 0
    assert np.sqrt(np.mean(one.samples[inside] ** 2)) > 0.05
    assert np.abs(one.samples).max() < 1


def test_a_vowel_that_is_none_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="got vowel 11, expected 1 to 10"):
        formants.say(rng, 11, 0.2, formants.speaker(rng))
