"""Views over a real journal: which versions are seen, what is told of them, and what is not."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pytest

from appealbus.core.domain.client import Role
from appealbus.core.domain.event import EventType, FeedEntry, LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.enrichment.fields import FieldError
from appealbus.core.journal import access, documents, events, feed, log, renewing, retention
from appealbus.core.journal.appeals import lists, suspects
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages
from appealbus.core.rights.explaining import FieldHidden
from appealbus.core.rights.mask import EVERYTHING, TECHNICAL, Mask
from appealbus.core.rights.masked_version import Looks, etag
from appealbus.core.rights.past import shown_entry
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.viewer import Viewer
from appealbus.core.rights.views import Views
from appealbus.schemas import Appeal, Completeness
from appealbus.schemas.maskedxml import masked_to_xml
from appealbus.schemas.safexml import parse
from tests.core.journal.conftest import NOW
from tests.core.rights.made import FIELDS, dossier, value
from tests.services.asking import instead, through
from tests.services.journals import sqlite_journal

_DESK = Mask("desk", hides=(Pattern.parse("appeal.applicant.phone"), Pattern.parse("gbdfl.person/birth_date")))
Write: TypeAlias = Callable[..., Awaitable[AppealRow]]


@pytest.fixture(params=["sqlite", "postgresql"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    """An empty journal of each kind."""
    url = sqlite_journal(tmp_path / "journal.db")
    if request.param == "postgresql":
        url = str(request.getfixturevalue("journal_database"))
    async with await Journal.open(url) as opened:
        yield opened


@pytest.fixture
def write(journal: Journal) -> Write:
    """Write the versions of one appeal, each with other values in some fields."""

    async def versions(*changed: dict[str, int]) -> AppealRow:
        appeal = Appeal(message_id="m")
        taken = await journal.accept(NewAppeal(appeal, NOW, "bus"))
        numbers = {path: 100 + at for at, path in enumerate(FIELDS)}
        for number, others in enumerate(changed, 1):
            numbers |= others
            made = dossier({path: value(FIELDS[path], each) for path, each in numbers.items()})
            made |= {"number": taken.receipt.number, "version": number}
            made["created_at"] = (NOW + timedelta(hours=number)).isoformat()
            await journal.conclude(
                Conclusion(
                    taken.appeal_id, dossier=orjson.dumps(made), version=number, completeness=Completeness.COMPLETE
                )
            )
        while await journal.do(events.Placing()):
            pass
        row = await journal.ask(lists.appeal_row, taken.receipt.number)
        assert row is not None
        return row

    return versions


def _views(journal: Journal, mask: Mask = _DESK, **given: Any) -> Views:
    return Views(journal, Viewer("v", Role.REVIEWER, mask, **given))


_VERSIONS: tuple[dict[str, int], ...] = (
    {},
    {"appeal.applicant.phone": 900},
    {"appeal.applicant.surname": 901},
    {"gbdfl.person/birth_date": 902},
)
"""Of these the second and the fourth change what is hidden alone."""


async def test_versions_that_look_the_same_are_one(journal: Journal, write: Write) -> None:
    """The newest is the first that looks so, others are not there, and probing for numbers tells nothing."""
    row = await write(*_VERSIONS)
    views = _views(journal)
    assert [each.version for each in await views.versions(row)] == [1, 3]
    newest = await views.dossier(row)
    assert newest is not None
    assert (newest.version, newest.document["version"]) == (3, 3)
    found = {version: await views.dossier(row, version) for version in (1, 2, 3, 4, 5, 99)}
    assert [version for version, each in found.items() if each is not None] == [1, 3]
    shown = await views.row(row)
    assert (shown.version, shown.changed_at) == (3, NOW + timedelta(hours=3))


async def test_a_list_reads_no_dossier_of_a_single_version(
    journal: Journal, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sees how questions ended sees that it is there; of others the time of a version may be hidden, too."""
    row = await write({})
    read: list[str] = []
    dossier = through(journal, documents.whole)

    async def watched(number: str, version: int | None = None) -> bytes | None:
        read.append(number)
        return await dossier(number, version)

    instead(monkeypatch, journal, documents.whole, watched)
    for mask, reads, at in ((TECHNICAL, 0, row.changed_at), (_DESK, 1, NOW + timedelta(hours=1))):
        read.clear()
        views = _views(journal, mask)
        shown = await views.row(row)
        assert len(read) == reads
        assert (shown.version, shown.changed_at) == (1, at)
        newest = await views.dossier(row)
        assert newest is not None
        assert newest.version == shown.version


