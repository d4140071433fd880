"""What is hidden cannot be learned from what is shown."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbus.core.planning.contract import NOT_LOADED
from appealbus.core.rights.explaining import FieldHidden, explain_masked
from appealbus.core.rights.identifiers import HIDDEN, KINDS
from appealbus.core.rights.mask import EVERYTHING, TECHNICAL, Mask
from appealbus.core.rights.masked_version import digest_of, masked
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.questions import Questions
from tests.core.rights.made import APPEAL, FIELDS, RECORDS, dossier, value
from tests.services.forms import form

_FEW, _SOME = 0, 9_000
_PARTS = ["appeal", "appeal.*", "signals", "outcomes", "gaps", "plan", "changes", "changes.reason", "changes.to"]
_GROUPS = sorted({name.rpartition(".")[0] for name in APPEAL if "." in name})
_RULES = [
    *(*_PARTS, *(f"appeal.{name}" for name in _GROUPS), *(f"appeal.{name}.*" for name in _GROUPS)),
    *(*FIELDS, *RECORDS, "egkn.*", "*.list", "*/*", "egkn.parcel/*", "egkn.parcel/rights", "egkn.parcel/rights.*.iin"),
]
_LEFT = ["outcomes", "appeal.place", "appeal.parcels.note", "appeal.applicant", "*.*", "egkn.parcel/rights", "changes"]


@dataclass(frozen=True)
class Rule:
    """What a mask hides, said once more, in a way of its own."""

    shows: Sequence[str]
    hides: Sequence[str]
    numbers: Sequence[str]

    def mask(self) -> Mask:
        """Return the mask."""
        return Mask("m", tuple(map(Pattern.parse, self.shows)), tuple(map(Pattern.parse, self.hides)), self.numbers)

    def hides_field(self, path: str) -> bool:
        """Whether the field with this path is hidden."""
        name = path.replace("/", ".").rpartition(".")[2]
        if any(name == kind or name.endswith(f"_{kind}") for kind in self.numbers):
            return True
        return any(_is_of(path, each) for each in self.hides) or not any(_is_of(path, each) for each in self.shows)


def _is_of(path: str, rule: str) -> bool:
    if rule == "*":
        return True
    if rule in ("*/*", "*.*"):
        return "/" in path
    mine, its = (text.replace("/", ".").split(".") for text in (rule, path))
    return len(mine) <= len(its) and all(a in ("*", b) for a, b in zip(mine, its, strict=False))


rules = st.builds(
    Rule,
    st.one_of(st.just(["*"]), st.lists(st.sampled_from([*_LEFT, *FIELDS]), min_size=1, max_size=6)),
    st.lists(st.sampled_from(_RULES), max_size=4),
    st.lists(st.sampled_from(["iin", "bin", "cadastral_number"]), unique=True, max_size=3),
)


def _values(numbers: Sequence[int | None]) -> dict[str, str]:
    found = {}
    for (path, kind), number in zip(FIELDS.items(), numbers, strict=True):
        if number is not None:
            found[path] = value(kind, number)
    return found


def _filled(draw: Any) -> list[int | None]:
    """Return a number for each field; those that questions and records need are always there."""
    start = draw(st.integers(_FEW, _SOME))
    absent = draw(st.sets(st.sampled_from([each for each in FIELDS if each not in _NEEDED]), max_size=4))
    return [None if path in absent else start + 7 * at for at, path in enumerate(FIELDS)]


_NEEDED = {
    *("appeal.applicant.iin", "appeal.parcels.cadastral_number", "appeal.addressee.name", "gbdfl.person/iin"),
    *("gbdfl.person/birth_date", "egkn.parcel/cadastral_number", "egkn.parcel/geometry.wkt"),
}


@st.composite
def numbers(draw: Any) -> list[int | None]:
    """Return the numbers of a dossier's values."""
    return _filled(draw)


