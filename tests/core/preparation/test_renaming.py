"""An appeal that was taken as written is read again under other names, whatever it was written in."""

import orjson
import pytest

from appealbus.core.preparation.renaming import mapped, without
from appealbus.schemas.appeal import Appeal, PersonApplicant
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import Unreadable
from appealbus.schemas.renames import Rename, is_unknown
from appealbus.schemas.xml import APPEAL_NS
from appealbus.schemas.xmlreading import message_from_xml

ODD = ["x[*]", "*", "parcels[*]", "parcels[*].x[*].y", "applicant.y.z", "a.b", "text.x", "repeats[*].x", "item"]
"""Paths that lead to nothing, or that are none."""
RENAMES = [Rename("applicant.inn", "applicant.iin"), Rename("parcels[*].cadastre", "parcels[*].cadastral_number")]
MANY = {f"x{at}": "1" for at in range(30)}
"""So many that the contract does not know: in XML the element is kept whole then."""


def in_json(applicant: dict[str, str], parcel: dict[str, str], count: int) -> Appeal:
    """Return an appeal that came in JSON, with a date of which nobody knows what it is."""
    who = {"type": "person", "birth_date": "<b>", **applicant}
    read = message_from_json(orjson.dumps({"message_id": "1", "applicant": who, "parcels": [parcel] * count}))
    assert isinstance(read, Appeal)
    return read


def in_xml(applicant: dict[str, str], parcel: dict[str, str], count: int) -> Appeal:
    """Return the same in XML."""
    who, item = ("".join(f"<{name}>{text}</{name}>" for name, text in each.items()) for each in (applicant, parcel))
    raw = (
        f'<appeal xmlns="{APPEAL_NS}"><message_id>1</message_id><applicant>'
        f"<person><birth_date>{{b</birth_date>{who}</person></applicant>"
        f"<parcels>{f'<item>{item}</item>' * count}</parcels></appeal>"
    )
    read = message_from_xml(raw.encode(), 10**6)
    assert isinstance(read, Appeal)
    return read


@pytest.mark.parametrize("sent", [in_json, in_xml])
@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("more", [{}, {"fax": "7"}, MANY], ids=["alone", "beside another", "beside many"])
def test_what_is_misnamed_is_found_and_the_rest_stays(sent, count, more) -> None:
    """The correction has what the names lead to alone; nothing of it is unknown any more, and all else still is."""
    form = sent({"surname": "А", "inn": "850101400011", **more}, {"note": "n", "cadastre": "1", **more}, count)
    found = mapped(form, RENAMES)
    assert found is not None
    given = found.correction.model_dump(exclude_none=True)
    assert given["applicant"] == {"type": "person", "iin": "850101400011"}
    assert given["parcels"] == [{"cadastral_number": "1", "note": "n"}] * count
    assert (found.renames, given.keys()) == (tuple(RENAMES), {"applicant", "parcels"})
    left = without(form, [each.path for each in RENAMES])
    texts = "".join(each.text for each in left.as_written)
    assert not any(name in texts for name in ("inn", "cadastre", "850101400011"))
    assert all(name in texts for name in more)
    assert {each.field for each in left.as_written} >= {"applicant.birth_date"}
    assert left.model_copy(update={"warnings": [], "as_written": []}) == form.model_copy(
        update={"warnings": [], "as_written": []}
    )


@pytest.mark.parametrize("sent", [in_json, in_xml])
def test_whatever_a_sender_removes_it_is_read_on(sent) -> None:
    """Paths that are none, or lead through lists and values, change nothing; what nests too deeply stays."""
    form = sent({"inn": "1", "x": "2"}, {"cadastre": "1"}, 2)
    paths = [path for path in [*ODD, "applicant.x.y", "parcels.cadastre"] if is_unknown(path)]
    assert {each.text for each in without(form, paths).as_written} == {each.text for each in form.as_written}
    nested = f"{'[' * 253}1{']' * 253}"  # read, and kept as written; one level more nobody can write
    deep = message_from_json(b'{"message_id": "1", "text": "x", "applicant": {"x": %b}}' % nested.encode())
    assert isinstance(deep, Appeal)
    assert without(deep, ["applicant.x"]) == deep
    with pytest.raises(Unreadable):
        mapped(deep, RENAMES)


def test_what_stands_between_elements_is_kept() -> None:
    """A correction is found beside attributes and texts; as nobody can put these anywhere, all stays as written."""
    raw = (
        f'<appeal xmlns="{APPEAL_NS}"><message_id>1</message_id><applicant>'
        f'<person lang="a&amp;b">A&amp;B<inn>7</inn></person></applicant></appeal>'
    )
    form = message_from_xml(raw.encode(), 10**6)
    assert isinstance(form, Appeal)
    found = mapped(form, RENAMES)
    assert found is not None
    assert found.correction.applicant == PersonApplicant(iin="7")
    assert without(form, ["applicant.inn"]) == form
