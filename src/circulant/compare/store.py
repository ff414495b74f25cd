"""Finished trials in one SQLite file. A row is there whole or not at all, also after a kill."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, final

from circulant.compare.codec import (
    measurements_from_text,
    measurements_to_text,
    trial_from_text,
    trial_to_text,
)
from circulant.compare.measurements import Measurements
from circulant.compare.records import Trial
from circulant.core.errors import StoreError

APPLICATION = 0x63697263  # "circ", kept in the file's header
SCHEMA_VERSION = 1
SCHEMA = (
    "CREATE TABLE trials (key TEXT PRIMARY KEY, operator TEXT NOT NULL, seed INTEGER NOT NULL, "
    "finished TEXT NOT NULL, record TEXT NOT NULL) STRICT",
    "CREATE TABLE measurements (key TEXT PRIMARY KEY, finished TEXT NOT NULL, record TEXT NOT NULL) STRICT",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
Record = TypeVar("Record", Trial, Measurements)
BUSY_SECONDS = 60.0  # to wait for another writer; a write takes milliseconds


@final
class Store:
    """Safe with several processes writing at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._guarded():
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                _open(connection, path)

    def trial(self, key: str) -> Trial | None:
        text = self._read("SELECT record FROM trials WHERE key = ?", key)
        return None if text is None else self._decoded(trial_from_text, text)

    def add_trial(self, key: str, trial: Trial) -> None:
        """The first result under a key stays."""
        row = (key, trial.operator, trial.seed, _now(), trial_to_text(trial))
        self._write("INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?, ?)", row)

    def measurements(self, key: str) -> Measurements | None:
        text = self._read("SELECT record FROM measurements WHERE key = ?", key)
        return None if text is None else self._decoded(measurements_from_text, text)

    def add_measurements(self, key: str, measurements: Measurements) -> None:
        row = (key, _now(), measurements_to_text(measurements))
        self._write("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?)", row)

    def _decoded(self, decode: Callable[[str], Record], text: str) -> Record:
        try:
            return decode(text)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(_set_aside(self.path, error)) from error

    def _read(self, query: str, key: str) -> str | None:
        with self._guarded(), closing(self._connect()) as connection:
            row = connection.execute(query, (key,)).fetchone()
        return None if row is None else str(row[0])

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        with self._guarded(), closing(self._connect()) as connection:
            connection.execute(statement, row)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what SQLite says into advice."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreError(
                f"{self.path}: expected a results file that can be read and written, got {error}; "
                "check the folder, its permissions and the free space, or choose another with --out"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(_set_aside(self.path, error)) from error


def _open(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in a new file, or make sure that an old one is ours and whole."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")  # two that create at once take turns
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        for statement in SCHEMA:
            connection.execute(statement)
    elif (application, version) != (APPLICATION, SCHEMA_VERSION):
        raise StoreError(
            f"{path}: expected a results file of circulant with schema {SCHEMA_VERSION}, got an SQLite file "
            f"of application {application:#x} with schema {version}; choose another folder with --out"
        )
    connection.execute("COMMIT")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(str(verdict).splitlines()[-1])


def _set_aside(path: Path, error: Exception) -> str:
    """Rename a damaged file with its journal; the message says where it is now."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return (
        f"{path}: expected a whole results file, but it is damaged ({error}); it was renamed to {kept.name} "
        "and left as it was. Run the same command again to start anew, or put a backup back in its place"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
