"""Text from the user's disk, with an error that says what is wrong with it."""

from pathlib import Path

from circulant.core.errors import DataError


def read_lines(path: Path) -> list[str]:
    return read_text(path).splitlines()


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text, but byte {error.start} is not; convert it") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