async def test_who_sees_all_gets_what_is_kept(journal: Journal, write: Write) -> None:
    """Byte for byte, each version."""
    row = await write(*_VERSIONS)
    views = _views(journal, EVERYTHING)
    for version in range(1, 5):
        found = await views.dossier(row, version)
        assert found is not None
        assert found.raw == await journal.ask(documents.whole, row.number, version)
    assert len(await views.versions(row)) == 4
    assert await views.row(row) == row


@pytest.mark.parametrize(
    ("mask", "told"), [(TECHNICAL, "answered"), (Mask("x", hides=(Pattern.parse("changes"),)), None)]
)
async def test_who_sees_kinds_of_changes_sees_that_an_appeal_has_ended(
    journal: Journal, write: Write, mask: Mask, told: str | None
) -> None:
    """Else what was answered looks overdue to operators."""
    row = replace(await write(*_VERSIONS), closed="answered")
    assert (await _views(journal, mask).row(row)).closed == told


async def test_the_feed_tells_of_visible_changes_alone(journal: Journal, write: Write) -> None:
    """However little is remembered, and in whichever order it is asked."""
    row = await write(*_VERSIONS)
    entries = [
        FeedEntry(at, NOW, row.appeal_id, row.public_id, row.number, at, 1, "complete", None, None)
        for at in range(1, 5)
    ]
    for looks in (Looks(), Looks(1)):
        views = Views(journal, Viewer("v", Role.REGISTRY, _DESK), looks)
        for entry in (*entries, *reversed(entries)):
            found = await views.shows(entry)
            assert (None if found is None else found.version) == (entry.version if entry.version in (1, 3) else None)
            assert await views.is_news(entry) is (found is not None)
    elsewhere = _views(journal, places=("750000000",))
    assert [await elsewhere.shows(entry) for entry in entries] == [None] * 4


async def test_looks_of_a_stricter_viewer_are_its_own(journal: Journal, write: Write) -> None:
    """Masks of one name that differ in anything, and viewers that do, are told apart by whatever remembers looks."""
    row = await write(*_VERSIONS)
    comparing = replace(_DESK, comparing=("repeats",))
    looks = Looks()
    for mask, given in ((comparing, {"channel": "portal"}), (_DESK, {}), (comparing, {"places": ("750000000",)})):
        alone = Views(journal, Viewer("v", Role.REVIEWER, mask, **given))
        shared = Views(journal, Viewer("w", Role.REVIEWER, mask, **given), looks)
        assert await shared.versions(row) == await alone.versions(row)
    masks = (_DESK, comparing, replace(_DESK, process=True), replace(_DESK, hides=()), replace(_DESK, shows=()))
    viewers = [Viewer("v", Role.REVIEWER, each) for each in masks]
    viewers += [
        replace(viewers[0], channel="portal"),
        replace(viewers[0], places=("75",)),
        replace(viewers[0], kinds=("75",)),
    ]
    assert len({Views(journal, each).eyes for each in viewers}) == len(viewers)
    assert Views(journal, replace(viewers[0], name="another")).eyes == Views(journal, viewers[0]).eyes


