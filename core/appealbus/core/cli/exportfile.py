"""An append-only file that survives crashes without duplicate or lost rows, and the rows of an export."""

import csv
import fcntl
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from appealbus.core.errors import AppealBusError
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.shapes import ModelOf, OneOf, Scalar, Shape, fields_of


class NotOurs(AppealBusError):
    """The file is no export that can be continued; the text says why and what to do."""


class ExportFile:
    """An output with a small file beside it, `OUTPUT.cursor`, that records its complete part.

    The cursor is written after the rows are on disk. Data beyond its length stems from a crashed run and is
    truncated. Only an export of the same `what` can be continued.
    """

    def __init__(self, path: Path, what: Mapping[str, Any]) -> None:
        self._path = path
        self._mark = path.with_name(f"{path.name}.cursor")
        self._what = dict(what)
        self._size = 0
        self.cursor: str | None = None
        """End of the earlier run; None: this is the first one."""

    def __enter__(self) -> Self:
        mark = self._read_mark()
        if mark is None:
            if self._path.exists():
                raise NotOurs(f"{self._path} is there, and no {self._mark.name} beside it; write another --output")
            # Before the file itself: a run that dies before its first rows is gone on with as any other.
            self._write_mark({"cursor": None, "bytes": 0, "what": self._what})
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise NotOurs(f"{self._path} is being written by another export; let it end") from None
        try:
            self._go_on()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def _go_on(self) -> None:
        mark = self._read_mark()  # once more: another one may have written since
        if mark is None:
            raise NotOurs(f"{self._mark} is gone; write another --output")
        if mark["what"] != self._what:
            raise NotOurs(f"{self._path} is another export; go on with its options, or write another --output")
        if os.fstat(self._file).st_size < mark["bytes"]:
            raise NotOurs(f"{self._path} is shorter than {self._mark.name} says; write another --output")
        self._size, self.cursor = mark["bytes"], mark["cursor"]
        os.ftruncate(self._file, self._size)
        os.lseek(self._file, self._size, os.SEEK_SET)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._file)

    def add(self, rows: bytes, cursor: str) -> None:
        """Append rows and record the cursor; both are on disk on return."""
        left = memoryview(rows)
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)
        self._size += len(rows)
        self.cursor = cursor
        self._write_mark({"cursor": cursor, "bytes": self._size, "what": self._what})

    def _read_mark(self) -> dict[str, Any] | None:
        try:
            mark = orjson.loads(self._mark.read_bytes())
            cursor = None if mark["cursor"] is None else str(mark["cursor"])
            return {"cursor": cursor, "bytes": int(mark["bytes"]), "what": mark["what"]}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise NotOurs(f"{self._mark} cannot be read; write another --output") from None

    def _write_mark(self, mark: Mapping[str, Any]) -> None:
        new = self._mark.with_name(f"{self._mark.name}.new")
        with new.open("wb") as file:
            file.write(orjson.dumps(mark))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._mark)
        with suppress(OSError):  # not every file system lets a folder be synced
            folder = os.open(self._mark.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters of a cell that a spreadsheet takes for a formula."""
_OF_DOSSIER = ("position", "id", "number", "version", "epoch", "completeness", "created_at")
LOG_COLUMNS = ("position", "at", "what", "number", "actor", "about", "detail")


def _scalars(model: type[Model], prefix: str = "") -> list[str]:
    names: dict[str, None] = {}
    for field in fields_of(model):
        names |= dict.fromkeys(_below(field.shape, f"{prefix}{field.name}"))
    return list(names)


def _below(shape: Shape, path: str) -> list[str]:
    match shape:
        case Scalar():
            return [path]
        case ModelOf():
            return _scalars(shape.model, f"{path}.")
        case OneOf():
            return [f"{path}.type", *(scalar for _, model in shape.models for scalar in _scalars(model, f"{path}."))]
        case _:
            return []


_APPEAL = [scalar for scalar in _scalars(Appeal) if scalar not in ("schema_version", "number")]
DOSSIER_COLUMNS = (*_OF_DOSSIER, *(f"appeal.{name}" for name in _APPEAL), "found", "missing", "signals")
"""Scalar fields of an appeal; of lists, the found records, the gaps and the signals."""


def dossier_row(row: Mapping[str, Any]) -> list[Any]:
    document = row["dossier"]
    cells = [row.get(name, document.get(name)) for name in _OF_DOSSIER]
    cells += [_at(document.get("appeal"), path) for path in _APPEAL]
    cells.append(" ".join(fact["lookup"] for fact in document.get("facts", ())))
    cells.append(" ".join(f"{gap['lookup']}:{gap['outcome']}" for gap in document.get("gaps", ())))
    cells.append(" ".join(signal["code"] for signal in document.get("signals", ())))
    return cells


def log_row(row: Mapping[str, Any]) -> list[Any]:
    return [orjson.dumps(row[name]).decode() if name == "detail" else row[name] for name in LOG_COLUMNS]


def as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, with formulas neutralized."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def as_lines(rows: Sequence[Any]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
