"""Pictures: what can be read is read rightly, and what cannot is named; nothing is written then."""

import io
import json
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from lstm_lib import train, use
from lstm_lib.applied import ctc, lines, models, ocr, pictures


def drawn(width=60, height=24, mode="L"):
    """Draw dark writing on white."""
    page = Image.new("L", (width, height), 255)
    page.paste(0, (10, 6, 20, 18))
    page.paste(0, (30, 6, 34, 18))
    return page.convert(mode)


def as_bytes(image, form, **options):
    held = io.BytesIO()
    image.save(held, form, **options)
    return held.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_that_claims(width, height, bits=8, kind=0):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def broken_files():
    """Return files that are no picture of a line: name, content, and what is said of each."""
    png, jpeg = as_bytes(drawn(), "PNG"), as_bytes(drawn(200, 90), "JPEG")
    first = png.index(b"IDAT")
    flipped = bytearray(png)
    flipped[first + 12] ^= 0xFF
    frames = [drawn(), drawn().rotate(180)]
    return {
        "empty.png": (b"", "got an empty file"),
        "text.png": (b"this is no picture, whatever its name says", "no picture"),
        "zeros.png": (b"\0" * 500, "no picture"),
        "noise.jpg": (np.random.default_rng(0).bytes(2000), "no picture"),
        "signature_only.png": (png[:8], "damaged"),
        "truncated.png": (png[: first + 20], "damaged, cut short"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "damaged, cut short"),
        "truncated.bmp": (as_bytes(drawn(), "BMP")[:200], "damaged, cut short"),
        "truncated.tif": (as_bytes(drawn(), "TIFF")[:-300], "damaged"),
        "flipped.png": (bytes(flipped), "damaged"),
        "no_header.png": (png[:8] + png[33:], "damaged"),
        "jpeg_named.png": (jpeg, "got JPEG in a file whose name says PNG"),
        "png_named.jpg": (png, "got PNG in a file whose name says JPEG"),
        "animated.gif": (as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]), "got 2 frames"),
        "pages.tif": (as_bytes(frames[0], "TIFF", save_all=True, append_images=frames[1:]), "got 2 frames"),
        "huge.png": (png_that_claims(8_000, 8_000), "expected at most 40,000,000"),
        "bomb.png": (png_that_claims(100_000, 100_000), "too large"),
        "zero_wide.png": (png_that_claims(0, 24), "zero_wide.png: got"),
        "zero_high.png": (png_that_claims(24, 0), "zero_high.png: got"),
        "all_white.png": (as_bytes(Image.new("L", (60, 24), 255), "PNG"), "one brightness"),
        "all_black.png": (as_bytes(Image.new("L", (60, 24), 0), "PNG"), "one brightness"),
        "one_pixel.png": (as_bytes(Image.new("L", (1, 1), 255), "PNG"), "one brightness"),
        "transparent.png": (as_bytes(Image.new("RGBA", (60, 24), (0, 0, 0, 0)), "PNG"), "one brightness"),
        "numbers.tif": (as_bytes(Image.new("F", (60, 24), 0.5), "TIFF"), "32-bit numbers without a scale"),
        "integers.tif": (as_bytes(Image.new("I", (60, 24), 70_000), "TIFF"), "32-bit numbers without a scale"),
        "one_row.png": (as_bytes(rule(), "PNG"), "times as wide as high"),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><text>7</text></svg>", "no picture"),
        "document.pdf": (b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "no picture"),
    }


def rule():
    """Draw a line that is one pixel high, and no writing."""
    page = Image.new("L", (3000, 9), 255)
    page.paste(0, (10, 4, 2990, 5))
    return page


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = ocr.Reader("0123456789", height=16, channels=(4, 6), strides=((2, 2), (2, 2)), hidden=5)
    path = tmp_path_factory.mktemp("model") / "reader.safetensors"
    return str(models.save(path, network, {"kind": "reading"}))


