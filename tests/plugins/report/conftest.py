"""What tests of figures share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appealbus.plugins.report.store import Store


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the files that a test has opened."""
    opened: list[Store] = []
    make = Store.__init__

    def made(store: Store, path: Path | None) -> None:
        make(store, path)
        opened.append(store)

    monkeypatch.setattr(Store, "__init__", made)
    yield
    for each in opened:
        each.close()
