"""The filters of the list: whoever may choose by something learns what it is."""

from types import SimpleNamespace
from typing import Any

import pytest

from appealbus.core.domain.client import Role
from appealbus.core.rights.mask import EVERYTHING, TECHNICAL, Mask
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.viewer import Viewer
from appealbus.plugins.console.views.appeals.filters import choices


def _choices(mask: Mask) -> frozenset[str]:
    page: Any = SimpleNamespace(viewer=Viewer("desk", Role.REGISTRY, mask))
    return choices(page)


@pytest.mark.parametrize("process", [False, True])
def test_nobody_chooses_by_what_tells_of_a_hidden_lookup_or_kind(process: bool) -> None:
    """By the work that waits for a lookup, by what is lacking since it is not loaded, by what is complete."""
    work = {"state", "code", "source"}
    without = _choices(Mask("desk", hides=(Pattern.parse("t.b"),), process=process))
    assert without.isdisjoint(work | {"lacking"})
    kind = _choices(Mask("desk", hides=(Pattern.parse("appeal.kind"),), process=process))
    assert ("lacking" in kind) == process
    assert ("completeness" in kind) == ("completeness" in without) == process
    field = _choices(Mask("desk", hides=(Pattern.parse("t.b/name"),), process=process))
    assert {"lacking", "completeness"} <= field
    assert all((each in field) == process for each in ("state", "code"))


def test_others_choose_by_all() -> None:
    """Who sees everything, and who sees how the work goes."""
    assert {"state", "code", "source", "lacking", "completeness", "signal"} <= _choices(EVERYTHING)
    assert {"state", "code", "lacking", "completeness"} <= _choices(TECHNICAL)
