"""Loading: the file, then the environment over it, then validation. Plugins validate their tables in a second stage."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from appealbus.core.config.environment import KeyPath, Locator, override
from appealbus.core.config.models import Configuration
from appealbus.core.config.permissions import readable_by_others, writable_by_others
from appealbus.core.config.problems import ConfigPlace, InvalidConfig, Problem, dotted, explain
from appealbus.core.config.types import PrivateFile, Secret, Settings
from appealbus.core.errors import ConfigError

DEFAULT_FILE = Path("appealbus.toml")
S = TypeVar("S", bound=Settings)


class SettingsFile:
    """A file of settings as it is written, and where each key stands in it.

    Attributes:
        document: everything as written, the environment's values included.
        file: the file it came from; None where there is none.
        folder: where relative paths start.
        secrets: the references to secrets that were met so far.
    """

    def __init__(
        self,
        document: dict[str, Any],
        *,
        file: Path | None = None,
        folder: Path | None = None,
        text: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.document = document
        self.file = file
        self.folder = (folder or (file.parent if file else Path())).absolute()
        self.secrets: list[Secret] = []
        self.keys: list[tuple[str, PrivateFile]] = []
        self._env = os.environ if env is None else env
        self._text = text
        self._variables: dict[KeyPath, str] = {}

    @cached_property
    def _locator(self) -> Locator:
        return Locator(self._text)

    def check(self, model: type[S]) -> S:
        """Check the whole file against a model.

        Raises:
            InvalidConfig: with everything that is wrong in it.
        """
        return self._check(model, self.document, (), (), ())

    def error(self, text: str, *path: str) -> InvalidConfig:
        """Return an error about the key at the path, to raise. `text` says what is wrong; what to write."""
        return InvalidConfig([Problem(self.where(path), dotted(path), text)])

    def where(self, path: Sequence[str | int]) -> ConfigPlace:
        """Say where the key at the path stands, or the nearest one above it: a line, or the variable that sets it."""
        for end in range(len(path), 0, -1):
            key = tuple(path[:end])
            if variable := self._variables.get(key):
                return ConfigPlace(variable)
            if line := self._locator.line(key):
                return ConfigPlace(str(self.file), line)
            if below := [name for at, name in self._variables.items() if at[:end] == key]:
                return ConfigPlace(below[0])
        return ConfigPlace(str(self.file or "settings"))

    def _check(self, model: type[S], table: Any, path: KeyPath, also: Sequence[str], problems: Sequence[Problem]) -> S:
        try:
            settings = model.model_validate(table, context={"folder": self.folder, "env": self._env})
        except ValidationError as failure:
            errors = failure.errors(include_url=False, include_input=False)
            below = [explain({**error, "loc": _real(table, error["loc"])}, model, also) for error in errors]
            problems = [*problems, *(Problem(self.where(path + at), dotted(path + at), text) for at, text in below)]
            raise InvalidConfig(problems) from None
        if problems:
            raise InvalidConfig(problems)
        for at, secret in _secrets(settings):
            key = f"{self.where(path + at)}: {dotted(path + at)}"
            if isinstance(secret, Secret):
                secret.key = key
                self.secrets.append(secret)
            else:
                self.keys.append((key, secret))
        return settings


class Loaded(SettingsFile):
    """A configuration that the bus has checked, and what others need to check their part of it.

    Attributes:
        settings: the bus's own part.
    """

    def __init__(
        self,
        document: dict[str, Any],
        *,
        file: Path | None = None,
        folder: Path | None = None,
        text: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(document, file=file, folder=folder, text=text, env=env)
        self._variables, problems = override(document, self._env)
        document.setdefault("bus", {})  # so that its defaults too are validated, and find the folder
        self.settings = self._check(Configuration, document, (), (), problems)

    def validate(self, model: type[S], *path: str) -> S:
        """Check the table at the path, such as `"sources", "gbdfl"`, against the model of its owner.

        Keys that the bus itself reads there (`connector`, `guard`, `kind`) are left out. A table that nobody
        wrote counts as empty.

        Raises:
            InvalidConfig: with everything that is wrong in this table.
        """
        table: Any = self.document
        for part in path:
            table = table.get(part, {}) if isinstance(table, dict) else {}
        ours = self._read_of(path)
        if isinstance(table, dict):
            table = {key: value for key, value in table.items() if key not in ours}
        return self._check(model, table, path, ours, ())

    def _read_of(self, path: Sequence[str]) -> tuple[str, ...]:
        """Return what the bus itself reads of a table whose other keys belong to a factory of some plugin."""
        table: Any = self.settings
        for part in path:
            table = table.get(part) if isinstance(table, dict) else getattr(table, part, None)
        shared = isinstance(table, Settings) and table.model_config.get("extra") == "allow"
        return tuple(type(table).model_fields) if shared else ()

    def unreadable_secrets(self) -> list[str]:
        """Read all secrets met so far; return what is wrong with those that cannot be read."""
        wrong = []
        for secret in self.secrets:
            try:
                secret.get()
            except ConfigError as error:
                wrong.append(str(error))
        return wrong

    def open_secrets(self) -> list[str]:
        """Say which of the secrets and private keys met so far others may read."""
        problems = [secret.open_to_others() for secret in self.secrets]
        problems += [(problem := readable_by_others(file)) and f"{key}: {problem}" for key, file in self.keys]
        return list(filter(None, problems))


def _real(table: Any, loc: Sequence[Any]) -> tuple[str | int, ...]:
    """Drop from the place of an error what the document does not have, such as the names of a union's members."""
    real: list[str | int] = []
    for number, part in enumerate(loc):
        if (isinstance(table, dict) and part in table) or (isinstance(table, list) and part in range(len(table))):
            table = table[part]
        elif part != "[key]" and not (isinstance(table, dict) and number == len(loc) - 1):
            continue
        real.append(part)
    return tuple(real)


