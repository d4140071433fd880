"""Quarantine: by reason; a message without what it says; what would become of it, done as it was shown and once."""

import ast
import json
import re
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.connectors.files.reading import read_appeals
from appealbus.core.bus.intake.decoding import MAX_BYTES, Unacceptable, decode
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.interfaces.intake import Inbound, Quarantined
from appealbus.core.journal import log, quarantine
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine, QuarantineRow
from appealbus.core.language import ReaderLanguage
from appealbus.core.lazy_text import told
from appealbus.plugins.console.views.now.queries import Now
from appealbus.plugins.console.views.quarantine.details import REASONS_KEPT
from appealbus.plugins.console.views.quarantine.hiding import _names
from appealbus.plugins.console.views.quarantine.queries import REASONS
from appealbus.plugins.console.views.quarantine.showing import shown
from appealbus.plugins.console.words import Words
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World

SECRET = "Қонысбаева"
WHY = "their register is mended"
Ids = Callable[[Journal], Coroutine[Any, Any, list[int]]]


def kept(*raws: bytes, code: str = "message.kills", channel: str = "files") -> Ids:
    """Put messages into quarantine as they would be after some trouble; return their ids."""

    async def work(journal: Journal) -> list[int]:
        rows = [
            NewQuarantine(datetime.now(UTC), channel, f"{code}:{at}", "three died", raw, "application/json", code, None)
            for at, raw in enumerate(raws)
        ]
        return [await journal.do(row) for row in rows]

    return work


def received(*raws: bytes, channel: str = "files") -> Ids:
    """Have messages come as they do; return the ids of those that went into quarantine."""

    async def work(journal: Journal) -> list[int]:
        reception = Reception(journal, BusSettings())
        taken = [await reception.accept(Inbound(channel, f"a.jsonl:{at}", raw)) for at, raw in enumerate(raws)]
        return [each.quarantine_id for each in taken if isinstance(each, Quarantined)]

    return work


def letter(message_id: str, text: str = "Жер", number: str = "") -> bytes:
    """Return an appeal that can be taken."""
    named = f', "number": "{number}"' if number else ""
    return f'{{"message_id": "{message_id}", "kind": "report", "text": "{text}"{named}}}'.encode()


def press(who: httpx.Client, page: httpx.Response, to: str, **more: str) -> httpx.Response:
    """Send the form of a page that goes to a path, as it stands there."""
    form = re.search(rf'action="/console{to}".*?</form>', page.text, re.DOTALL)
    assert form is not None, page.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    return who.post(f"/console{to}", data={**hidden, **more})


def log_of(console: World, quarantine_id: int) -> list[tuple[str, str, str]]:
    """Return what the log says of a message: what, who, why."""

    async def work(journal: Journal) -> list[tuple[str, str, str]]:
        row = await journal.ask(quarantine.quarantine_row, quarantine_id)
        assert row is not None
        entries = await journal.ask(quarantine.of_quarantine, row)
        return [(each.what, each.actor, str(each.detail.get("reason", ""))) for each in entries]

    return console.do(work)


