"""A path that leads nowhere hides: of a misspelt one nobody knows what it was meant for."""

from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Lookup, Query, Source, not_found
from appealbus.core.config.loading import load
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.rights import viewer
from appealbus.core.rights.fields import is_of_the_dossier, problem_of
from appealbus.core.rights.mask import TECHNICAL, Mask
from appealbus.core.rights.masked_version import masked
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.policy import Policy, read_policy
from appealbus.plugins.repeats import comparing
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.person import Person
from tests.core import kit
from tests.core.rights.made import FIELDS, dossier, value

SECRET = "Ахметова"


def mask(*hides: str, shows: tuple[str, ...] = ("*",), **given: Any) -> Mask:
    return Mask("desk", tuple(map(Pattern.parse, shows)), tuple(map(Pattern.parse, hides)), **given)


def document(*fields: str) -> dict[str, Any]:
    """Return a dossier with one signal that rests on these fields."""
    made = dossier({path: value(kind, 1) for path, kind in FIELDS.items()})
    said = {"message_ru": SECRET, "message_kk": SECRET, "fields": list(fields)}
    made["signals"] = [{"assessor": "a", "code": "a.b", "severity": "info", **said}]
    return made


def told(seen: Mask, *fields: str) -> bool:
    return "signals" in masked(seen, document(*fields))


@pytest.mark.parametrize(
    "path",
    [
        *("gbdfl.person/birth_dat", "gbdfl.persn/birth_date", "gbdfl.person.birth_date", "gbdfl.person/*", "gbdfl.*"),
        *("vendor.list/note.inner", "vendor.list/members.titel", "vendor.lists", "vendor.list/nothing"),
        *("appeal.aplicant.phone", "apeal.applicant.phone", "applicant.phone", "appeal.*", "", "number.x", "receipt.x"),
        *("appeal.text.x", "egkn.parcel[0]/rights[0].holder.nam", "gbdfl.person//birth_date", "changes.too"),
    ],
)
def test_a_signal_with_a_path_that_leads_nowhere_is_hidden(path: str) -> None:
    """Whatever the mask hides, and whatever else the signal names: nobody knows what it was meant for."""
    for seen in (mask("gbdfl.person/birth_date"), mask("appeal.applicant.phone"), TECHNICAL):
        assert not told(seen, path)
        assert not told(seen, "appeal.kind", path)
    assert told(mask(), path)  # who sees everything sees it


@pytest.mark.parametrize(
    "path", ["changes", "changes.kind", "outcomes", "gaps", "appeal.warnings", "appeal.warnings.code"]
)
def test_a_signal_that_rests_on_what_tells_of_other_fields_is_hidden(path: str) -> None:
    """It does not say on which of them: a correction, a warning, a question may be about one that is hidden."""
    for seen in (mask("appeal.applicant.phone"), mask("changes.kind", "appeal.warnings"), TECHNICAL):
        assert not told(seen, path)
    assert told(mask("gbdfl.person/birth_date"), path) == (path not in ("outcomes", "gaps"))
    assert told(mask(), path)


@pytest.mark.parametrize(
    "path",
    [
        *("appeal.kind", "appeal", "gbdfl.person/surname", "gbdfl.person", "egkn.parcel[0]/rights[0].holder.iin"),
        *("gbdfl.person/death_date", "appeal.parcels[0].note", "receipt.number", "completeness"),
        *("vendor.list/note", "vendor.list/members[0].title", "vendor.list"),
    ],
)
def test_a_signal_with_paths_that_lead_somewhere_is_shown(path: str) -> None:
    """Also where the value is absent and the model has it; of an unknown record, where it stands there."""
    whole = path not in ("appeal", "gbdfl.person")  # of which something is hidden here
    assert told(mask("appeal.applicant.phone", "gbdfl.person/birth_date"), path) == whole
    assert told(mask("address.*"), path) == (path != "completeness")  # what a hidden lookup lacks would be told


def test_what_names_unknown_fields_elsewhere_is_hidden() -> None:
    """A warning about a field that is none, a correction of one, and times of a question that was made of one."""
    made = document("appeal.kind")
    made["appeal"]["warnings"] = [{"field": "aplicant.phone", "code": "field.odd", "message": SECRET}]
    at = made["receipt"]["accepted_at"]
    note = {"kind": "corrected", "message_id": "c", "channel": "files", "dated_at": at, "fields": ["aplicant.phone"]}
    made["changes"] = [note]
    made["outcomes"][0]["inputs"] = [{"name": "phone", "value": SECRET, "path": "aplicant.phone"}]
    for seen in (mask("appeal.applicant.phone"), mask("appeal.applicant.phone", process=True)):
        shown = masked(seen, made)
        assert "aplicant" not in str(shown["appeal"].get("warnings"))
        assert "changes" not in shown
        assert SECRET not in str(shown["outcomes"])


