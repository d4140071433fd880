"""Stored forms: what another release wrote is read, kept and written again; nothing of it comes from outside."""

import copy
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from appealbus.schemas import upcasting
from appealbus.schemas.appeal import Appeal, AppealKind, Language, PersonApplicant
from appealbus.schemas.base import Model, Text
from appealbus.schemas.dossier import Completeness, Dossier
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.person import Person
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord, Record, record_to_json, stored_record
from appealbus.schemas.signal import Severity
from appealbus.schemas.stored import APPEAL, DOSSIER, INPUTS, Projection
from appealbus.schemas.upcasting import Upcaster
from appealbus.schemas.xml import to_xml

AT = "2026-11-26T10:00:00Z"
LETTER = {
    "schema_version": "1",
    "message_id": "м1",
    "kind": "complaint",
    "applicant": {"type": "person", "iin": "750301100019"},
    "parcels": [{"cadastral_number": "08-118-005-1234"}, {"note": "бақ"}],
    "due_on": "2026-12-01",
}
CODED = {"code": "1"}
PERSON = {"type": "Person", "iin": "750301100019", "birth_date": "1875-03-01"} | dict.fromkeys(
    ("gender", "citizenship", "life_status"), CODED
)
PROVENANCE = dict.fromkeys(
    ("source", "connector", "plugin", "plugin_version", "purpose", "legal_basis", "question_id"), "x"
) | {"asked_at": AT, "observed_at": AT}
DOSSIER_FORM = {
    "schema_version": "1",
    "number": "AB-1",
    "version": 2,
    "completeness": "partial",
    "created_at": AT,
    "receipt": {"number": "AB-1", "accepted_at": AT, "accepted_by": "x", "message_id": "м1", "channel": "files"},
    "appeal": LETTER,
    "facts": [{"lookup": "gbdfl.person", "key": "k", "record": PERSON, "provenance": PROVENANCE}],
    "outcomes": [{"lookup": "egkn.parcel", "key": "k", "outcome": "timed_out", "ended_at": AT}],
    "signals": [
        {"assessor": "a", "code": "c", "severity": "info", "message_ru": "р", "message_kk": "қ", "fields": ["appeal"]}
    ],
}


class Vehicle(Record):
    """A third party's record."""

    type: Literal["acme.StoredVehicle"] = "acme.StoredVehicle"
    plate: Text


def changed(form, path, value):
    """Return a form with a member, or an item after the last, at a path."""
    form = copy.deepcopy(form)
    *steps, last = path
    at = form
    for step in steps:
        at = at[step]
    at[last] = value
    return form


def again(form, kind=APPEAL):
    """Return what is read of a form, and what is written of that, of what the form says."""
    value = kind.read(to_json(form))
    return value, like(form, from_json(kind.write(value)))


def like(form, written):
    """Return of what was written only what the form has a member for: defaults are written, too."""
    if isinstance(form, dict) and isinstance(written, dict):
        return {name: like(form[name], written[name]) for name in form if name in written}
    if isinstance(form, list) and isinstance(written, list) and len(form) == len(written):
        return [like(*pair) for pair in zip(form, written, strict=True)]
    return written


def test_what_this_release_wrote_is_read_strictly():
    """Nothing stays with a value that needs it not, so that nothing costs anything."""
    appeal = APPEAL.read(to_json(LETTER))
    assert appeal == Appeal.model_validate(LETTER)
    assert appeal.__pydantic_extra__ is None
    assert APPEAL.write(appeal) == appeal.model_dump_json().encode()


@pytest.mark.parametrize("path", [("tone",), ("applicant", "tone"), ("parcels", 1, "tone"), ("text_html",)], ids=str)
def test_an_unknown_field_is_kept(path):
    """Wherever it stands, it stays with the value, is written again, and can be looked at."""
    form = changed(LETTER, path, {"of": ["a", 1.5, None]})
    appeal, written = again(form)
    assert appeal.applicant == Appeal.model_validate(LETTER).applicant or path[0] == "applicant"
    assert written == form
    assert b"tone" in to_xml(appeal) or path == ("text_html",)


def test_an_unknown_word_is_a_word():
    """It compares, hashes and is written as its text; there is one of it; and its list does not have it."""
    appeal, written = again({**LETTER, "kind": "manifesto", "language": "tr"})
    assert (appeal.kind, appeal.kind.value, appeal.language) == ("manifesto", "manifesto", "tr")
    assert isinstance(appeal.kind, AppealKind)
    assert not appeal.kind.known
    assert appeal.kind not in list(AppealKind)
    assert appeal.kind is AppealKind.stored("manifesto")
    assert appeal.kind is not Language.stored("manifesto")
    assert {AppealKind.COMPLAINT: 1}.get(appeal.kind) is None
    assert (written["kind"], written["language"]) == ("manifesto", "tr")
    assert AppealKind.stored("complaint") is AppealKind.COMPLAINT
    assert AppealKind.COMPLAINT.known
    assert (
        Appeal.model_validate({"message_id": "м", "kind": appeal.kind}).model_dump(mode="json")["kind"] == "manifesto"
    )