def test_what_waits_is_counted_by_reason_and_paged(console: World) -> None:
    """Each reason in words and as a code leads to its messages, all of them, a page at a time; others see nothing."""
    console.do(kept(*(b"[%d]" % at for at in range(60)), code="appeal.invalid"))
    console.do(kept(b"{", code="json.malformed", channel="portal"))
    ops = console.signed_in("ops")
    groups = ops.get("/console/quarantine").text
    assert re.search(r"It is no appeal of a version.*?</th>\s*<td class=\"number\">60<", groups, re.DOTALL)
    assert "Это не JSON" in ops.get("/console/quarantine?lang=ru").text
    only = ops.get("/console/quarantine?channel=portal&lang=en").text
    assert ("json.malformed" in only, "appeal.invalid" in only) == (True, False)
    found, path = [], "/console/quarantine?code=appeal.invalid"
    while path:
        page = ops.get(path).text
        found += [int(each) for each in re.findall(r'<th scope="row".*?/quarantine/(\d+)"', page)]
        more = re.search(r'rel="next" href="([^"]*)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert (len(found), all(a < b for a, b in pairwise(found))) == (60, True)
    tried = ops.get("/console/quarantine/try?code=appeal.invalid").text
    assert (tried.count("would be refused</span>"), "Try the next ones" in tried) == (50, True)
    assert console.signed_in("auditor").get("/console/quarantine").status_code == 403
    assert console.signed_in("ops", "region", places=("750000000",)).get("/console/quarantine").status_code == 403
    now: Any = SimpleNamespace(sources=(), due_query=str)
    where = Now.where(
        now, Finding(Severity.CRITICAL, told("quarantine {name}", name="a&b"), [], told("")), {"quarantine"}
    )
    assert where == "/quarantine?channel=a%26b"


def test_what_a_message_says_is_hidden_without_a_purpose(console: World) -> None:
    """How it is built is shown; what it says to those alone whose mask hides nothing, for a purpose, and noted."""
    raw = f'{{"message_id": "m-1", "{SECRET}": 1,\n "text": "Я, {SECRET}" "kind": "report"}}'.encode()
    (one,) = console.do(received(raw))
    ops, chief = console.signed_in("ops"), console.signed_in("ops", "chief")
    path = f"/console/quarantine/{one}"
    page = ops.get(path)
    for said in ("json.malformed", "line 2, at character", "<mark>&#34;kind&#34;</mark>", "put into quarantine"):
        assert said in page.text, said
    csrf = csrf_of(page)
    assert ops.post(f"{path}/unmask", data={"csrf": csrf, "purpose": "a look"}).status_code == 403
    hidden = chief.get(path)
    assert not [each for each in (page, hidden) if SECRET in each.text]
    assert chief.post(f"{path}/unmask", data={"csrf": csrf_of(hidden), "purpose": " "}).status_code == 422
    seen = chief.post(f"{path}/unmask", data={"csrf": csrf_of(hidden), "purpose": "a call of the sender"})
    assert seen.text.count(SECRET) == 2
    (other,) = console.do(received(b"{" + raw))
    token = seen.url.params["seen"]
    assert SECRET not in chief.get(f"/console/quarantine/{other}", params={"seen": token}).text
    assert SECRET not in ops.get(path, params={"seen": token}).text

    async def looks(journal: Journal) -> list[dict[str, Any]]:
        return [dict(each.detail) for each in (await journal.ask(log.page, what=["read"], limit=1000)).entries]

    mine = [each for each in console.do(looks) if each["as"] == "quarantine"]
    assert mine == [{"as": "quarantine", "id": one, "purpose": "a call of the sender"}]


@pytest.mark.proof
def test_it_is_done_as_it_was_shown_and_once(console: World) -> None:
    """What would be taken is taken, with the reason on record; twice is once; what changed meanwhile stays."""
    ids = console.do(kept(letter("t-1"), letter("t-2"), letter("t-3"), b"[", code="message.kills"))
    console.do(received(letter("t-2")))
    ops = console.signed_in("ops", "saken")
    shown_ = ops.get("/console/quarantine/try?code=message.kills")
    assert [shown_.text.count(f"{word}</span>") for word in ("would be taken", "is here already")] == [2, 1]
    assert "not JSON, at character 2" in shown_.text
    assert len(console.do(lambda journal: journal.ask(lists.appeals, limit=100))) == 9  # nothing was changed
    console.do(received(letter("t-3")))  # and one of them is something else now
    done = press(ops, shown_, "/quarantine/take", reason=WHY)
    assert "2 messages are taken" in done.text
    assert "1 is no more as it was shown" in done.text
    again = press(ops, shown_, "/quarantine/take", reason=WHY)
    assert "0 messages are taken" in again.text
    assert log_of(console, ids[0])[1:] == [("replayed", "person:saken", WHY)]
    assert [len(log_of(console, each)) for each in ids] == [2, 2, 1, 1]
    closed = press(ops, ops.get("/console/quarantine/try?code=message.kills"), "/quarantine/close", reason="no letter")
    assert "1 message is closed." in closed.text
    assert log_of(console, ids[3])[1:] == [("closed", "person:saken", "no letter")]
    assert "person:saken" not in ops.get(f"/console/quarantine/{ids[3]}").text
    for state, number in (("replayed", 2), ("closed", 1)):
        page = ops.get(f"/console/quarantine?state={state}").text
        assert page.count('<th scope="row"') == number
        (last,) = re.findall(r'/console/quarantine/(\d+)">', page)[-1:]
        assert f">{last}<" in page


def test_what_one_takes_another_does_not_close(console: World) -> None:
    """Pressed at the same time by two, a message is taken or closed, and never both."""
    ids = console.do(kept(letter("c-1"), letter("c-2"), code="message.interrupted"))
    people = console.signed_in("ops", "saken"), console.signed_in("ops", "dina")
    tried = people[0].get("/console/quarantine/try?code=message.interrupted")
    (messages,) = re.findall(r'name="messages" value="([^"]*)"', tried.text)
    given_ = [{"csrf": csrf_of(who.get("/console/quarantine")), "reason": WHY, "messages": messages} for who in people]
    with ThreadPoolExecutor() as pool:
        for who, to, data in zip(people, ("take", "close"), given_, strict=True):
            pool.submit(who.post, f"/console/quarantine/{to}", data=data)
            time.sleep(0.05)
    assert [len(log_of(console, each)) for each in ids] == [2, 2]


def test_a_letter_of_its_own_is_taken_under_an_id_or_a_number_of_ours(console: World) -> None:
    """Where id or number are another's it says so; with an id from the person, or as its own, it can be taken."""
    (differs,) = console.do(received(letter("d", "one"), letter("d", "two")))
    console.do(received(letter("n-1", number="Ж-5")))
    (same,) = console.do(kept(letter("n-2", number="Ж-5"), code="message.defect"))
    ops = console.signed_in("ops", "saken")
    path = f"/quarantine/{differs}"
    tried = ops.get(f"/console{path}/try")
    assert "Its message id belongs to another message." in tried.text
    assert 'href="/console/appeals/' in tried.text
    under = press(ops, tried, f"{path}/under", message_id="of-another-kind")
    assert ("would be taken" in under.text, "of-another-kind" in str(under.url)) == (True, False)
    assert "1 message is taken" in press(ops, under, "/quarantine/take", reason=WHY).text
    assert "0 messages are taken" in press(ops, under, "/quarantine/take", reason=WHY).text
    tried = ops.get(f"/console/quarantine/{same}/try")
    assert "message.came_meanwhile" in tried.text
    closed = press(ops, ops.get(f"/console/quarantine/{same}"), "/quarantine/close", reason="a copy")
    assert "1 message is closed." in closed.text
    assert ops.get(f"/console/quarantine/{same}/try").status_code == 409
    anyway = ops.get(f"/console/quarantine/{same}/try?anyway=1")
    assert "1 message is taken" in press(ops, anyway, "/quarantine/take", reason=WHY).text
    rows = console.do(lambda journal: journal.ask(lists.appeals, limit=100))
    assert {each.message_id: each.number for each in rows}.keys() >= {"of-another-kind", "n-1", "n-2"}
    assert ops.get(f"/console/quarantine/{same}/try?anyway=1").status_code == 409


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/999", 404),
        ("/999999999999999999999", 404),
        ("/x", 404),
        ("?state=x", 400),
        ("?code=%00%1b", 200),
        ("?code=appeal.invalid&after=1'", 400),
        ("?code=" + "x" * 300, 400),
        ("?state=closed&after=1", 400),
        ("?state=closed&after=99999999999999999.1", 200),
        ("?state=replayed&after=999999999999999999.1", 400),
        ("/try?code=none", 200),
        ("/try?after=-1", 400),
    ],
)
def test_what_there_is_not_is_said(console: World, path: str, status: int) -> None:
    """Forged ids, queries and forms are refused in words."""
    ops = console.signed_in("ops")
    assert ops.get(f"/console/quarantine{path}").status_code == status
    csrf = csrf_of(ops.get("/console/quarantine"))
    for to in ("take", "close"):
        for messages in ("", "x", "1:a,", ",".join(map(str, range(60)))):
            given_ = {"csrf": csrf, "reason": WHY, "messages": messages}
            assert ops.post(f"/console/quarantine/{to}", data=given_).status_code == 400
        assert ops.post(f"/console/quarantine/{to}", data={"csrf": csrf, "messages": "1"}).status_code == 422