async def test_what_is_remembered_of_pruned_versions_hides_none(journal: Journal, write: Write) -> None:
    """Of versions that look the same the first that is left is seen, whoever has had the one before it or has not."""
    row = await write({}, {"appeal.applicant.surname": 901}, {"appeal.applicant.phone": 900})
    views = _views(journal)
    entries = (await journal.ask(feed.page, None, 10)).entries
    assert [await views.is_news(each) for each in entries] == [True, True, False]
    later = await journal.ask(documents.whole, row.number, 3)
    assert later is not None
    await retention.prune(journal, Ages(NOW - timedelta(days=1), versions=journal.now() + timedelta(days=1)))
    assert [each.version for each in await journal.ask(lists.versions, row.number)] == [3]
    (left,) = (await journal.ask(feed.page, None, 10)).entries
    assert await views.is_news(left)
    assert [each.version for each in await views.versions(row)] == [3]
    for version in (None, 3):
        found = await views.dossier(row, version)
        assert found is not None
        assert found.version == 3
    # A memory that still has the entry of the version that is gone tells of the one that is left.
    assert [await views.is_news(each) for each in entries] == [False, False, True]


async def test_a_version_by_which_an_appeal_comes_into_a_scope_is_news(journal: Journal, write: Write) -> None:
    """Though it looks like the one before, which was none of the viewer's; and the next one is none again."""
    mask = Mask("blind", hides=(Pattern.parse("appeal.kind"), Pattern.parse("appeal.applicant.phone")))
    row = await write({})
    made = orjson.loads(await journal.ask(documents.whole, row.number, 1) or b"")
    for version, phone in ((2, "1"), (3, "2")):
        made |= {"version": version}
        made["appeal"] |= {"kind": "report"}
        made["appeal"]["applicant"] |= {"phone": phone}
        await journal.conclude(
            Conclusion(row.appeal_id, dossier=orjson.dumps(made), version=version, completeness=Completeness.COMPLETE)
        )
    row = await journal.ask(lists.appeal_row, row.number) or row
    views = _views(journal, mask, kinds=("report",))
    entries = [
        FeedEntry(at, NOW, row.appeal_id, row.public_id, row.number, at, 1, "complete", "report", None)
        for at in range(1, 4)
    ]
    assert [await views.is_news(each) for each in entries[1:]] == [True, False]
    assert await views.dossier(row, 2) is not None
    assert await _views(journal, mask).dossier(row, 2) is None


async def test_the_first_version_after_a_restore_is_news(journal: Journal, write: Write) -> None:
    """It looks like the one before it, but whoever read on had another one since, which was undone."""
    row = await write({}, {"appeal.applicant.phone": 900})
    await renewing.begin_epoch(journal, 1, 0)
    made = orjson.loads(await journal.ask(documents.whole, row.number, 2) or b"") | {"version": 3, "epoch": 2}
    again = Conclusion(row.appeal_id, dossier=orjson.dumps(made), version=3, completeness=Completeness.COMPLETE)
    await journal.conclude(again)
    entries = [
        FeedEntry(at, NOW, row.appeal_id, row.public_id, row.number, at, 1, "complete", None, None) for at in (1, 2, 3)
    ]
    views = _views(journal)
    assert [await views.is_news(each) for each in entries] == [True, False, True]


async def test_a_damaged_version_stops_no_feed(journal: Journal, write: Write) -> None:
    """It is told, since nobody can say that it is none; and the next one is told, and can be read."""
    row = await write({}, {"appeal.applicant.surname": 901})
    await journal.conclude(
        Conclusion(row.appeal_id, dossier=b'{"receipt":1', version=3, completeness=Completeness.COMPLETE)
    )
    made = orjson.loads(await journal.ask(documents.whole, row.number, 2) or b"") | {"version": 4}
    await journal.conclude(
        Conclusion(row.appeal_id, dossier=orjson.dumps(made), version=4, completeness=Completeness.COMPLETE)
    )
    entries = [
        FeedEntry(at, NOW, row.appeal_id, row.public_id, row.number, at, 1, "complete", None, None)
        for at in range(1, 5)
    ]
    assert [await _views(journal).is_news(each) for each in entries] == [True] * 4
    row = await journal.ask(lists.appeal_row, row.number) or row
    newest = await _views(journal).dossier(row)
    assert newest is not None
    assert newest.version == 4