def test_an_outcome_of_an_unknown_kind_is_open():
    """Nobody knows that it has ended for good."""
    assert not OutcomeKind.stored("consent_withdrawn").final


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        (("schema_version",), "2", lambda appeal: appeal.kind == "complaint"),
        (("applicant",), {"type": "branch", "code": "1"}, lambda appeal: appeal.applicant is None),
        (
            ("applicant", "iin"),
            ["750301100019"],
            lambda appeal: isinstance(appeal.applicant, PersonApplicant) and appeal.applicant.iin is None,
        ),
        (("due_on",), {"on": "2026-12-01"}, lambda appeal: appeal.due_on is None),
        (("parcels", 0), "08-118-005-1234", lambda appeal: [parcel.note for parcel in appeal.parcels] == ["бақ"]),
        (("parcels",), {"a": 1}, lambda appeal: appeal.parcels == []),
        (("mentions",), {"iins": [{"value": "1"}]}, lambda appeal: appeal.mentions.iins == []),
    ],
    ids=["schema_version", "applicant", "iin", "due_on", "parcel", "parcels", "mentions"],
)
def test_what_cannot_be_read_is_set_aside(path, value, seen):
    """The smallest thing that holds it is left out; written again it is there."""
    form = changed(LETTER, path, value)
    appeal, written = again(form)
    assert seen(appeal)
    assert written == form


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"1", b"{}", b'{"kind": "complaint"}', b'{"message_id": 1}']
)
def test_damage_is_an_error(raw):
    """What is no appeal at all is damaged."""
    with pytest.raises(ValueError, match=r"\w"):
        APPEAL.read(raw)
    with pytest.raises(ValueError, match=r"\w"):
        DOSSIER.read(raw)


class _Few(Model):
    model_config = ConfigDict(extra="ignore")

    schema_version: Literal["1"] = "1"
    kind: str | None = None
    due_on: date | None = None
    applicant: Any = None


@pytest.mark.parametrize(
    "more",
    [{}, {"later": 1}, {"kind": "praise"}, {"due_on": "soon"}, {"due_on": None}, {"kind": 5}, {"text": 7}],
    ids=str,
)
def test_a_part_is_read_as_the_whole_is(more):
    """Whatever another release wrote: its fields have the values that they have in the whole form."""
    raw = to_json(LETTER | more)
    part, whole = Projection(APPEAL, _Few).read(raw), APPEAL.read(raw)
    assert (part.kind, part.due_on) == (whole.kind, whole.due_on)


def test_a_part_of_another_version_is_read_by_the_whole(monkeypatch):
    """An upcaster makes today's form of it first."""
    monkeypatch.setattr(upcasting, "UPCASTERS", [Upcaster("appeal", 0, lambda form: form | {"kind": "proposal"})])
    raw = to_json(LETTER | {"schema_version": "0"})
    assert Projection(APPEAL, _Few).read(raw).kind == "proposal"
    with pytest.raises(ValueError, match="EOF"):
        Projection(APPEAL, _Few).read(b"{")


def test_nothing_of_it_comes_from_outside():
    """The same is refused where it is no stored form, also after one was read."""
    again({**LETTER, "kind": "manifesto", "tone": "angry"})
    for wrong in ({"kind": "manifesto"}, {"tone": "angry"}, {"schema_version": "2"}):
        with pytest.raises(ValidationError):
            Appeal.model_validate({**LETTER, **wrong})
    with pytest.raises(ValueError, match="manifesto"):
        AppealKind("manifesto")


def test_a_dossier_of_the_next_release_is_read():
    """One field, kind, severity and record type more, at each place; nothing of it is lost."""
    form = changed(DOSSIER_FORM, ("appeal", "tone"), "angry")
    form = changed(form, ("facts", 0, "record", "tax_residence"), CODED)
    form = changed(form, ("facts", 0, "provenance", "consent"), "c-1")
    form = changed(form, ("outcomes", 0, "outcome"), "consent_withdrawn")
    form = changed(form, ("signals", 0, "severity"), "urgent")
    form["facts"].append({**form["facts"][0], "record": {"type": "Vessel", "name": "Абай"}})
    form |= {"completeness": "provisional", "seal": {"hash": "00"}}
    dossier, written = again(form, DOSSIER)
    assert written == form
    assert isinstance(dossier.facts[0].record, Person)
    assert dossier.facts[0].record.__pydantic_extra__ == {"tax_residence": CODED}
    assert dossier.facts[1].record == OtherRecord(type="Vessel", name="Абай")
    assert dossier.signals[0].severity is Severity.stored("urgent")
    assert dossier.completeness is Completeness.stored("provisional")
    assert b'"tax_residence"' in to_xml(dossier)