def row(raw: bytes, code: str, reason: str = "", media_type: str = "application/json") -> QuarantineRow:
    """Return a message in quarantine."""
    return QuarantineRow(1, datetime.now(UTC), "files", "a:1", reason, raw, media_type, code=code)


XML = "application/xml"
MARKED = [
    (row(b'{"text": "no end', "json.malformed", "not JSON, at character 10"), '"…', (1, 10)),
    (row(b'{"a": 1,\n"b"', "json.malformed", "not JSON, at character 13"), "", (2, 4)),
    (row(b'{"kind": "\xff"', "json.malformed", "not JSON, as it is not in UTF-8"), "…", (1, 11)),
    (row(b"[" * 2_000_000, "json.malformed", "not JSON, or nested too deeply"), "[", (1, 255)),
    (row(b'"' * 4_000_000, "json.malformed", "not JSON, at character 3999999"), '"…"', (1, 3_999_999)),
    (row(b'{"schema_version": 7}', "appeal.invalid", "schema_version: the bus knows version 1"), "…", (1, 20)),
    (row(b'{"message_id": "m", "x": 1}', "message.differs", "its message id belongs to A"), '"…"', (1, 16)),
    (row(b"<a>\n<text>x</b>", "xml.malformed", "not well-formed XML (line 2, column 11)", XML), "</…>", (2, 8)),
    (row(b"<!DOCTYPE a><a/>", "xml.doctype", "", XML), "<!DOCTYPE", (1, 1)),
    (row(b"<" * 4_000_000, "xml.malformed", "XML (line 1, column 3000000)", XML), "<", (1, 3_000_000)),
    (row(b"\x00\xfe\x01" * 1_000_000, "message.unreadable"), "…", (1, 2)),
    (row(b"\xff\xfe\x00\xd8" + b"\x00\xd8" * 2_000_000, "xml.malformed", "no XML", XML), "", (0, 0)),
    (row(b"{}", "message.kills", "three died"), "", (0, 0)),
]