@pytest.mark.parametrize("name", broken_files())
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_printed(name, model, tmp_path, capsys):
    content, said = broken_files()[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.png").write_bytes(as_bytes(drawn(), "PNG"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        use.main(["read", str(tmp_path / "good.png"), str(tmp_path / name), "--model", model])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert f"{name}: " in told.err
    assert said in told.err
    assert len(told.err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_reading_of_low_chance_comes_with_a_warning(model, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(as_bytes(drawn(), "PNG"))
    for more in ([], ["--json"]):
        assert use.main(["read", str(tmp_path / "a.png"), "--model", model, *more]) == 0
        told = capsys.readouterr()
        assert len(told.out.splitlines()) == 1
        (warning,) = told.err.splitlines()
        assert re.search(r"a\.png: warning: '\d*' has a chance of \S+ only", warning)


def test_most_lines_in_capitals_are_doubted_and_most_in_small_letters_are_not(tmp_path, capsys):
    doubted = {}
    for text in ("memory", "forget", "bridge", "learn", "change", "water"):
        for shown in (text, text.upper()):
            page = ImageOps.expand(ImageOps.invert(lines.draw_word(shown, "DejaVuSans", 36)), 12, 255)
            page.save(tmp_path / f"{shown}.png")
            assert use.main(["read", str(tmp_path / f"{shown}.png")]) == 0
            doubted[shown] = "no capitals" in capsys.readouterr().err
    assert sum(doubt for shown, doubt in doubted.items() if shown.isupper()) >= 3, doubted
    assert sum(doubt for shown, doubt in doubted.items() if shown.islower()) <= 1, doubted


def test_what_is_no_file_is_named(model, tmp_path, capsys):
    for name in ("missing.png", "."):
        with pytest.raises(SystemExit) as ended:
            use.main(["read", str(tmp_path / name), "--model", model])
        assert ended.value.code == 2
        assert str(tmp_path / name) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mode", "form"),
    [("1", "PNG"), ("L", "PNG"), ("P", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("I;16", "PNG")]
    + [("L", "JPEG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("L", "BMP"), ("P", "GIF"), ("L", "TIFF")],
)
def test_a_picture_is_the_same_in_every_mode_and_format(mode, form, tmp_path):
    page = Image.fromarray(np.asarray(drawn()).astype(np.uint16) * 257) if mode == "I;16" else drawn(mode=mode)
    path = tmp_path / f"a.{form.lower()}"
    path.write_bytes(as_bytes(page, form))
    found = pictures.ink(pictures.open_picture(path))
    assert np.abs(found - pictures.ink(np.asarray(drawn()) / 255)).max() < (0.15 if form == "JPEG" else 0.02)


def test_what_is_transparent_counts_as_white(tmp_path):
    black = Image.new("RGBA", (60, 24), (0, 0, 0, 0))
    black.paste((0, 0, 0, 255), (10, 6, 20, 18))
    black.save(tmp_path / "a.png")
    found = pictures.open_picture(tmp_path / "a.png")
    assert found[0, 0] == 1
    assert found[10, 15] == 0


def test_the_turn_that_a_camera_noted_is_applied(tmp_path):
    noted = Image.Exif()
    noted[0x0112] = 6  # turn by a quarter
    drawn(200, 80).rotate(90, expand=True).save(tmp_path / "a.jpg", exif=noted, quality=95)
    assert pictures.open_picture(tmp_path / "a.jpg").shape == (80, 200)
    assert np.abs(pictures.open_picture(tmp_path / "a.jpg") - np.asarray(drawn(200, 80)) / 255).mean() < 0.02


def test_light_on_dark_reads_as_dark_on_light():
    rng = np.random.default_rng(0)
    page = 1 - 0.6 * lines.render_word("gate", "cmr10", rng)
    np.testing.assert_allclose(pictures.line(page, 24), pictures.line(1 - page, 24), atol=1e-5)


def test_contrast_and_ground_around_a_line_change_nothing():
    word = lines.render_word("gate", "DejaVuSans", np.random.default_rng(0), distortion=0, height=40)
    near, far = 1 - word, np.pad(0.9 - 0.3 * word, 37, constant_values=0.9)
    np.testing.assert_allclose(pictures.line(near, 24), pictures.line(far, 24), atol=0.02)


# ---------------------------------------------------------------- a folder to learn from


def folder_of(path, labels=None, count=24):
    """Make a folder with pictures and labels."""
    rng = np.random.default_rng(0)
    texts = [str(rng.integers(10, 99)) for _ in range(count)]
    for k, text in enumerate(texts):
        picture = 255 - 255 * lines.render_word(text, "DejaVuSans", rng)
        Image.fromarray(picture.astype(np.uint8)).save(path / f"{k}.png")
    told = "".join(f"{k}.png\t{text}\n" for k, text in enumerate(texts)) if labels is None else labels
    (path / "labels.txt").write_bytes(told.encode() if isinstance(told, str) else told)
    return path


BROKEN_LABELS = {
    "missing": (None, "labels.txt: got no such file"),
    "empty": ("", "labels.txt: got no labels"),
    "blank lines": ("\n\n \n", "labels.txt: got no labels"),
    "no tab": ("0.png 12\n", "labels.txt, line 1: got '0.png 12'"),
    "two tabs": ("0.png\t1\t2\n", "labels.txt, line 1: got"),
    "no text": ("0.png\t12\n1.png\t \n", "labels.txt, line 2: got"),
    "not utf-8": (b"0.png\t\xff\xfe\n", "labels.txt: got bytes that are not UTF-8"),
    "twice": ("0.png\t12\n0.png\t13\n", "line 2: got 0.png again"),
    "outside": ("../0.png\t12\n", "expected the name of a file in the same folder"),
    "absent picture": ("0.png\t12\nnone.png\t13\n", "line 2: got none.png, and there is no such file"),
    "too few": ("0.png\t12\n1.png\t13\n", "got 2 labelled pictures, expected at least 20"),
    "too long": (f"0.png\t{'12' * 60}\n", "0.png: got a picture that gives"),
}


@pytest.mark.parametrize("name", BROKEN_LABELS)
def test_labels_that_do_not_fit_are_named_and_nothing_is_written(name, tmp_path, capsys):
    labels, said = BROKEN_LABELS[name]
    folder_of(tmp_path, labels or "", count=3)
    if labels is None:
        (tmp_path / "labels.txt").unlink()
    with pytest.raises(SystemExit) as ended:
        train.main(["read", "--folder", str(tmp_path), "--out", str(tmp_path / "out")])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert said in told.err
    assert not (tmp_path / "out").exists()


def test_a_damaged_picture_among_those_to_learn_from_is_named(tmp_path, capsys):
    folder_of(tmp_path)
    (tmp_path / "7.png").write_bytes((tmp_path / "7.png").read_bytes()[:90])
    with pytest.raises(SystemExit) as ended:
        train.main(["read", "--folder", str(tmp_path), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "7.png: got" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_label_that_only_just_fits_is_learned_however_its_picture_is_bent(tmp_path):
    folder_of(tmp_path)
    for k in range(24):  # five columns for five characters
        ImageOps.expand(Image.new("L", (6, 24), k), 8, 255).save(tmp_path / f"{k}.png")
    labels = "\n".join(f"{k}.png\t12121" for k in range(24))
    (tmp_path / "labels.txt").write_text(labels, encoding="utf-8")
    told = ["--batches", "8", "--batch-size", "1", "--hidden", "5", "--distortion", "3", "--no-progress"]
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    assert train.main(["read", "--folder", str(tmp_path), *out, *told]) == 0


def test_what_was_learned_from_a_folder_reads_from_the_command_line(tmp_path, capsys):
    folder_of(tmp_path)
    told = ["--batches", "4", "--batch-size", "4", "--hidden", "5", "--no-progress", "--device", "cpu"]
    assert train.main(["read", "--folder", str(tmp_path), "--out", str(tmp_path / "out"), *told]) == 0
    said = capsys.readouterr().out
    assert "lines that it had not seen" in said
    picture, model = str(tmp_path / "0.png"), str(tmp_path / "out" / "model.safetensors")
    assert use.main(["read", picture, "--model", model, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"file", "text", "chance", "spans", "model"}
    assert len(told["spans"]) == len(told["text"])


# ---------------------------------------------------------------- the models that are shipped


def saved_as_png(picture, path, *, dark=0.1, light=0.9):
    """Save ink as a picture with ground around it, three times as large."""
    page = np.pad(light - (light - dark) * picture, 20, constant_values=light)
    image = Image.fromarray((255 * page).astype(np.uint8))
    image.resize((3 * image.width, 3 * image.height), Image.Resampling.BICUBIC).save(path)
    return str(path)


def test_the_shipped_models_are_small_and_say_what_they_are():
    for name in ("ocr_digits", "ocr_words"):
        assert (models.FOLDER / f"{name}.safetensors").stat().st_size < 300_000
        network, card = models.load(name, kind="reading")
        assert not network.arguments["norm"]
        assert {"data", "command", "cannot", "held out"} <= set(card)
        assert any(key.startswith("in bytes") for key in card["held out"])
        assert any(key.startswith("whole") for key in card["held out"])


@pytest.mark.parametrize("dark", [0.1, 0.95])
def test_the_shipped_models_read_files_dark_on_light_and_light_on_dark(dark, tmp_path, capsys):
    rng = np.random.default_rng(5)
    for model in ("ocr_words", "ocr_digits"):
        said, files = [], []
        for k in range(12):
            if model == "ocr_digits":
                picture, text = lines.digit_line(rng, lines.digits(), count=4)
            else:
                text = lines.vocabulary()["test"][3 * k]
                picture = lines.render_word(text, lines.SEEN[k % 16], rng, distortion=0.5)
            files.append(saved_as_png(picture, tmp_path / f"{model}{k}.png", dark=dark, light=1.05 - dark))
            said.append(text)
        assert use.main(["read", *files, "--model", model]) == 0
        got = capsys.readouterr().out.splitlines()
        assert ctc.error_rate(said, got) < 0.1
