"""What people see of lookups that are not loaded, and of facts that earlier versions told."""

import json

import pytest

from appealbus.core.cli.render import dossier_view, gaps_view
from appealbus.core.domain.case import NOT_CONFIRMED, NOT_GIVEN, NOT_NAMED
from appealbus.core.enrichment.fields import explain_field
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.schemas import Receipt
from appealbus.schemas.dossier import Completeness, Dossier, Fact, Gap, NotCarried
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity, Signal
from tests.core.cli.test_terminal import shown
from tests.core.kit import Thing, appeal
from tests.schemas.test_records import NOW, PROVENANCE

WHY = "it cannot be asked now: it is away"
MADE = Dossier(
    number="N-1",
    version=2,
    completeness=Completeness.PARTIAL,
    created_at=NOW,
    receipt=Receipt(number="N-1", accepted_at=NOW, accepted_by="x", message_id="m", channel="files"),
    appeal=appeal(),
    facts=[Fact(lookup="s.gone", key="k", record=Thing(name="n"), provenance=PROVENANCE, not_asked_now=True)],
    gaps=[
        Gap(
            lookup="s.lost",
            key="",
            required=True,
            outcome=OutcomeKind.UNAVAILABLE,
            code="lookup.not_loaded",
            reason=WHY,
        )
    ],
    signals=[
        Signal(
            assessor="a",
            code="a.b",
            severity=Severity.INFO,
            message_ru="м",
            message_kk="м",
            fields=["s.gone/name"],
            not_asked_now=True,
        )
    ],
    not_carried=[NotCarried(lookup="s.left", key="k", reason="the appeal was corrected")],
)


def test_a_dossier_says_what_it_has_from_earlier_versions() -> None:
    """At the fact, at what follows from it, and what is told no longer."""
    out = shown(dossier_view(MADE))
    assert "told by an earlier version, not asked for now" in out
    assert "rests on s.gone/name (not asked for now)" in out
    assert "s.left  the appeal was corrected" in out
    (found,) = explain_field(MADE, "s.gone/name")
    assert found.trail["not_asked_now"] == "an earlier version told it"


def test_why_says_that_it_is_asked_as_soon_as_it_is_back() -> None:
    """Nobody needs to retry."""
    assert f"unavailable: {WHY} [lookup.not_loaded]; asked as soon as it is back" in shown(gaps_view(MADE))


@pytest.mark.parametrize(
    ("language", "said", "when"),
    [
        (ReaderLanguage.ENGLISH, "answered from memory, as the source is paused", "; asked again at"),
        (ReaderLanguage.RUSSIAN, "ответ взят из памяти", "; повторный запрос"),
        (ReaderLanguage.KAZAKH, "жауап жадтан алынған", "; қайта сұратылады"),
    ],
)
def test_an_answer_from_memory_says_that_it_is_provisional(language: ReaderLanguage, said: str, when: str) -> None:
    """At the fact, among what is missing, and in the trail of each field; what is told no longer has its reason."""
    given = {"lookup": "s.gone", "key": "k", "code": "source.stale", "next_attempt_at": NOW}
    gap = Gap(
        required=True, outcome=OutcomeKind.UNAVAILABLE, reason="answered from memory, as the source is paused", **given
    )
    left = [NotCarried(lookup="s.left", key="k", reason=str(each)) for each in (NOT_NAMED, NOT_GIVEN, NOT_CONFIRMED)]
    made, to = MADE.model_copy(update={"gaps": [gap], "not_carried": left}), Reader(language)
    whole, why = shown(dossier_view(made, to)), shown(gaps_view(made, to))
    assert whole.count(said) == 2
    assert why.count(said) == 1
    assert whole.count(when) >= 2
    assert when in why
    assert (str(NOT_GIVEN) in whole) is (language is ReaderLanguage.ENGLISH)
    (found,) = explain_field(made, "s.gone/name")
    assert (found.value, found.trail["code"], found.trail["next_attempt_at"]) == ("n", "source.stale", NOW.isoformat())


async def test_what_lacks_a_lookup_is_counted_and_listed(program, journal, accepted) -> None:
    """`status` by lookup, `appeals --lacking` one by one."""
    end = Conclusion(accepted.appeal_id, dossier=None, version=0, completeness=Completeness.PARTIAL, lacks=("s.lost",))
    await journal.conclude(end)
    assert "lacking     1 s.lost: not loaded; see `appealbus check`" in program("status").stdout
    assert json.loads(program("status", "--json").stdout)["lacking"] == {"s.lost": 1}
    assert program("appeals", "--lacking").stdout.rstrip().endswith("lacks s.lost")
    (row,) = json.loads(program("appeals", "--lacking", "--json").stdout)
    assert row["lacks"] == ["s.lost"]


def test_a_dossier_says_who_could_not_assess_it() -> None:
    """Whether anything else follows or not, in the reader's language, so that silence is not taken for good news."""
    for made in (MADE, MADE.model_copy(update={"signals": []})):
        out = shown(dossier_view(made.model_copy(update={"unassessed": ["minor"]})))
        assert "unassessed" in out
        assert "minor could not assess it: there may be more" in out
    assert "unassessed" not in shown(dossier_view(MADE))
    kazakh = Reader(ReaderLanguage.KAZAKH)
    assert "бағаланбаған" in shown(dossier_view(MADE.model_copy(update={"unassessed": ["minor"]}), kazakh))