async def test_a_hidden_field_answers_the_same_whether_it_is_there_or_not(journal: Journal, write: Write) -> None:
    """Nobody looks before; and errors about other fields name none that is hidden."""
    row = await write({})
    views = _views(journal)
    for field in ("appeal.applicant.phone", "appeal.applicant.phone[0]", "gbdfl.person[k]/birth_date"):
        for version in (None, 1, 7):
            with pytest.raises(FieldHidden, match=r"^hidden$"):
                await views.explain(row, field, version)
    for field in ("appeal.applicant.iban", "gbdfl.person/nothing", "egkn.nothing", " appeal.applicant.phone"):
        with pytest.raises(FieldError) as error:
            await views.explain(row, field)
        assert "phone" not in str(error.value).replace(field, "")
        assert "birth_date" not in re.sub(r"applicant\.birth_date", "", str(error.value))
    (name,) = await views.explain(row, "appeal.applicant.surname") or []
    assert name.value == value("text", 101)
    (told,) = await views.explain(row, "gbdfl.person/surname") or []
    assert set(told.trail) == {"source", "plugin", "purpose", "legal_basis", "unchecked", "input iin"}


async def test_history_and_why_are_the_same_whatever_is_hidden(journal: Journal, write: Write) -> None:
    """Versions that are not seen are in neither, and no page ends where something hidden stands."""
    row = await write(*_VERSIONS)
    views = _views(journal)
    entries = (await views.history(row)).entries
    versions = [entry.detail["version"] for entry in entries if entry.what == EventType.VERSION]
    assert versions == [1, 3]
    assert {key for entry in entries for key in entry.detail} <= {"version", "completeness", "receivers"}
    one_by_one, after = [], 0
    while True:
        page = await views.history(row, after, 1)
        one_by_one += page.entries
        if page.next is None:
            break
        assert len(page.entries) == 1
        after = page.next
    assert one_by_one == list(entries)
    why = await views.why(row)
    assert why == {"number": row.number, "version": 3, "completeness": "complete", "gaps": [], "held": None}


async def test_a_damaged_version_is_shown_to_nobody(journal: Journal, write: Write) -> None:
    """A mask that cannot be laid over it lets nothing of it out."""
    row = await write({})
    for broken in (b"{}", b"[]", b'{"schema_version":"1","receipt":1,"appeal":"x"}', b"\xff"):
        taken = await journal.accept(NewAppeal(Appeal(message_id=broken.hex() or "-"), NOW, "bus"))
        await journal.conclude(
            Conclusion(taken.appeal_id, dossier=broken, version=1, completeness=Completeness.COMPLETE)
        )
        row = await journal.ask(lists.appeal_row, taken.receipt.number) or row
        with pytest.raises(ValueError, match=r"."):
            await _views(journal).dossier(row)


async def test_a_masked_dossier_is_good_xml(journal: Journal, write: Write) -> None:
    """With the rules of what is hidden, and without it."""
    row = await write({})
    for mask in (_DESK, TECHNICAL):
        found = await _views(journal, mask).dossier(row)
        assert found is not None
        root = parse(masked_to_xml(found.document), limit=10**6)
        assert root.tag == "{urn:appealbus:dossier:1}dossier"
        told = [item.text for item in root.iterfind("{*}hidden/{*}item")]
        assert told == mask.hidden_rules
        assert value("text", 103).encode() not in masked_to_xml(found.document)


def test_an_entity_tag_is_of_one_look() -> None:
    """Another appeal, other bytes or another form have another."""
    looks = [("a", b"x", "json"), ("b", b"x", "json"), ("a", b"y", "json"), ("a", b"x", "xml")]
    tags = {etag(*each) for each in looks}
    assert len(tags) == len(looks)
    assert all(re.fullmatch(r'"[0-9a-f]{64}"', tag) for tag in tags)


