"""The text of a file, or what is the matter with it: no such file, too large, no text, another encoding."""

import codecs
from pathlib import Path

LARGEST = 200_000_000  # bytes; more would not fit into the memory of a small machine as strings or numbers of Python
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read(
    path: Path, encoding: str | None = None, *, kind: str = "a text file", advice: str = ", such as cp1252"
) -> str:
    """Return the text of a file, its line ends as they are.

    Args:
        path: The file; whoever calls puts its name before an error.
        encoding: Such as "cp1252"; None for UTF-8, or what the file's byte order mark says.
        kind: What is expected, in words.
        advice: What to try where nobody has said an encoding and it is another one.

    Raises:
        ValueError: If there is no such file, it is empty, too large, no text, or in another encoding.

    Example:
        >>> read(Path("no-such-file.txt"))
        Traceback (most recent call last):
        ...
        ValueError: no such file or directory, expected a text file
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(f"got {size:,} bytes, expected at most {LARGEST:,}")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{(error.strerror or 'cannot be read').lower()}, expected {kind}") from None
    if data.startswith(b"PK\x03\x04"):
        expected = f"expected {kind}: save a sheet as 'CSV UTF-8', or a document as plain text"
        raise ValueError(f"got a ZIP archive (as .xlsx and .docx files are), {expected}")
    marked = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    name = encoding or marked or "utf-8"
    try:
        text = data.decode(name)
    except LookupError:
        raise ValueError(f"got encoding {name!r}, expected one that Python knows, such as cp1252") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"got byte 0x{data[error.start]:02x} in line {line}, which is not {name}"
        raise ValueError(f"{what}, expected {name} or the name of its encoding{'' if encoding else advice}") from None
    if "\0" in text:
        raise ValueError(f"got a character of number 0, expected {kind} (or another encoding, such as utf-16)")
    if not text.strip():
        raise ValueError(f"got {size} bytes with nothing but blanks in them, expected {kind}")
    return text.removeprefix("\ufeff")
