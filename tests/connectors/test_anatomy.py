"""Every connector has the same anatomy: who knows one finds the way in all of them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appealbus.connectors import builtin
from appealbus.core import Factory
from appealbus.core.loading.extension_points import KINDS, PartKind
from appealbus.core.loading.host import Host

FOLDER = Path(builtin.__file__).parent
MODULES = {"connectors": "wire", "intakes": "intake", "deliveries": "delivery", "work_queues": "work"}


def registered() -> list[Any]:
    """Return all factories that ship, each with its kind."""
    host = Host(lambda name, model: model())
    host.load([], [])
    kinds = [kind for kind in KINDS if kind.table]
    return [
        pytest.param(kind, factory, id=f"{kind.plural}-{factory.name}")
        for kind in kinds
        for factory in host.brought(kind.plural).values()
    ]


@pytest.mark.parametrize(("kind", "factory"), registered())
def test_each_part_is_where_its_kind_belongs(kind: PartKind, factory: Factory[Any]) -> None:
    """A wire in `wire.py`, an intake in `intake.py` and so on, its settings in `settings.py` beside it."""
    made = factory.make.func if isinstance(factory.make, partial) else factory.make
    package, _, module = made.__module__.rpartition(".")
    assert package.startswith("appealbus.connectors.")
    assert module == MODULES[kind.plural]
    assert factory.settings.__module__ == f"{package}.settings"


@pytest.mark.parametrize("wire", sorted(FOLDER.rglob("wire.py")), ids=lambda wire: wire.parent.name)
def test_a_folder_with_a_wire_is_whole(wire: Path) -> None:
    """Its face, its settings, and what failures mean."""
    here = {file.name for file in wire.parent.iterdir()}
    assert {"__init__.py", "settings.py", "outcomes.py"} <= here
