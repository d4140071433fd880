"""Dossiers are kept as skeletons and documents, and read again byte for byte."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.domain.document import (
    Document,
    PartRef,
    appeal_document,
    bare,
    fact_document,
    fact_of,
    fact_parts,
    put_together,
    written,
)
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant, Receipt
from appealbus.schemas.dossier import Completeness, Dossier, Fact, LookupOutcome
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TRICKY = 'a\x00b\x01c","outcomes":[{"provenance":{"record":'
texts = st.text(max_size=20) | st.just(TRICKY)


def dossier_of(text: str, records: list[dict[str, object]]) -> Dossier:
    appeal = Appeal(
        message_id="m", channel="c", kind=AppealKind.COMPLAINT, applicant=PersonApplicant(surname=text), text=text
    )
    trail = Provenance(
        source=text, connector="c", plugin="p", plugin_version="1", purpose="p", legal_basis="b", question_id="q",
        asked_at=NOW, observed_at=NOW,
    )  # fmt: skip
    return Dossier(
        number="N",
        version=1,
        completeness=Completeness.COMPLETE,
        created_at=NOW,
        receipt=Receipt(number="N", accepted_at=NOW, accepted_by=text, message_id="m", channel="c"),
        appeal=appeal,
        facts=[
            Fact(
                lookup=f"a.b{at}",
                key=text,
                record=OtherRecord.model_validate({"type": "acme.Thing", **record}),
                provenance=trail,
                not_asked_now=True if at else None,
            )
            for at, record in enumerate(records)
        ],
        outcomes=[LookupOutcome(lookup="a.b0", key=text, outcome=OutcomeKind.FOUND, ended_at=NOW, reason=text)],
    )


@given(texts, st.lists(st.dictionaries(texts.filter(lambda name: name != "type"), texts, max_size=3), max_size=3))
def test_what_is_put_together_is_the_dossier(text, records):
    """Whatever its texts hold; and the size that is noted is that of the whole."""
    dossier = dossier_of(text, records)
    appeal = appeal_document(dossier.appeal)
    facts = [fact_document(fact.record, fact.provenance) for fact in dossier.facts]
    version = written(dossier, PartRef(appeal.digest, len(appeal.body)), facts)
    bodies = {each.digest: each.body for each in (appeal, *facts)}
    whole = put_together(version.skeleton, [bodies[digest] for digest in version.digests])
    assert orjson.loads(whole) == orjson.loads(dossier.model_dump_json(exclude_none=True))
    assert Dossier.model_validate_json(whole) == dossier
    assert len(whole) == version.size
    told = orjson.loads(bare(version.skeleton))
    assert [fact["key"] for fact in told["facts"]] == [fact.key for fact in dossier.facts]
    assert told["appeal"] is None
    assert len(version.digests) == 1 + len(facts)


def test_a_version_with_too_few_documents_is_damaged():
    """It is an error, never a dossier with a hole."""
    version = written(dossier_of("x", [{}]), PartRef(b"d" * 32, 2), [Document.of(b"{}")])
    with pytest.raises(ValueError, match="zip"):
        put_together(version.skeleton, [b"{}"])


@pytest.mark.parametrize("record", [None, b'{"a":",\\"provenance\\":{"}', b'{"provenance":{"b":1}}'])
@pytest.mark.parametrize("provenance", [None, b'{"source":"s"}'])
def test_a_fact_is_read_as_it_was_written(record, provenance):
    """Record and provenance, each alone or both, whatever the record holds."""
    if (record, provenance) != (None, None):
        document = fact_of(record, provenance)
        orjson.loads(document.body)
        assert fact_parts(document.body) == (record, provenance)