def test_the_sender_s_names_of_unknown_fields_are_no_part_of_a_mask() -> None:
    """A warning that names them says only where it is, also in a field that is shown whole."""
    made = document("appeal.kind")
    message = f"the contract does not know {SECRET} here"
    made["appeal"]["warnings"] = [{"field": "place", "code": "field.unknown", "message": message}]
    seen = mask("appeal.applicant.phone")
    assert masked(seen, made)["appeal"]["warnings"] == [{"field": "place", "code": "field.unknown"}]
    made["appeal"]["warnings"][0]["code"] = "field.type"
    assert masked(seen, made)["appeal"]["warnings"][0]["message"] == message


class _Person(Lookup[Query, Person]):
    name = "gbdfl.person"
    purpose = "a test"

    async def ask(self, query: Query, source: Source) -> Outcome[Person]:
        return not_found()


class _Mentioned(_Person):
    name = "gbdfl.mentioned_person"
    formerly = ("gbdfl.named", "old.named", "vendor.list")


def policy(folder: Path, rules: str) -> Policy:
    """Return the policy of a mask with these rules, where two lookups are loaded that bring a person."""
    away = '[sources.address]\nconnector = "away"\n'  # of which no lookup is loaded
    (folder / "appealbus.toml").write_text(f'[bus]\npolicy = "policy.toml"\n{away}')
    (folder / "policy.toml").write_text(f"[masks.desk]\n{rules}\n")
    host = Host(lambda name, model: model())
    lookups = [_Person(), _Mentioned(), kit.lookup("vendor.list")]
    host.plugins.append(Plugin("test", "1", "test", brought={"lookups": lookups}))
    return read_policy(load(folder / "appealbus.toml", {}), host)


@pytest.mark.parametrize(
    ("rule", "hidden", "seen"),
    [
        (
            "gbdfl.person/birth_dat",
            ["gbdfl.person/birth_date", "gbdfl.person/surname"],
            ["gbdfl.person", "vendor.list/name"],
        ),
        ("gbdfl.person/address.stret", ["gbdfl.person/address.street"], ["gbdfl.person/surname"]),
        ("*/birth_dat", ["gbdfl.person/birth_date", "vendor.list/name"], ["gbdfl.person"]),
        ("gbdfl.persn/birth_date", ["gbdfl.person/birth_date", "gbdfl.persn/birth_date"], ["vendor.list/name"]),
        ("gbdlf.person/birth_date", ["gbdfl.person/birth_date", "gbdlf.person/name"], ["vendor.list/name"]),
        ("gbdfl.person.birth_date", ["gbdfl.person/birth_date"], ["vendor.list/name"]),
        ("gbdlf.person/*", ["gbdfl.person/birth_date"], ["gbdfl.person", "vendor.list"]),
        ("GBDFL.Person/birth_date", ["gbdfl.person/birth_date"], ["gbdfl.person", "vendor.list/name"]),
        ("GBDFL/birth_date", ["gbdfl.person/birth_date"], ["gbdfl.person", "vendor.list/name"]),
        ("gbdfl.persn", ["gbdfl.person", "gbdfl.person/birth_date"], ["vendor.list"]),
        ("address.thing", ["address.thing", "address.other"], ["appeal.text", "vendor.list"]),
        ("address.street", ["appeal.applicant.address", "appeal.place.address"], ["appeal.text", "vendor.list"]),
        (
            "away.thing/name",
            ["away.thing/name", "away.thing/other", "away.other/name"],
            ["away.thing", "vendor.list/name"],
        ),
    ],
)
def test_a_rule_that_hides_what_is_not_there_hides_what_is_above_it(
    tmp_path: Path, rule: str, hidden: list[str], seen: list[str]
) -> None:
    """A slip leaves nothing to be seen: what is nearest above, or whatever is called nearly so; and it is told."""
    read = policy(tmp_path, f'hides = ["appeal.place", "{rule}"]')
    its = read.masks["desk"]
    for path in hidden:
        assert its.hidden(_path(path)), path
    for path in seen:
        assert not its.hidden(_path(path)), path
    (said,) = read.idle_rules
    assert said.startswith(f"{tmp_path / 'policy.toml'}:2: masks.desk.hides[1]: no ")
    assert "until it is right, it hides" in said
    assert set(masked(its, document("appeal.kind"))["hidden"]) >= {"appeal.place", rule}


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        *((f"{head}.text", "appeal.text") for head in ("APPEAL", "Appeal", "apeal", "letter")),
        ("dossier.appeal.text", 'a field of the appeal begins with "appeal."'),
        *(
            (each, "appeal.applicant.phone")
            for each in ("applicant.phone", "applicant.phne", "phone", "applicant/phone")
        ),
        *(("place.adress", "appeal.place.address"), ("addressee.nam", "appeal.addressee.name")),
        *(("representatives.iin", "appeal.representative.iin"), ("birth_date", "appeal.applicant.birth_date")),
        *(("Signals", "signals"), ("gap", "gaps"), ("Changes.reason", "changes.reason")),
        *(("gbdlf.person", "gbdfl.person"), ("APPEAL/text", "appeal.text")),
    ],
)
def test_a_rule_that_may_be_meant_for_any_field_is_an_error(tmp_path: Path, rule: str, meant: str) -> None:
    """Nobody knows what it is to hide, so nothing starts: it is told where it stands, and what to write."""
    with pytest.raises(InvalidConfig) as error:
        policy(tmp_path, f'hides = ["appeal.place", "{rule}"]')
    (said,) = error.value.problems
    assert str(said).startswith(f"{tmp_path / 'policy.toml'}:2: masks.desk.hides[1]: ")
    assert meant in str(said)


