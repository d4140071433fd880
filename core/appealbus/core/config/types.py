"""What settings are made of, for the bus and for plugins: their base, durations, paths and secrets."""

import os
import re
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from appealbus.core.config.permissions import readable_by_others, writable_by_others
from appealbus.core.errors import ConfigError


class Settings(BaseModel):
    """Base of every settings model. A field's docstring is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NoSettings(Settings):
    """For those who have nothing to set."""


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_LIMIT = 64 * 1024
"""Bytes: keys and passwords have a few thousand. More is another file, which must not fill the memory."""


def _seconds(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError('write a duration such as "500ms", "10s", "5m", "6h" or "7d"')
        return float(match[1]) * _UNITS[match[2]]
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A duration, in seconds: a number, or a text such as "500ms", "10s", "5m", "6h", "7d"."""


def _located(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder") or Path()
    return folder / path


ConfigPath = Annotated[Path, AfterValidator(_located)]
"""A path. A relative one starts at the folder of the configuration file."""


def _there(path: Path, kind: str, *, folder: bool) -> Path:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; write the path of a {kind}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; write the path of a {kind}") from None
    if is_folder is not folder:
        raise ValueError(f"{path} is no {kind}; write the path of a {kind}")
    return path


ExistingFile = Annotated[ConfigPath, AfterValidator(partial(_there, kind="file", folder=False))]
"""A path at which there must be a file when the settings are read."""


class PrivateFile(PosixPath):
    """A file whose content is a secret."""


def _private(path: Path) -> PrivateFile:
    return PrivateFile(path)


KeyFile = Annotated[ExistingFile, AfterValidator(_private)]
"""A file with a private key: where others may read it, that is told as of secrets."""

ExistingFolder = Annotated[ConfigPath, AfterValidator(partial(_there, kind="folder", folder=True))]
"""A path at which there must be a folder when the settings are read."""


class Secret:
    """A reference to a secret: `{ env = "NAME" }` or `{ file = "path" }`. Its value is read when it is needed.

    Neither repr, str nor JSON show more than the reference. `key` says which setting it is, for errors.
    """

    __slots__ = ("_env", "_environ", "_file", "key")

    def __init__(
        self, *, env: str | None = None, file: Path | str | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        if (env is None) == (file is None):
            raise ValueError("a secret has either env or file")
        self._env = env
        self._file = Path(file) if file is not None else None
        self._environ = os.environ if environ is None else environ
        self.key = "a secret"

    @property
    def reference(self) -> dict[str, str]:
        """What the configuration says."""
        return {"env": self._env} if self._env is not None else {"file": str(self._file)}

    def get(self) -> str:
        """Read the secret, without the line break at its end.

        Raises:
            ConfigError: the variable is not set or the file cannot be read; names the key.
        """
        if self._env is not None:
            value = self._environ.get(self._env, "")
            if not value:
                raise ConfigError(f"{self.key}: the environment variable {self._env} is not set; set it")
            return value
        assert self._file is not None  # noqa: S101 - the constructor saw to it
        if problem := writable_by_others(self._file):
            raise ConfigError(f"{self.key}: {problem}")
        try:
            with self._file.open("rb") as file:
                value = file.read(_SECRET_LIMIT).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ConfigError(f"{self.key}: {self._file} is not UTF-8 text; write the secret as text") from None
        except OSError as error:
            raise ConfigError(f"{self.key}: {self._file} cannot be read: {error.strerror}") from None
        if not value:
            raise ConfigError(f"{self.key}: {self._file} is empty; write the secret into it")
        return value

    def open_to_others(self) -> str | None:
        """Say who else may read its file, and what to do; None where nobody may."""
        problem = readable_by_others(self._file) if self._file is not None else None
        return problem and f"{self.key}: {problem}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a process of ours as the reference alone; its environment is the same."""
        return _travelled, (self._env, self._file, self.key)

    def __repr__(self) -> str:
        (kind, name), *_ = self.reference.items()
        return f"Secret({kind}={name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reference == other.reference

    def __hash__(self) -> int:
        return hash(tuple(self.reference.items()))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a reference alone, and write nothing else."""
        return core_schema.with_info_plain_validator_function(
            cls._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference),
        )

    @classmethod
    def _validated(cls, value: object, info: ValidationInfo) -> "Secret":
        if isinstance(value, Secret):
            return value
        context = info.context or {}
        match value:
            case {"env": str(name), **more} if not more and _ENV_NAME.fullmatch(name):
                return cls(env=name, environ=context.get("env"))
            case {"file": str(path), **more} if path and not more:
                return cls(file=(context.get("folder") or Path()) / path)
        raise PydanticCustomError("secret", 'write { env = "NAME" } or { file = "path" }, never the secret itself')


def _travelled(env: str | None, file: Path | None, key: str) -> Secret:
    made = Secret(env=env, file=file)
    made.key = key
    return made