async def test_a_hidden_channel_is_not_told_by_what_happened(journal: Journal, write: Write) -> None:
    """Neither as who sent the appeal nor as what it came by."""
    row = await write({})
    whole = await _views(journal, EVERYTHING).history(row)
    accepted = next(each for each in whole.entries if each.what == EventType.ACCEPTED)
    assert accepted.actor == f"client:{row.channel}"
    for process in (False, True):
        mask = Mask("m", hides=(Pattern.parse("appeal.channel"),), process=process)
        shown = (await _views(journal, mask).history(row)).entries
        assert EventType.ACCEPTED in [each.what for each in shown]
        assert not [each for each in shown if each.actor == accepted.actor or each.about == row.channel]


@pytest.mark.parametrize("what", [EventType.ENDED, EventType.REREAD, EventType.RETRACTED])
def test_what_became_of_a_hidden_lookup_is_not_told(what: EventType) -> None:
    """Also where an entry is about its source, and whoever looks sees how the work went."""
    about = "egkn.parcel" if what == EventType.ENDED else "egkn"
    entry = LogEntry(1, NOW, what, 1, "N-1", "bus", about, {"lookup": "egkn.parcel", "reason": "read otherwise now"})
    for path, shown in (("egkn.parcel", False), ("gbdfl.person", True)):
        mask = Mask("m", hides=(Pattern.parse(path),), process=True)
        assert (shown_entry(mask, entry, {1}) is not None) == shown


async def test_what_people_wrote_is_for_auditors_and_for_themselves(journal: Journal, write: Write) -> None:
    """Purposes and reasons, in history, log and lists: others see the same mark, whatever they see else."""
    row = await write({})
    said = {"purpose": "проверка жалобы Ахметовой", "reason": "просила Ахметова"}
    await journal.do(access.Look("dossier", number=row.number, purpose=said["purpose"], by="api:desk"))
    await journal.do(access.Look("dossier", number=row.number, by="api:desk"))
    await journal.do(suspects.Hold(row.number, by="aigul", reason=said["reason"]))
    while await journal.do(events.Placing()):
        pass
    row = await journal.ask(lists.appeal_row, row.number) or row
    seen: dict[str, list[Any]] = {}
    for name, role, mask in (
        *(
            ("desk", Role.REVIEWER, EVERYTHING),
            ("other", Role.REVIEWER, EVERYTHING),
            ("namesake", Role.REVIEWER, EVERYTHING),
            ("registry", Role.REGISTRY, _DESK),
        ),
        *(("auditor", Role.AUDITOR, TECHNICAL), ("ops", Role.OPS, TECHNICAL), ("aigul", Role.REGISTRY, EVERYTHING)),
        ("portal", Role.CHANNEL, TECHNICAL),
    ):
        actor = {"aigul": "person:aigul", "namesake": "person:desk"}.get(name, f"api:{name}")
        views = Views(journal, Viewer(name, role, mask, actor=actor))
        entries = (await views.history(row)).entries
        logged = [shown for each in await journal.ask(log.history, row.number) if (shown := await views.logged(each))]
        assert [(each.what, each.detail) for each in entries] == [(each.what, each.detail) for each in logged]
        purposes = [each.detail.get("purpose") for each in entries if each.what == EventType.READ]
        reasons = [each.detail["reason"] for each in entries if each.what == EventType.HELD and "reason" in each.detail]
        shown = await views.row(row)
        held = (await views.why(row) or {})["held"]
        assert held["reason"] == shown.held_reason
        seen[name] = [*purposes, *reasons, shown.held_reason]
    purpose, reason, mark = said["purpose"], said["reason"], "[hidden]"
    assert seen == {
        "desk": [purpose, None, mark, mark],
        "other": [mark, None, mark, mark],
        "namesake": [mark, None, mark, mark],
        "registry": [mark, None, None],  # its mask does not show how the work goes
        "auditor": [purpose, None, reason, reason],
        "ops": [mark, None, reason, reason],
        "aigul": [mark, None, reason, reason],
        "portal": [mark, None, mark, mark],
    }