def _secrets(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Secret | PrivateFile]]:
    match value:
        case Secret() | PrivateFile():
            yield path, value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name), (*path, name))
        case dict():
            for key, inner in value.items():
                yield from _secrets(inner, (*path, str(key)))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _secrets(inner, (*path, index))


def load(file: Path | None = None, env: Mapping[str, str] | None = None) -> Loaded:
    """Load a configuration. Without a file: `appealbus.toml` in the current folder, or else the defaults.

    Raises:
        InvalidConfig: with everything that is wrong in the bus's own part.
    """
    if file is None:
        if not DEFAULT_FILE.exists():
            return Loaded({}, env=env)
        file = DEFAULT_FILE
    document, text = _read(file)
    return Loaded(document, file=file, text=text, env=env)


def load_written(file: Path) -> SettingsFile:
    """Read another file of settings, which belongs to the configuration; the environment changes nothing in it.

    Raises:
        InvalidConfig: it cannot be read, or is no TOML.
    """
    document, text = _read(file)
    return SettingsFile(document, file=file, text=text)


def _read(file: Path) -> tuple[dict[str, Any], str]:
    """Return what is written in a file, and its text."""
    if problem := writable_by_others(file):
        raise InvalidConfig([Problem(ConfigPlace(str(file)), "", problem)])
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), text.replace("\r\n", "\n")
    except OSError as error:
        raise InvalidConfig([Problem(ConfigPlace(str(file)), "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidConfig([Problem(ConfigPlace(str(file), line), "", "not UTF-8; save the file as UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig([_syntax(file, text, str(error))]) from None
    except (ValueError, RecursionError):
        problem = "a number is too long, or lists are nested too deep; write values as they are"
        raise InvalidConfig([Problem(ConfigPlace(str(file)), "", problem)]) from None


def from_document(document: dict[str, Any], folder: Path | None = None, env: Mapping[str, str] | None = None) -> Loaded:
    """Check a configuration that a program made, with relative paths starting at the folder."""
    return Loaded(document, folder=folder, env={} if env is None else env)


def _syntax(file: Path, text: str, message: str) -> Problem:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    what = message[: place.start()] if place else message
    return Problem(ConfigPlace(str(file), line), "", f"not valid TOML: {what[:1].lower()}{what[1:]}; write key = value")
