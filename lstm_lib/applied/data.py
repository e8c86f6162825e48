"""Real data sets: in a folder that ``LSTM_LIB_DATA`` names, else downloaded once, and checked by their SHA-256."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """Where a file comes from ("" where nobody serves these very bytes), its SHA-256, and its licence."""

    url: str
    sha256: str
    licence: str


SOURCES = {
    "tinyshakespeare.txt": Source(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "public domain text, collected in karpathy/char-rnn",
    ),
    "fsdd.tar.gz": Source(
        "",  # GitHub packs it anew, with another sum
        "21404fcebb7f03c6d6d632772d5dcaa8376c76cd0091e8682384e45d70d77a99",
        "CC BY-SA 4.0, Jackson et al., github.com/Jakobovski/free-spoken-digit-dataset",
    ),
    "JapaneseVowels_TRAIN.ts": Source(
        "",
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        "CC BY 4.0, Kudo et al., archive.ics.uci.edu/dataset/128, in the form of timeseriesclassification.com",
    ),
    "JapaneseVowels_TEST.ts": Source(
        "",
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        "CC BY 4.0, Kudo et al., archive.ics.uci.edu/dataset/128, in the form of timeseriesclassification.com",
    ),
}


def fetch(name: str) -> Path:
    """Return the path of a data set's file.

    It is looked for in the folder that the environment variable ``LSTM_LIB_DATA`` names; else it is downloaded into
    the cache folder of the user, with a bar, and stays there.

    Args:
        name: One of ``SOURCES``.

    Raises:
        ValueError: If there is no such data set, the file is not in the folder, its content is another one, or it
            cannot be downloaded.
    """
    if name not in SOURCES:
        raise ValueError(f"got data set {name!r}, expected one of {', '.join(SOURCES)}")
    source, folder = SOURCES[name], os.environ.get("LSTM_LIB_DATA")
    if folder:
        path = Path(folder) / name
        if not path.is_file():
            raise ValueError(f"got LSTM_LIB_DATA={folder}, where there is no {name}; expected it there, or no variable")
        if (found := sha256(path)) != source.sha256:
            raise ValueError(f"{path}: got SHA-256 {found}, expected {source.sha256}; this is another file")
        return path
    if not source.url:
        what = f"{name}: got no LSTM_LIB_DATA, and nobody serves this file as it is ({source.licence})"
        raise ValueError(f"{what}; fetch it by hand, and name its folder in LSTM_LIB_DATA")
    import pooch

    where, known = pooch.os_cache("lstm_lib"), f"sha256:{source.sha256}"
    try:
        return Path(pooch.retrieve(source.url, known, fname=name, path=where, progressbar=True))
    except OSError as error:  # requests' own errors are, too
        what = f"{name}: got no answer from {source.url} ({type(error).__name__})"
        raise ValueError(f"{what}; fetch it by hand, and name its folder in LSTM_LIB_DATA") from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
