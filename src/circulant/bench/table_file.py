"""Records in a CSV file, replaced by key; a killed run leaves the file as it was before or after."""

import csv
from collections.abc import Callable, Hashable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Generic, TypeVar, final

from circulant.bench.cells import cells_of, record_of, types_of
from circulant.core.atomic_file import write_atomically
from circulant.core.errors import StoreError

Record = TypeVar("Record")


@final
class TableFile(Generic[Record]):
    """One line for each record of a frozen dataclass of texts, numbers, truth values and enums."""

    def __init__(self, path: Path, kind: type[Record], key: Callable[[Record], Hashable]) -> None:
        self.path, self._kind, self._key = path, kind, key

    def read(self) -> list[Record]:
        """Nothing where there is no file yet."""
        if not self.path.exists():
            return []
        lines = list(csv.DictReader(StringIO(self.path.read_text(encoding="utf-8"))))
        try:
            return [record_of(self._kind, line) for line in lines]
        except (KeyError, ValueError, TypeError) as error:
            names = ", ".join(types_of(self._kind))
            raise StoreError(
                f"expected a table with the columns {names} in {self.path}, got what cannot be read "
                f"({type(error).__name__}: {error}); move the file away, or name another one"
            ) from error

    def replace(self, records: Sequence[Record]) -> None:
        """The new records stand where the old ones of the same keys stood, or at the end."""
        keys = {self._key(record) for record in records}
        old = self.read()
        places = [index for index, record in enumerate(old) if self._key(record) in keys]
        place = places[0] if places else len(old)
        kept = [(index, record) for index, record in enumerate(old) if self._key(record) not in keys]
        before = [record for index, record in kept if index < place]
        after = [record for index, record in kept if index > place]
        write_atomically(self.path, _text(self._kind, [*before, *records, *after]))


def _text(kind: type[Any], records: Sequence[Any]) -> str:
    written = StringIO()
    writer = csv.DictWriter(written, list(types_of(kind)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells_of(record) for record in records)
    return written.getvalue()
