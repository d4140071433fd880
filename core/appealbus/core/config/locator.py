"""Where each key of a TOML document stands. tomllib has taken the document already, so the scan may be lenient."""

import re
import tomllib
from collections.abc import Iterator

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
