"""The pictures of the docs show what the console shows."""

import json
import re
from pathlib import Path

import pytest
from lxml import html

from appealbus.plugins.console.view import all_views
from tests.plugins.console.pictured import FOLDER, PEOPLE, PICTURES, SHOWN, paths, pictured, shown

_LARGEST = 120_000
_DOCS = FOLDER.parent


@pytest.mark.proof
def test_a_picture_shows_what_its_page_does(tmp_path: Path) -> None:
    """Heads, columns, buttons and menu are those that were there when the picture was made; else: `make pictures`."""
    told = json.loads(SHOWN.read_text(encoding="utf-8"))
    with pictured(tmp_path) as console:
        path, people = paths(console), {}
        for picture in PICTURES:
            if picture.role not in people:
                people[picture.role] = console.signed_in(picture.role, PEOPLE[picture.role])
            page = people[picture.role].get(path(picture))
            if picture.purpose:
                (form,) = html.fromstring(page.text).xpath("//main//form[.//input[@name='purpose']]")
                said = {**dict(form.fields), "purpose": picture.purpose}
                page = people[picture.role].post(form.action, data=said)
            assert page.status_code == 200
            assert shown(page.text) == told[picture.file.stem], f"{picture.file.name} is an old one: `make pictures`"
    assert told.keys() == {picture.file.stem for picture in PICTURES}


def test_each_view_has_its_picture_and_its_section() -> None:
    """In docs/console.md, with what it shows said for those who do not see it; each file is a page's, and small."""
    text = (_DOCS / "console.md").read_text(encoding="utf-8")
    said = re.findall(r"!\[[^\]]{20,}\]\(pictures/([\w-]+\.png)\)", text)
    assert {each.name for each in all_views()} == {picture.view for picture in PICTURES}
    assert (
        sorted(said)
        == sorted({picture.file.name for picture in PICTURES})
        == sorted(each.name for each in FOLDER.glob("*.png"))
    )
    assert [each.name for each in FOLDER.glob("*.png") if each.stat().st_size > _LARGEST] == []
