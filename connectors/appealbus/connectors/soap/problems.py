"""What is wrong in a contract: notes about what is left out, and errors collected so that all are reported at once."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from appealbus.core import ConfigError

_MOST_IMPORTERS = 3


@dataclass(slots=True)
class ContractNotes:
    """Lines in words, without duplicates."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, why: str) -> None:
        line = f"{what}: {why}"
        if line not in self.lines:
            self.lines.append(line)


class Problems:
    """Documents that are missing or outside the contract's folder, each with its importers; and unreadable ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.missing: defaultdict[str, list[str]] = defaultdict(list)
        self.outside: defaultdict[str, list[str]] = defaultdict(list)
        self.unreadable: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.missing) + len(self.outside) + len(self.unreadable)

    def report(self, entry: Path) -> None:
        """Raise ConfigError if there are problems."""
        lines = [f"{location}: {why}" for location, why in self.unreadable.items()]
        if self.missing:
            lines.append(
                f"{entry}: the contract needs documents that are not here, and nothing is fetched from the network:"
            )
            lines += [
                f"  {address} (imported by {listed(by, _MOST_IMPORTERS)})" for address, by in self.missing.items()
            ]
            urls = [address for address in self.missing if "://" in address or address.startswith("urn:")]
            if urls:
                lines.append("save each as a file, and name it in the catalog, one line each (URL, tab, file):")
                lines += [f"  {url}\t{_file_name(url)}" for url in urls]
        if self.outside:
            lines.append(f"{entry}: the contract imports files outside its folder {self._folder}, which are not read:")
            lines += [f"  {file} (imported by {listed(by, _MOST_IMPORTERS)})" for file, by in self.outside.items()]
            lines.append(f"copy them into the folder, or name them in the catalog{self._or_wider()}")
        if lines:
            raise ConfigError(*lines)

    def _or_wider(self) -> str:
        common = os.path.commonpath([str(self._folder.resolve()), *map(os.path.dirname, self.outside)])
        is_root = os.path.dirname(common) == common
        return "" if is_root else f', or write `folder = "{common}"` if all of that is the contract'


def _file_name(url: str) -> str:
    return re.split("[?#]", url)[0].rstrip("/").rpartition("/")[2] or "schema.xsd"


def listed(items: Iterable[str], most: int, separator: str = ", ") -> str:
    """Return the first items, and how many more there are."""
    shown = list(dict.fromkeys(items))
    more = [f"{len(shown) - most} more"] if len(shown) > most else []
    return separator.join([*shown[:most], *more])
