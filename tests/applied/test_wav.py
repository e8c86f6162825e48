"""Wav files: every width is read to the last bit, and what cannot be listened to is refused by name."""

import numpy as np
import odd_wavs
import pytest

from lstm_lib.applied import sound, wav


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return odd_wavs.lay_out(tmp_path_factory.mktemp("odd"))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_is_read_to_its_last_step(tmp_path, width):
    (tmp_path / "a.wav").write_bytes(odd_wavs.wav(odd_wavs.pcm(odd_wavs.HUM, width), width=width))
    found = wav.read(tmp_path / "a.wav")
    assert found.rate == 8000
    assert found.samples.dtype == np.float32
    np.testing.assert_allclose(found.samples, odd_wavs.HUM, atol=max(2.0 ** (1 - 8 * width) * 1.01, 1e-7))


def test_what_was_written_is_read(tmp_path):
    assert np.abs(wav.read(wav.write(tmp_path / "a.wav", odd_wavs.HUM)).samples - odd_wavs.HUM).max() < 2**-14


@pytest.mark.parametrize("name", odd_wavs.ODD)
def test_an_odd_file_is_refused_by_its_name_and_by_what_is_wrong(odd, name):
    with pytest.raises(ValueError, match=rf"{name}\.wav: got .*") as caught:
        wav.read(odd[name])
    assert odd_wavs.ODD[name][1] in str(caught.value)
    assert "expected" in str(caught.value) or "truncated" in str(caught.value)


def test_whatever_happens_to_a_header_is_a_sound_or_a_value_error(tmp_path):
    rng, path, told = np.random.default_rng(0), tmp_path / "a.wav", []
    for _ in range(300):
        content = bytearray(odd_wavs.GOOD)
        for at in rng.integers(0, 44, rng.integers(1, 4)):
            content[at] = rng.integers(256)
        path.write_bytes(content[: rng.integers(1, len(content))] if rng.random() < 0.3 else content)
        try:
            assert np.isfinite(wav.read(path).samples).all()
        except ValueError as error:
            told.append(str(error))
    assert len(told) > 100
    assert all(words.startswith(f"{path}: got ") for words in told)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(ValueError, match="got no file that can be read"):
            wav.read(path)


def test_a_file_that_promises_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("wave.Wave_read.readframes", lambda *_: pytest.fail("read"))
    (tmp_path / "a.wav").write_bytes(odd_wavs.wav(odd_wavs.pcm(odd_wavs.HUM), promised=2**31 - 2))
    with pytest.raises(ValueError, match="seconds, expected at most 60"):
        wav.read(tmp_path / "a.wav")


def test_a_loud_tone_at_full_scale_is_not_clipped(tmp_path):
    loud = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    for width in (1, 2, 3):
        (tmp_path / "a.wav").write_bytes(odd_wavs.wav(odd_wavs.pcm(loud, width), width=width))
        assert len(wav.read(tmp_path / "a.wav").samples) == 8000


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_another_rate_is_brought_to_ours_where_that_is_asked(tmp_path, rate):
    time = np.arange(rate // 2) / rate
    tone = 0.3 * np.sin(2 * np.pi * 300 * time) + 0.3 * np.sin(2 * np.pi * 5000 * time)  # the second has no place
    found = wav.read(odd_wavs.write(tmp_path / "a.wav", tone, rate), None)
    assert found.rate == sound.RATE
    expected = 0.3 * np.sin(2 * np.pi * 300 * np.arange(len(found.samples)) / 8000)
    assert abs(len(found.samples) - 4000) <= 1
    np.testing.assert_allclose(found.samples[100:-100], expected[100:-100], atol=2e-3)
