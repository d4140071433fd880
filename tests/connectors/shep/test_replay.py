"""What a signed answer is known again by, of a Body by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from appealbus.connectors.shep.reply import single_use
from appealbus.core import CallFailed, SingleUse

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def use(body: str, date: str = "2026-11-26T17:05:00+05:00") -> SingleUse:
    return single_use(etree.fromstring(body), date, now=NOW, window=600)


def test_the_key_is_of_all_that_is_signed_and_of_nothing_else():
    """Who writes the same otherwise, declares a prefix around it or reorders attributes has not made another answer."""
    first = use('<b:Body xmlns:b="urn:b" i="1" j="2"><a>x</a></b:Body>')
    assert first.until == NOW + timedelta(minutes=15)
    assert use('<b:Body j="2" xmlns:b="urn:b" xmlns:unused="urn:u" i="1"><a >&#120;</a></b:Body>').key == first.key
    assert use('<b:Body xmlns:b="urn:b" i="1" j="2"><a>y</a></b:Body>').key != first.key
    assert use('<b:Body xmlns:b="urn:b" i="1" j="3"><a>x</a></b:Body>').key != first.key


@pytest.mark.parametrize(
    ("body", "date", "code"),
    [
        ("<Body xmlns:a='relative'><a:x/></Body>", "2026-11-26T17:00:00+05:00", "xml.malformed"),
        ("<Body/>", "2026-11-26T17:10:01+05:00", "shep.date"),
        ("<Body/>", "2026-11-26T16:49:59+05:00", "shep.date"),
        ("<Body/>", "2026-11-26", "shep.no_date"),
        ("<Body/>", "2026-13-26T17:00:00+05:00", "shep.no_date"),
        ("<Body/>", "9" * 100_000, "shep.no_date"),
    ],
    ids=range(6),
)
def test_what_is_not_taken(body, date, code):
    """Every Body and every date ends in a word, never in an exception of a library."""
    with pytest.raises(CallFailed) as caught:
        use(body, date)
    assert (caught.value.code, caught.value.retry_after) == (code, 60.0 if code == "shep.date" else None)