@pytest.mark.parametrize(("it", "marked", "place"), MARKED)
def test_the_problem_is_marked(it: QuarantineRow, marked: str, place: tuple[int, int]) -> None:
    """Where whoever read it stopped, or in the field that it is about; of megabytes a page has some KB."""
    found = shown(it, values=False)
    assert (found.marked, (found.line, found.column)) == (marked, place)
    for part in (found, shown(it, values=True)):
        assert len(part.before + part.marked + part.after) < 30_000
        assert part.left_out[0] + part.left_out[1] + 6200 >= part.size


@given(st.text() | st.binary(), st.integers(0, 60), st.sampled_from(["json.malformed", "xml.malformed", "x"]))
def test_nothing_that_somebody_wrote_is_shown(said: str | bytes, at: int, code: str) -> None:
    """Of whatever comes the contract's own names and punctuation are all that is left."""
    raw = said if isinstance(said, bytes) else f'{{"text": "{said}", {said}: "<{said} a=\'{said}\'>{said}"}}'.encode()
    for media_type in ("application/json", XML):
        part = shown(row(raw, code, f"at character {at} (line 1, column {at})", media_type), values=False)
        text = part.before + part.marked + part.after
        assert set(re.findall(r"\w+", text)) <= _names() | {"CDATA", "DOCTYPE"}
        assert not re.search(r"[^\w\s{}\[\]:,\"…<>/!?-]", text)


def test_what_steers_a_page_is_written_out() -> None:
    """Marks of direction and control characters are seen, also by those who may see what a message says."""
    part = shown(row('{"text": "\u202eabc\x1b[2J\u2066"}'.encode(), "message.kills"), values=True)
    assert r"\u202eabc\x1b[2J\u2066" in part.after


@pytest.mark.parametrize(
    ("raw", "media_type", "said"),
    [
        (b'{"kind": nothing}', "application/json", "не JSON: ошибка на символе 10"),
        (b"\xff", "application/json", "не JSON: кодировка не UTF-8"),
        (b"[]", "application/json", "не объект JSON"),
        (b'{"schema_version": "7"}', "application/json", "schema_version: шина знает только версию 1"),
        (b'{"type": "change"}', "application/json", "в изменении нет ни номера обращения"),
        (b'{"message_id": 5}', "application/json", "message_id: нужен текст от 1 до 200 символов"),
        (b"<a>\n<b></a>", "application/xml", "документ – неправильный XML (строка 2"),
        (b"<letter/>", "application/xml", "корень – не элемент appeal"),
        (b" " * (MAX_BYTES + 1), "application/json", f"в сообщении байтов: {MAX_BYTES + 1}; допустимо: {MAX_BYTES}"),
    ],
)
def test_a_reason_is_told_in_the_readers_language(raw: bytes, media_type: str, said: str) -> None:
    """It is kept in English, with what differs from one to another; what nobody has foreseen stays as it is."""
    with pytest.raises(Unacceptable) as refused:
        decode(Inbound("portal", "p:1", raw, media_type))
    told_ = REASONS_KEPT.of(str(refused.value), Words(ReaderLanguage.RUSSIAN))
    assert (told_.text[: len(said)], told_.lang) == (said, "ru")
    assert REASONS_KEPT.of(str(refused.value), Words(ReaderLanguage.ENGLISH)) == (str(refused.value), "en")
    assert REASONS_KEPT.of("kind: there is no such word", Words(ReaderLanguage.KAZAKH)).lang == "en"
    assert REASONS_KEPT.of("queue: the queue was full", Words(ReaderLanguage.KAZAKH)).lang == "kk"
    assert REASONS_KEPT.of("the letters: queue was full", Words(ReaderLanguage.KAZAKH)).lang == "en"
    (whole,) = REASONS_KEPT.parts(str(refused.value), Words(ReaderLanguage.RUSSIAN))
    assert whole == told_