@pytest.mark.parametrize("rule", ["gbdfl.person/birth_dat", "gbdfl.persn/birth_date", "*/birth_dat", "gbdlf.*"])
def test_a_rule_that_shows_what_is_not_there_shows_nothing(tmp_path: Path, rule: str) -> None:
    """Not even that the lookup was asked; and it is told."""
    read = policy(tmp_path, f'shows = ["{rule}"]')
    its = read.masks["desk"]
    for path in ("gbdfl.person", "gbdfl.person/birth_date", "appeal.text", "number", "vendor.list/name"):
        assert its.hidden(_path(path)), path
    (said,) = read.idle_rules
    assert said.startswith(f"{tmp_path / 'policy.toml'}:2: masks.desk.shows[0]: no ")
    assert "it shows nothing" in said


def test_rules_that_lead_somewhere_are_left_as_they_are(tmp_path: Path) -> None:
    """Into maps and records of no certain form, too."""
    rules = '["gbdfl.*", "*/birth_date", "gbdfl.person/address.*", "gbdfl.mentioned_person", "signals", "*/*", "*.*"]'
    read = policy(tmp_path, f"hides = {rules}")
    assert read.idle_rules == []
    assert read.masks["desk"].hidden_rules == rules.strip("[]").replace('"', "").split(", ")


@pytest.mark.parametrize("name", ["gbdfl.mentioned_person", "gbdfl.named", "old.named", "old.*"])
def test_a_rule_about_a_lookup_holds_under_all_of_its_names(tmp_path: Path, name: str) -> None:
    """Versions name it as it was called when they were made. A name that another has now is none of its own."""
    names = ("gbdfl.mentioned_person", "gbdfl.named", "old.named")
    hides = policy(tmp_path, f'hides = ["{name}/birth_date"]')
    shows = policy(tmp_path, f'shows = ["{name}/birth_date"]')
    assert not [*hides.idle_rules, *shows.idle_rules]
    for each in names:
        assert hides.masks["desk"].hidden((each, ("birth_date",)))
        assert not hides.masks["desk"].hidden((each, ("surname",)))
        assert shows.masks["desk"].whole((each, ("birth_date",)))
        assert shows.masks["desk"].hidden((each, ("surname",)))
    for other in ("vendor.list", "gbdfl.person"):
        assert not hides.masks["desk"].hidden((other, ("birth_date",)))
        assert shows.masks["desk"].hidden((other, ("birth_date",)))


def test_all_paths_of_the_program_lead_somewhere() -> None:
    """Those by which lists, terms and comparisons are masked, and those of the built-in masks."""
    written = [*viewer._COUNTED, *viewer._BY_PROCESS, *viewer._OF_TERMS, *comparing._IDENTITY, *comparing._PARCELS]
    written += [*comparing._OUTCOME, *(path for paths in viewer._ROW.values() for path in paths)]
    assert [path for path in written if not is_of_the_dossier(path)] == []
    assert [each.text for each in TECHNICAL.shows if problem_of(each)] == []


def _path(text: str) -> Any:
    head, slash, rest = text.partition("/")
    first, _, steps = head.partition(".")
    whole = text in ("number", "signals") or first == "appeal"
    return (
        (first, tuple(steps.split(".")) if steps else ()) if whole else (head, tuple(rest.split(".")) if slash else ())
    )
