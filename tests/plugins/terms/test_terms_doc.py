"""docs/terms.md: its table is the data, and each word that the clock can say stands there."""

import re
from pathlib import Path

from appealbus.plugins.terms.tables import refresh
from appealbus.plugins.terms.words import Remark

PAGE = (Path(__file__).parents[3] / "docs" / "terms.md").read_text(encoding="utf-8")


def test_the_table_of_norms_is_the_data() -> None:
    """Whoever changes the data writes the table anew."""
    assert "<!-- norms -->" in PAGE
    assert refresh(PAGE) == PAGE


def test_every_remark_is_explained() -> None:
    """In the table of remarks, and no other one."""
    rows = PAGE.partition("| remark | when |")[2].partition("\n\n")[0]
    named = {
        name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == {each.value for each in Remark}