def _bytes(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


@settings(max_examples=form(150, 3000), deadline=None)
@given(rules, numbers(), numbers())
def test_what_is_shown_depends_on_nothing_that_is_hidden(
    rule: Rule, some: list[int | None], others: list[int | None]
) -> None:
    """Two dossiers that differ in hidden fields alone, in value or in having one, are the same bytes to a viewer."""
    mixed = [other if rule.hides_field(path) else one for path, one, other in zip(FIELDS, some, others, strict=True)]
    mask = rule.mask()
    one, other = (masked(mask, dossier(_values(each))) for each in (some, mixed))
    assert _bytes(one) == _bytes(other)
    assert digest_of(one) == digest_of(other)


@settings(max_examples=form(100, 2000), deadline=None)
@given(rules, numbers())
def test_a_hidden_value_is_in_no_byte(rule: Rule, some: list[int | None]) -> None:
    """A value that stands in hidden fields alone is nowhere in what a viewer gets, and one that is shown is there."""
    values = _values(some)
    told = _bytes(masked(rule.mask(), dossier(values))).decode()
    shown = {what for path, what in values.items() if not rule.hides_field(path)}
    for path, what in values.items():
        if what not in shown:
            assert what not in told, path
        elif path == "appeal.text":
            assert what in told


@settings(max_examples=form(60, 1000), deadline=None)
@given(numbers(), st.sampled_from(["iin", "bin"]))
def test_numbers_are_hidden_wherever_they_stand(some: list[int | None], kind: str) -> None:
    """A number of a person is hidden in texts too, in whatever field and spelling, and in what repeats it."""
    values = _values(some)
    iin = values["appeal.applicant.iin"]
    spelt = [iin, f"{iin[:6]} {iin[6:]}", "-".join(iin), f"ИИН:{iin}."]
    for path in ("appeal.text", "appeal.parcels.note", "vendor.list/note", "egkn.parcel/purpose_ru"):
        values[path] = f"Я, {' и '.join(spelt)}, прошу"
    told = _bytes(masked(Mask("m", identifiers=(kind,)), dossier(values))).decode()
    assert iin not in told
    assert "".join(filter(str.isdigit, told)).count(iin) == 0
    assert "[hidden]" in told
    assert "прошу" in told


@pytest.mark.parametrize(
    ("shows", "hides"),
    [(["*"], ["changes.reason", "changes.to"]), (["appeal", "changes.kind"], []), (["appeal", "changes.due_on"], [])],
)
def test_a_part_of_a_change_is_hidden_alone(shows: list[str], hides: list[str]) -> None:
    """A rule about what changes say counts where nothing of the appeal itself is hidden, and leaves none empty."""
    whole = dossier(_values(list(range(len(FIELDS)))))
    whole["changes"] = [
        {"message_id": "c-1", "channel": "files", "kind": "extended", "due_on": "2026-03-01", "reason": "long"},
        {"message_id": "c-2", "channel": "files", "kind": "redirected", "to": {"name": "akimat"}},
    ]
    told = masked(Mask("m", tuple(map(Pattern.parse, shows)), tuple(map(Pattern.parse, hides))), whole)["changes"]
    if hides:
        expected = [{k: v for k, v in each.items() if k not in ("reason", "to")} for each in whole["changes"]]
    else:
        name = shows[1].removeprefix("changes.")
        expected = [{name: each[name]} for each in whole["changes"] if name in each]
    assert told == expected


def test_a_hidden_kind_is_not_told_by_what_is_not_loaded() -> None:
    """What a kind needs and nobody has loaded is neither asked nor missing to whoever does not see the kind."""
    whole = dossier(_values(list(range(len(FIELDS)))))
    absent = {"lookup": "x.absent", "key": "", "outcome": "unavailable", "code": NOT_LOADED, "reason": "no plugin"}
    mask = Mask("m", hides=(Pattern.parse("appeal.kind"),))
    without = masked(mask, whole)
    whole["outcomes"] = [*whole["outcomes"], absent | {"attempts": 0}]
    whole["gaps"] = [absent | {"required": True}]
    assert b"x.absent" in _bytes(masked(Mask("m", hides=(Pattern.parse("appeal.text"),)), whole))
    assert masked(mask, whole) == without


def test_a_mask_that_hides_nothing_changes_nothing() -> None:
    """Whoever may see all gets the dossier itself."""
    whole = dossier(_values(list(range(len(FIELDS)))))
    assert masked(EVERYTHING, whole) is whole


@settings(max_examples=form(30, 300), deadline=None)
@given(numbers())
def test_the_technical_mask_tells_no_value(some: list[int | None]) -> None:
    """Who keeps the bus running sees how questions ended and when, and no value of anybody."""
    values = _values(some)
    due = values.get("appeal.due_on")
    seen = masked(TECHNICAL, dossier(values))
    told = _bytes(seen).decode()
    assert [each["outcome"] for each in seen["outcomes"]] == ["found"] * 3
    assert all("ended_at" in each for each in seen["outcomes"])
    for path, what in values.items():
        if what != due:
            assert what not in told, path


@pytest.mark.parametrize("text", ["", "a b", "appeal/text", "appeal.applicant.phon*", "x//y", "гбд.фл", ".a"])
def test_a_path_that_cannot_be_one_is_refused(text: str) -> None:
    """A rule that would hide nothing is an error, not a rule."""
    with pytest.raises(ValueError, match="write"):
        Pattern.parse(text)


def test_a_name_with_dots_in_a_map_is_hidden_by_its_path() -> None:
    """As `explain` writes it, whatever of it is one name and what is a map in a map."""
    record = {"data": {"person.phone": "1", "person": {"phone": "2", "city": "3"}, "person.phone[0]": "4", "x": "5"}}
    mask = Mask("m", hides=(Pattern.parse("vendor.odd/data.person.phone"),))
    assert mask.kept(record, ("vendor.odd", ())) == {"data": {"person": {"city": "3"}, "x": "5"}}
    only = Mask("m", shows=(Pattern.parse("vendor.odd/data.x"),))
    assert only.kept(record, ("vendor.odd", ())) == {"data": {"x": "5"}}


def test_numbers_are_hidden_as_numbers_with_a_point_and_as_names_that_signals_repeat() -> None:
    """A number of JSON may be written with a fraction of nought; and a signal names the fields that it rests on."""
    iin = "750301100019"
    mask = Mask("m", identifiers=("iin",))
    assert mask.kept({"n": float(iin)}, ("vendor.odd", ())) is None
    assert mask.kept({"n": 1.5, "m": 2.0}, ("vendor.odd", ())) == {"n": 1.5, "m": 2.0}
    made = dossier({path: value(kind, 1) for path, kind in FIELDS.items()})
    fact = next(each for each in made["facts"] if each["lookup"] == "vendor.list")
    fact["record"]["owners"] = {iin: {"share": "1/2"}}
    signal = {"assessor": "a", "code": "a.b", "severity": "info", "message_ru": "x", "message_kk": "x"}
    made["signals"] = [{**signal, "fields": [f"vendor.list/owners.{iin}.share"]}]
    told = masked(mask, made)
    assert [each["fields"] for each in told["signals"]] == [["vendor.list/owners.[hidden].share"]]


_ODD = ["[k]", "", ".", "..", "[a][b]", ".area", "area.", "a..b", "[k].area.", "]]][].", ".".join("a" * 60)]


def _mask(shows: Sequence[str] = ("*",), hides: Sequence[str] = (), numbers: Sequence[str] = ()) -> Mask:
    return Rule(shows, hides, numbers).mask()


@pytest.mark.parametrize("name", _ODD)
def test_a_name_that_no_rule_can_name_is_hidden_beside_what_is_hidden(name: str) -> None:
    """Nobody can say which rule is about it: it is shown only where all is shown that it stands in."""
    record = {name: "odd", "area": 5, "owners": {name: "odd", "Ivanov": "1/2"}, "map": {name: {"x": "y"}}}
    of, rest = ("vendor.rec", ()), {"area": 5, "owners": {"Ivanov": "1/2"}, "map": {name: {"x": "y"}}}
    assert _mask(hides=["vendor.rec/*"]).kept(record, of) is None
    assert _mask(hides=["vendor.rec/owners.*"]).kept(record, of) == {"area": 5, "map": record["map"]}
    assert _mask(hides=["vendor.rec/owners.Petrov"]).kept(record, of) == rest
    assert _mask(shows=["vendor.rec/area"]).kept(record, of) == {"area": 5}
    assert _mask(shows=["vendor.rec/map"]).kept(record, of) == {"map": record["map"]}
    assert TECHNICAL.kept(record, of) is None
    assert _mask(hides=["egkn.parcel/area"]).kept(record, of) == record


@pytest.mark.parametrize("path", ["owners.[k]", "owners.", "owners.[k].share", "owners..x", "[k].area"])
def test_what_a_path_without_a_usable_name_leads_to_is_hidden(path: str) -> None:
    """Neither `explain` nor a signal tells of it where something beside it is hidden."""
    made = dossier({path: value(kind, 1) for path, kind in FIELDS.items()})
    fact = next(each for each in made["facts"] if each["lookup"] == "vendor.list")
    fact["record"] |= {"owners": {"[k]": {"share": "1"}, "": {"x": "1"}, "Ivanov": "2"}, "[k]": {"area": 5}}
    signal = {"assessor": "a", "code": "a.b", "severity": "info", "message_ru": "x", "message_kk": "x"}
    made["signals"] = [{**signal, "fields": [f"vendor.list/{path}"]}]
    mask = _mask(hides=["vendor.list/owners.Ivanov"])
    told = masked(mask, made)
    assert "signals" not in told
    with pytest.raises(FieldHidden):
        explain_masked(mask, told, f"vendor.list/{path}")


@pytest.mark.parametrize("odd", ["text", 5, 1.5, True, ["text", 5], [["text"]]])
def test_a_value_stands_not_where_a_rule_goes_deeper(odd: Any) -> None:
    """What of it the rule is about nobody can say: so nothing is shown, but numbers alone hide no more than numbers."""
    record, of = {"address": odd, "rights": odd, "area": 7}, ("vendor.rec", ())
    for numbers in ((), KINDS):
        assert _mask(["vendor.rec/address.street"], numbers=numbers).kept(record, of) is None
        hides = _mask(hides=["vendor.rec/address.street"], numbers=numbers).kept(record, of)
        assert hides == {"rights": odd, "area": 7}
        assert _mask(hides=["vendor.rec/*.street"], numbers=numbers).kept(record, of) is None
        assert _mask(["vendor.rec/address"], numbers=numbers).kept(record, of) == {"address": odd}


@pytest.mark.parametrize("hides", [("x.y/parts.iin", "x.y/secret"), ("x.y/secret", "appeal.applicant")])
def test_what_is_unsure_of_what_is_shown_is_told(hides: Sequence[str]) -> None:
    """Beside a hidden field or input, what is absent is no fact either; of hidden fields nothing is told."""
    trail = {"source": "x", "unknown": ["parts", "secret", "parts[*].iin"], "unchecked": ["name", "secret", "parts"]}
    outcome = {"lookup": "x.y", "key": "k", "outcome": "found"}
    inputs = [{"name": "iin", "value": "1", "path": "applicant.iin"}]
    document = {
        "appeal": {"applicant": {"iin": "1"}},
        "facts": [{"lookup": "x.y", "key": "k", "record": {"name": "n", "secret": "s"}, "provenance": trail}],
        "outcomes": [{**outcome, "inputs": inputs}],
    }
    (fact,) = Questions(_mask(hides=hides).for_a_version(None), document).facts
    shown = fact["provenance"]
    iin, parts = ([], []) if "x.y/parts.iin" in hides else (["parts[*].iin"], ["parts"])
    assert (shown["unknown"], shown["unchecked"]) == (["parts", *iin], ["name", *parts])


def test_an_input_from_a_value_that_is_hidden_is_hidden() -> None:
    """A question tells neither a value in place of an object that is hidden in part, nor a number in a name."""
    made = dossier({path: value(kind, 1) for path, kind in FIELDS.items()})
    iin = "750301100019"
    fact = next(each for each in made["facts"] if each["lookup"] == "vendor.list")
    fact["record"] |= {"address": "Abay 1", "owners": {iin: "half"}}
    asked = made["outcomes"][0]["inputs"]
    asked += [{"name": "address", "value": "Abay 1", "path": "vendor.list/address"}]
    asked += [{"name": "share", "value": "half", "path": f"vendor.list/owners.{iin}"}]
    assert b"Abay 1" not in _bytes(masked(_mask(hides=["vendor.list/address.street"]), made))
    assert iin.encode() not in _bytes(masked(_mask(numbers=["iin"]), made))


def _seconds(work: Callable[[], object]) -> float:
    best = 9.0
    for _ in range(2):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best


@pytest.mark.proof
@pytest.mark.parametrize(
    "made",
    [
        lambda: ["abcdefghij1"] * 280_000,
        lambda: ["x1 2|3x1 2|3"] * 260_000,
        lambda: [890527205816 + at for at in range(280_000)],
        lambda: [[] for _ in range(1_300_000)],
        lambda: {f"k{at}x1 2345 678": "a" for at in range(180_000)},
        lambda: {f"a.b.c.{at}": 1 for at in range(250_000)},
        lambda: {f"{at}{'.a' * 30}": 1 for at in range(60_000)},
        lambda: {"a." * 1_900_000: {f"{at}": 1 for at in range(20_000)}},
        lambda: {"[" * 4_000_000: 1},
    ],
)
def test_many_parts_of_a_version_cost_no_more_than_a_long_text(made: Callable[[], Any]) -> None:
    """Of 4 MB at most 0.2 s of a processor on which a plain search through them takes 0.02 s, whatever they are."""
    value, mask = made(), _mask(hides=["appeal.applicant.phone"], numbers=KINDS)
    # Side by side, as the processor is quicker at one moment than at another.
    pairs = [
        (
            _seconds(lambda: mask.for_a_version().kept({"all": value}, ("vendor.rec", ()))),
            max(_seconds(lambda: re.findall("[0-9]x", "1a" * 2_000_000)), 0.02),
        )
        for _ in range(3)
    ]
    seconds, plain = min(pairs, key=lambda pair: pair[0] / pair[1])
    assert seconds < 10 * plain, (seconds, plain)


def test_past_the_bound_of_parts_nothing_is_shown() -> None:
    """Nobody has looked at it, names included; small numbers and names that come again take up little of it."""
    iin = "750301100019"
    mask, of = _mask(numbers=KINDS), ("vendor.rec", ())
    after = {f"n{iin}": "x", "words": "words", "list": ["words"], "number": int(iin)}
    whole = mask.for_a_version().kept({"parts": ["x"] * 200_000, **after}, of)
    assert set(whole) == {"parts"}
    assert 60_000 < len(whole["parts"]) <= 70_000
    bounded = mask.for_a_version()
    assert bounded.kept({"texts": [f"{iin} и"] * 9_000}, of) is not None
    assert bounded.kept(after, of) == {HIDDEN: "x", **_words(after)}
    usual = [{"kind": f"{at}", "area": at, "number": at, "joint": True} for at in range(10_000)]
    assert mask.for_a_version().kept([*usual, after], of) == [*usual, {f"n{HIDDEN}": "x", **_words(after)}]


def _words(after: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] for name in ("words", "list")}


@pytest.mark.proof
def test_the_bound_of_parts_tells_of_nothing_that_is_hidden() -> None:
    """However many parts are hidden, the same ones are shown after them."""
    mask = _mask(hides=["vendor.rec/map.*", "vendor.rec/owners.name"], numbers=KINDS)
    hidden = {"map": {f"k{at}": 1 for at in range(120_000)}, "owners": [{"name": "x"}] * 120_000}
    for before in ({}, hidden):
        assert mask.for_a_version().kept({**before, "last": "words"}, ("vendor.rec", ())) == {"last": "words"}
