"""The life of an appeal as people read it: each question once, what repeats itself once, nothing lost over it."""

from datetime import UTC, datetime, timedelta

from appealbus.core.cli.life import failures, life
from appealbus.core.cli.log_lines import span
from appealbus.core.domain.event import EventType, LogEntry
from appealbus.core.journal.drivers.encoding import to_number

T = datetime(2026, 11, 24, 5, tzinfo=UTC)
HTTP = {"kind": "unavailable", "code": "http.503"}


class Life:
    """Entries of one appeal, one a second."""

    def __init__(self):
        self.entries = []

    def add(self, what, about="", actor="worker:0a1b2c3d4e5f", **detail):
        at = T + timedelta(seconds=len(self.entries))
        self.entries.append(LogEntry(len(self.entries) + 1, at, what, 1, "N-1", actor, about, detail))
        return self

    def run(self, question, *tries, end=EventType.PARKED, about="egkn.parcel", key="99bb", **last):
        self.add(EventType.CLAIMED)
        if tries:
            self.add(EventType.ASKED, about, question=question, source="egkn", served="source")
        how = tries[-1] if tries else {"kind": "unavailable", "code": "breaker.open"}
        how = {name: how[name] for name in ("kind", "code") if name in how}
        told = {"question": question, "key": key, **how, "tries": list(tries)}
        self.add(EventType.ENDED, about, **{**told, **last})
        return self.add(end, completeness="partial", version=1) if end else self

    def told(self):
        return [(line.head, line.text) for line in life(self.entries)]


def test_attempts_of_a_question_make_one_line():
    """With what each brought and how long it took; one that ended at the first attempt says no more than that."""
    again = to_number(T + timedelta(seconds=60))
    made = Life().run("q1", {**HTTP, "ms": 120}, {"kind": "timed_out", "code": "guard.timeout", "ms": 2000}, next=again)
    ended, parked = made.told()
    assert ended == (
        "egkn.parcel",
        f"timed_out [guard.timeout] after 2 attempts: http.503 120 ms, then guard.timeout 2.0 s; "
        f"again at {(T + timedelta(seconds=60)).astimezone():%H:%M:%S}",
    )
    assert parked == ("parked", "nothing new, partial")
    assert Life().run("q1", {"kind": "found", "ms": 251}).told()[0] == ("egkn.parcel", "found after 251 ms")
    assert Life().run("q1").told()[0][1] == "unavailable [breaker.open], nothing left for the source"
    shared = Life().run("q1", {"kind": "found", "ms": 0, "question": "q0"})
    assert shared.told()[0][1] == "found, answered with question q0"


def test_runs_that_brought_the_same_are_told_once():
    """However often: the first one, and of the others how many there were, until when and what they met."""
    made = Life().run("q0", {**HTTP, "ms": 1})
    for number in range(1, 9):
        made.run(f"q{number}", *([{**HTTP, "ms": 1}] if number % 2 else []))
    made.run("q9", {"kind": "found", "ms": 5}, end=EventType.VERSION)
    heads = [head for head, _ in made.told()]
    assert heads == ["egkn.parcel", "parked", "…", "egkn.parcel", "version"]
    last = (made.entries[-5].at).astimezone()
    assert made.told()[2][1] == (
        f"8 more runs like this until {last:%Y-%m-%d %H:%M:%S}, 4 attempts: 4 times http.503, 4 times breaker.open"
    )


def test_questions_that_come_due_beside_each_other_are_told_once_each():
    """Their times drift apart, so no run is like the one before it; the day of an outage still is some lines long."""
    made, lookups = Life(), ("egkn.parcel", "gbdfl.person", "gbdul.organisation")
    for number in range(30):
        made.run(f"q{number}", {**HTTP, "ms": 1}, about=lookups[number % 3])
    assert [head for head, _ in made.told()] == [*(each for name in lookups for each in (name, "parked")), "…"]
    assert made.told()[-1][1].startswith("27 more runs like these until ")
    assert [line.head for line in failures(made.entries)] == [*lookups, "…"]


def test_what_happens_between_runs_parts_them():
    """A look, a hold or a delivery is never folded away, nor are the runs around it taken together."""
    made = Life().run("q1").add(EventType.READ, actor="person:aidos/root", **{"as": "dossier", "version": 1}).run("q2")
    made.add(EventType.DELIVERED, "registry", version=1).run("q3").run("q4")
    told = made.told()
    assert [head for head, _ in told].count("egkn.parcel") == 4
    assert ("read", "dossier version 1, by aidos/root") in told
    assert ("delivered", "version 1 to registry") in told


def test_what_has_no_end_is_told():
    """A question that left and was never heard of, a worker that has the appeal still or died over it."""
    made = (
        Life().add(EventType.CLAIMED).add(EventType.ASKED, "egkn.parcel", question="q1", source="egkn", served="source")
    )
    assert made.told() == [("claimed", "in work, by worker 0a1b2c3d"), ("egkn.parcel", "asked egkn, question q1")]
    made.add(EventType.SUSPECTED, deaths=2)
    assert made.told() == [
        ("egkn.parcel", "asked egkn, question q1"),
        ("suspected", "its worker died with it in work, for the second time in its turn, by worker 0a1b2c3d"),
    ]


def test_questions_of_one_lookup_are_told_apart():
    """By the beginnings of their keys, where a run has put several."""
    made = Life().run("q1", {"kind": "found", "ms": 5}, end=None).run("q2", {"kind": "found", "ms": 6}, key="77aa")
    del made.entries[3]  # one claim for both
    assert [head for head, _ in made.told()] == ["egkn.parcel #99bb", "egkn.parcel #77aa", "parked"]


def test_failures_alone():
    """What went wrong, also where it went right in the end; the same question in a row once."""
    made = Life().add(EventType.ACCEPTED, "files", message_id="m", by="x", number="N-1").run("q0", {**HTTP, "ms": 1})
    for number in range(1, 4):
        made.run(f"q{number}")
    made.run("q4", {**HTTP, "ms": 1}, {"kind": "found", "ms": 1}, end=EventType.VERSION)
    made.add(EventType.FAILED, "registry", version=1, code="away").add(EventType.DELIVERED, "registry", version=1)
    made.run("q5", {"kind": "not_found", "ms": 1}).add(EventType.HELD, actor="person:olga", reason="the court asked")
    told = [(line.head, line.text.partition(" until ")[0]) for line in failures(made.entries)]
    assert told == [
        ("egkn.parcel", "unavailable [http.503] after 1 ms"),
        ("…", "4 more like this"),
        ("failed", "version 1 to registry [away]"),
        ("held", "the court asked, by olga"),
    ]


def test_what_a_later_version_writes_is_shown_as_it_is():
    """An unknown word, and details of other types than ours."""
    made = Life().add("weighed", "thing", actor="plugin:scales", grams=7)
    made.add(EventType.ENDED, "egkn.parcel", key=7, kind=None, tries="none", next="soon").add(
        EventType.ACCEPTED, urgency="x"
    )
    made.add(EventType.SUSPECTED, deaths=[1]).add(EventType.VERSION, due=10**18, pending=3)
    assert made.told()[0] == ("weighed", 'thing {"grams":7}, by plugin:scales')
    assert len(made.told()) == 5


def test_spans():
    """As people say them."""
    assert [span(ms) for ms in (0, 999, 1000, 119_999, 120_000, 7_200_000, 200_000_000)] == [
        *("0 ms", "999 ms", "1.0 s", "120.0 s", "2 min", "2 h", "2 d"),
    ]
