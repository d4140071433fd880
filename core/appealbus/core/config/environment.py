"""Values from the environment: `APPEALBUS__SOURCES__GBDFL__URL` stands above `url` in `[sources.gbdfl]`."""

import tomllib
from collections.abc import Mapping
from typing import Any

from appealbus.core.config.locator import KeyPath
from appealbus.core.config.problems import ConfigPlace, Problem

PREFIX = "APPEALBUS__"


def override(document: dict[str, Any], env: Mapping[str, str]) -> tuple[dict[KeyPath, str], list[Problem]]:
    """Put the environment's values into the document, in place.

    A value that begins with `[` or `{` is read as a TOML list or table; all others are texts, which numbers,
    durations and booleans take too.

    Returns:
        Which variable set each path, and what could not be put anywhere.

    """
    variables: dict[KeyPath, str] = {}
    problems = []
    for variable in sorted(name for name in env if name.upper().startswith(PREFIX)):
        parts = variable[len(PREFIX) :].lower().split("__")
        try:
            variables[_put(document, parts, _value(env[variable]))] = variable
        except ValueError as error:
            problems.append(Problem(ConfigPlace(variable), "", str(error)))
    return variables, problems


def _value(text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ValueError('not a list or table of TOML; write ["a", "b"] or { env = "NAME" }') from None


def _put(document: dict[str, Any], parts: list[str], value: Any) -> KeyPath:
    if not all(parts):
        raise ValueError(f"names no key; write {PREFIX}TABLE__KEY")
    path: list[str] = []
    table = document
    for part in parts:
        path.append(_as_written(table, part))
        if len(path) == len(parts):
            table[path[-1]] = value
            break
        below = table.setdefault(path[-1], {})
        if not isinstance(below, dict):
            raise ValueError(f"{'.'.join(path)} is a value, not a table; remove it or this variable")
        table = below
    return tuple(path)


def _as_written(table: dict[str, Any], part: str) -> str:
    """Find the key as the file writes it: a variable cannot hold `-` or tell cases apart."""
    return next((key for key in table if key.lower().replace("-", "_") == part), part)
