"""What comes with an extra of the package, and is missing where ``lstm_lib`` was installed without it."""

import importlib


def need(package: str, what: str, extra: str = "notebook") -> None:
    """Raise a ModuleNotFoundError that says what to install, unless the package is there.

    Args:
        package: What is imported.
        what: Who needs it, in the plural.
        extra: The extra of ``lstm_lib`` that brings it.

    Example:
        >>> need("json", "the figures")
        >>> need("no_such_package", "the figures")
        Traceback (most recent call last):
        ...
        ModuleNotFoundError: got no no_such_package, which the figures need: pip install "lstm_lib[notebook]"
    """
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        message = f'got no {package}, which {what} need: pip install "lstm_lib[{extra}]"'
        raise ModuleNotFoundError(message, name=package) from error