def test_what_is_wrong_with_fields_is_told_one_by_one() -> None:
    """As earlier releases and intakes of others wrote it; what nobody has foreseen stays in English."""
    reason = "kind: Field required; due_on: by magic"
    told_ = REASONS_KEPT.parts(reason, Words(ReaderLanguage.KAZAKH))
    assert told_ == [("түрі (kind): міндетті өріс толтырылмаған", "kk"), ("due_on: by magic", "en")]
    assert REASONS_KEPT.parts(reason, Words(ReaderLanguage.ENGLISH)) == [(reason, "en")]
    assert REASONS_KEPT.parts("", Words(ReaderLanguage.KAZAKH)) == []


@pytest.mark.parametrize(
    ("position", "raw", "russian"),
    [
        ("a.csv", b"kind,text\nreport\n", "в строке таблицы ячеек: 1, в заголовке: 2"),
        ("a.csv", b'kind,text\n1,"x\n', "в строке таблицы непарные кавычки"),
        ("a.csv", b"message_id,text\n", "в заголовке таблицы нет столбца kind"),
        ("a.jsonl", b"\xff\n", "байт 1 не в кодировке utf-8; сохраните файл в UTF-8 или укажите кодировку: --encoding"),
        ("a.jsonl", b"\xff\xfe1", "файл в кодировке UTF-16; сохраните его в UTF-8"),
    ],
)
def test_what_files_are_refused_for_is_told(tmp_path: Path, position: str, raw: bytes, russian: str) -> None:
    """As the intake of files writes it."""
    (tmp_path / position).write_bytes(raw)
    problems = [each.problem for each in read_appeals(tmp_path / position) if each.problem]
    (told_,) = REASONS_KEPT.parts(problems[0], Words(ReaderLanguage.RUSSIAN))
    assert (told_.text[: len(russian)], told_.lang) == (russian, "ru")


def test_every_reason_has_its_words() -> None:
    """Each code that the program can give a message in quarantine is told in words of all languages."""
    root, codes = Path(__file__).parents[3], set()
    core = root / "core/appealbus/core"
    intake = ("decoding", "quarantine", "quarantine_replay", "reception")
    names = [core / f"bus/intake/{each}.py" for each in intake]
    names += [core / f"journal/changes/{each}.py" for each in ("changing", "targets", "waiting_changes")]
    schemas = ("reading", "jsonreading", "xmlreading", "notes", "safexml")
    names += [root / f"schemas/appealbus/schemas/{each}.py" for each in schemas]
    for path in names:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes |= {node.value} & set(
                    re.findall(r"^(?:json|xml|appeal|change|message|message_id)\.[a-z_]+$", node.value)
                )
    sent_back = {"message.foreign_channel", "message.id_differs", "message.other_kind"}
    never = {"message_id.missing", "xml.too_large"}  # an id is made, and the bound on bytes is looked at before
    assert codes - set(REASONS) - sent_back - never - {"change.waits", "change.given_up"} == set()


def test_what_channels_send_wrong_is_counted_under_masks(console: World) -> None:
    """By channel, field, code and words, with the newest such appeals; a finding of health leads there."""
    odd = [{"aplicant": 1}, {"aplicant": 1}, {"applicant": {"iin": "12"}}]
    letters = [json.dumps({"message_id": f"w-{at}", "kind": "report", **each}).encode() for at, each in enumerate(odd)]
    assert console.do(received(*letters, channel="portal")) == []
    ops = console.signed_in("ops")
    assert "/console/quarantine/warned" in ops.get("/console/quarantine").text
    page = ops.get("/console/quarantine/warned?channel=portal").text
    found = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.DOTALL)
    (unknown,) = [each for each in found if "field.unknown" in each]
    assert "<code>appeal</code>" in unknown
    assert (unknown.count("/console/appeals/"), re.findall(r'class="number">(\d+)<', unknown)) == (2, ["2", "3"])
    assert ("<code>applicant.iin</code>" in page, "aplicant" in page) == (True, False)  # a name may tell what is hidden
    assert "Что каналы передают неверно" in ops.get("/console/quarantine/warned?lang=ru").text
    assert "Nothing is wrong" in ops.get("/console/quarantine/warned?channel=other&lang=en").text
    assert console.signed_in("auditor").get("/console/quarantine/warned").status_code == 403
    now: Any = SimpleNamespace(sources=(), due_query=str)
    finding = Finding(Severity.WARNING, told("channel {name}", name="a&b"), [], told(""))
    assert Now.where(now, finding, {"quarantine"}) == "/quarantine/warned?channel=a%26b"