def test_a_record_is_typed_as_far_as_it_can_be():
    """One field more leaves it typed; what its model cannot be is whole as another record."""
    person = stored_record(to_json({**PERSON, "tax_residence": CODED}))
    assert isinstance(person, Person)
    assert from_json(record_to_json(person))["tax_residence"] == CODED
    nobody = {name: value for name, value in PERSON.items() if name != "birth_date"}
    assert isinstance(stored_record(to_json(nobody)), OtherRecord)
    assert from_json(record_to_json(stored_record(to_json(nobody)))) == nobody
    vehicle = stored_record(to_json({"type": "acme.StoredVehicle", "plate": "1", "colour": "ақ"}))
    assert isinstance(vehicle, Vehicle)
    assert from_json(record_to_json(vehicle)) == {"type": "acme.StoredVehicle", "plate": "1", "colour": "ақ"}
    changed_since = {"type": "acme.StoredVehicle", "plate": {"number": "1"}}
    assert from_json(record_to_json(stored_record(to_json(changed_since)))) == changed_since


TEXTS = st.text("аb1", max_size=2)
WORDS = TEXTS | st.integers() | st.none() | st.booleans()
ANYTHING = st.recursive(WORDS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner))
PLACES = [
    ("applicant",),
    ("applicant", "iin"),
    ("parcels", 0),
    ("parcels", 1, "note"),
    ("kind",),
    ("due_on",),
    ("new",),
]


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(PLACES), ANYTHING, min_size=1, max_size=4))
def test_whatever_stands_in_a_field_is_read_and_written_again(values):
    """Nothing that is set aside is lost, wherever and whatever it is."""
    form = LETTER
    for path, value in sorted(values.items(), key=lambda item: -len(item[0])):
        form = changed(form, path, value)
    appeal, written = again(form)
    assert appeal.message_id == "м1"
    assert written == form
    assert APPEAL.read(APPEAL.write(appeal)) == appeal


@pytest.fixture
def upcasters(monkeypatch):
    """The list of upcasters, empty again after the test."""
    made: list[Upcaster] = []
    monkeypatch.setattr(upcasting, "UPCASTERS", made)
    return made


def test_upcasters_lead_from_each_form_to_the_next(upcasters):
    """They are taken in order, each once; what stands in a dossier is upcast there; later forms are left alone."""
    upcasters.append(Upcaster("appeal", 2, lambda form: {**form, "said": [*form.get("said", ()), "2 to 3"]}))
    upcasters.append(Upcaster("appeal", 1, lambda form: {**form, "said": ["1 to 2"]}))
    upcasters.append(Upcaster("input", 1, lambda form: {"name": form.pop("field"), **form}))
    assert upcasting.upcast("appeal", {"schema_version": "1"}) == {"schema_version": "3", "said": ["1 to 2", "2 to 3"]}
    assert upcasting.upcast("appeal", {"schema_version": "2"}) == {"schema_version": "3", "said": ["2 to 3"]}
    assert upcasting.upcast("appeal", {"schema_version": "7"}) == {"schema_version": "7"}
    assert upcasting.upcast("appeal", {"schema_version": ["x"]}) == {"schema_version": ["x"]}
    old = changed(DOSSIER_FORM, ("outcomes", 0, "inputs"), [{"field": "iin", "value": "1", "path": "applicant.iin"}])
    dossier = DOSSIER.read(to_json(old))
    assert dossier.outcomes[0].inputs[0].name == "iin"
    assert dossier.appeal.__pydantic_extra__ == {"said": ["1 to 2", "2 to 3"], "schema_version": "3"}
    assert INPUTS.read(b'[{"field": "iin", "value": "1", "path": "p"}]')[0].name == "iin"


def test_upcasters_make_records_of_today(upcasters):
    """A record of an earlier form is upcast by its type, in a dossier and by itself."""
    upcasters.append(Upcaster("Person", 1, lambda form: {**form, "birth_date": form.pop("born")}))
    old = {("born" if name == "birth_date" else name): value for name, value in PERSON.items()}
    record = stored_record(to_json(old))
    assert isinstance(record, Person)
    assert record.birth_date == Person.model_validate(PERSON).birth_date
    assert isinstance(DOSSIER.read(to_json(changed(DOSSIER_FORM, ("facts", 0, "record"), old))).facts[0].record, Person)


def test_each_upcaster_is_known_and_leads_to_what_is_read_today():
    """The list has no gap: from each version of a form on there is a way to today's."""
    forms = {"appeal": Appeal, "dossier": Dossier, "provenance": Provenance, **Record.known}
    for upcaster in upcasting.UPCASTERS:
        versions = sorted(each.version for each in upcasting.UPCASTERS if each.form == upcaster.form)
        assert versions == list(range(1, len(versions) + 1))
        if upcaster.form in forms:
            pinned = forms[upcaster.form].model_fields["schema_version"]
            assert pinned.annotation == Literal[str(len(versions) + 1)]  # type: ignore[valid-type]


class Aliased(Record):
    """A third party's record that would be written by other names than its fields have."""

    model_config = ConfigDict(serialize_by_alias=True)

    type: Literal["acme.Aliased"] = "acme.Aliased"
    phone: Text | None = Field(default=None, alias="Telefon")


def test_a_record_is_written_by_the_names_that_paths_have():
    """Else a mask that hides a field would show it; what was written by other names is read all the same."""
    record = Aliased(Telefon="1")
    written = record_to_json(record)
    assert from_json(written) == {"type": "acme.Aliased", "phone": "1"}
    assert stored_record(written) == stored_record(record.model_dump_json().encode()) == record
