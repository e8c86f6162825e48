"""``python -m lstm_lib.use detect``: find the lines of text in pictures, and read them."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from lstm_lib.applied import boxes, detection, models, ocr, pictures, reading
from lstm_lib.applied.backgrounds import Grey

ABOUT = "find the lines of text in pictures, and read them"
LONGEST = 768  # pixels of the longer side of what the network sees; larger pictures are shrunk


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["street.png", "--scale", "2"]).scale
        2.0
    """
    this.add_argument("files", nargs="+", metavar="FILE", help="pictures; best are letters 8 to 26 pixels high")
    this.add_argument("--model", default="detection", help="a name or a file (default detection)")
    this.add_argument("--reader", default="ocr_words", help="a model that reads, or none (default ocr_words)")
    this.add_argument("--scale", type=float, default=1.0, help="enlarge or shrink pictures first (default 1)")
    this.add_argument("--sure", type=float, help="mean probability from which a line counts (default: the model's)")
    this.add_argument("--out", metavar="PNG", help="write the picture with the boxes drawn in; one FILE only")
    this.add_argument("--json", action="store_true", help="print one line of JSON a picture, for programs")


def run(arguments: argparse.Namespace) -> None:
    """Look at every picture, and then tell what was found: nothing is told or written if one cannot be looked at.

    Raises:
        ValueError: If a file is no picture, a number does not fit, or a model is for something else.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    network, card = models.load_as(detection.Detector, arguments.model, "detection")
    _expect_numbers(arguments)
    reader = None if arguments.reader == "none" else models.load_as(ocr.Reader, arguments.reader, "reading")[0]
    how = boxes.How(**card.get("how", {}))
    how = how if arguments.sure is None else how._replace(line=arguments.sure)
    opened = [pictures.open_picture(name) for name in arguments.files]
    told = []
    for name, picture in zip(arguments.files, opened, strict=True):
        small, scale = _shrunk(name, picture, arguments.scale)
        lines = boxes.detect(network, small, how)
        texts = reading.read(reader, small, lines) if reader else [None] * len(lines)
        told.append([_told(line, text, scale) for line, text in zip(lines, texts, strict=True)])
    if arguments.out:
        _draw(opened[0], told[0], Path(arguments.out))
    for name, some in zip(arguments.files, told, strict=True):
        as_json = json.dumps({"file": name, "lines": some, "model": arguments.model})
        print(as_json if arguments.json else "\n".join(_in_words(name, some)))


def _in_words(name: str, lines: list[dict[str, Any]]) -> list[str]:
    """Say what was found, a line of text on a line."""
    told = []
    for line in lines:
        left, top, right, bottom = line["box"]
        what = "" if line["text"] is None else f"  {line['text']}"
        told.append(f"{name}: {left} to {right} across, {top} to {bottom} down, {line['chance']:.2f}{what}")
    return told or [f"{name}: no text found"]


def _expect_numbers(arguments: argparse.Namespace) -> None:
    """Raise a ValueError for numbers and combinations that cannot be meant."""
    if not 0.1 <= arguments.scale <= 10:
        raise ValueError(f"got --scale {arguments.scale}, expected 0.1 to 10")
    if arguments.sure is not None and not 0 <= arguments.sure <= 1:
        raise ValueError(f"got --sure {arguments.sure}, expected 0 to 1")
    if arguments.out and len(arguments.files) > 1:
        raise ValueError(f"got --out with {len(arguments.files)} pictures, expected one")
    if arguments.out and Path(arguments.out).suffix.lower() != ".png":
        raise ValueError(f"got --out {arguments.out}, expected a name that ends in .png")


def _shrunk(name: str, picture: Grey, scale: float) -> tuple[Grey, float]:
    """Bring a picture to the size that the network looks at; return it, and the scale."""
    height, width = picture.shape
    scale = min(scale, LONGEST / max(height, width))
    size = (round(width * scale), round(height * scale))
    if min(size) < 8:
        what = f"got a picture of {width} × {height} pixels, looked at as {size[0]} × {size[1]}"
        raise ValueError(f"{name}: {what}, expected at least 8 × 8")
    if size == (width, height):
        return picture, scale
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR), np.float32), scale


def _told(line: boxes.Found, text: str | None, scale: float) -> dict[str, Any]:
    """Say of a line, in pixels of the file, what a program wants to know."""
    corners = [[round(float(x), 1), round(float(y), 1)] for x, y in line.corners / scale]
    box = [round(float(side)) for side in line.box / scale]
    return {"box": box, "corners": corners, "chance": round(line.chance, 4), "text": text}


def _draw(picture: Grey, lines: list[dict[str, Any]], path: Path) -> None:
    """Write a picture with the lines drawn in."""
    sheet = Image.fromarray(np.uint8(picture * 255)).convert("RGB")
    pen = ImageDraw.Draw(sheet)
    for line in lines:
        pen.polygon([(x, y) for x, y in line["corners"]], outline=(230, 80, 0), width=max(1, max(sheet.size) // 400))
    try:
        sheet.save(path)
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise ValueError(f"{path}: {why}, expected a file to write") from None
