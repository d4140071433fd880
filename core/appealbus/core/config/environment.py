"""Where a value of the configuration stands: its line in the TOML document, or a variable of the environment.

`APPEALBUS__SOURCES__GBDFL__URL` stands above `url` in `[sources.gbdfl]`. tomllib has taken the document already, so
the scan may be lenient.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from appealbus.core.config.problems import ConfigPlace, Problem

KeyPath = tuple[str | int, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_PART = re.compile(_KEY)
_KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"(\[\[?)[ \t]*({_KEYS})[ \t]*\]\]?")
_ENTRY = re.compile(rf"({_KEYS})[ \t]*=")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_TOKEN = re.compile(
    r'"""(?:\\[\s\S]|(?!""")[^\\])*"{3,5}'
    r"|'''(?:(?!''')[\s\S])*'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[{]|[\]}]|\n"
    r"""|[^\[\]{}\n"'#]+"""
)


def _parts(keys: str) -> KeyPath:
    return tuple(next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part for part in _PART.findall(keys))


def _value_end(text: str, position: int) -> int:
    """Return where the value that starts at the position ends: at the line break outside of all brackets."""
    depth = 0
    while match := _TOKEN.match(text, position):
        if match[0] == "\n" and depth <= 0:
            break
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        position = match.end()
    return position


class Locator:
    """Maps paths of keys, such as `("sources", "gbdfl", "url")`, to lines. Elements of arrays are counted from 0."""

    def __init__(self, text: str = "") -> None:
        self._lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}
        line, counted = 1, 0
        # Positions only rise: counted from the last one, a file of 10,000 tables takes no longer than it is.
        for path, position in self._scan(text):
            line += text.count("\n", counted, position)
            counted = position
            self._lines.setdefault(path, line)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of the key, if it stands in the document by its own name."""
        return self._lines.get(path)

    def _scan(self, text: str) -> Iterator[tuple[KeyPath, int]]:
        table: KeyPath = ()
        position = 0
        while match := _BLANK.match(text, position):
            position = match.end()
            if header := _HEADER.match(text, position):
                table = self._table(_parts(header[2]), array=header[1] == "[[")
                yield from self._prefixes(table, 0, position)
                position = header.end()
            elif entry := _ENTRY.match(text, position):
                yield from self._prefixes(table + _parts(entry[1]), len(table), position)
                position = _value_end(text, entry.end())
            else:
                return

    def _table(self, keys: KeyPath, *, array: bool) -> KeyPath:
        """Resolve a header: below an array of tables, it means the newest element."""
        path: KeyPath = ()
        for part in keys[:-1]:
            path += (part,)
            path += (self._tables[path],) if path in self._tables else ()
        path += keys[-1:]
        if array:
            self._tables[path] = self._tables.get(path, -1) + 1
            path += (self._tables[path],)
        return path

    @staticmethod
    def _prefixes(path: KeyPath, start: int, position: int) -> Iterator[tuple[KeyPath, int]]:
        for end in range(start + 1, len(path) + 1):
            yield path[:end], position


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
