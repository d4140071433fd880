"""Reading XML by local name."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.interfaces.wire import CallFailed, Reply
from appealbus.core.replies import xmlread
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Coded

XSI = "http://www.w3.org/2001/XMLSchema-instance"
DOCUMENT = etree.fromstring(
    f"""<r xmlns:x="urn:x" xmlns:xsi="{XSI}"><x:a><b> one </b><b>two</b></x:a><a><b>three</b></a>
    <nil xsi:nil="true">x</nil><empty/><blank>  </blank><iin>850312180019</iin></r>"""
)


def one(value: str) -> etree._Element:
    """Return a document with one value in it."""
    root = etree.Element("r")
    etree.SubElement(root, "{urn:x}v").text = value
    return root


def test_paths_ignore_namespaces_and_take_the_first_match() -> None:
    """A path leads through elements of any namespace, by the first match of each step."""
    assert xmlread.text(DOCUMENT, "a/b") == "one"
    assert [each.text for each in xmlread.children(DOCUMENT, "a/b")] == [" one ", "two", "three"]
    assert xmlread.local_name(xmlread.require(DOCUMENT, "a")) == "a"


@pytest.mark.parametrize("path", ["nil", "empty", "blank", "absent", "a/absent/b"])
def test_no_text(path: str) -> None:
    """Absent, nil, empty and blank all read as None."""
    assert xmlread.text(DOCUMENT, path) is None
    with pytest.raises(CallFailed) as caught:
        xmlread.require_text(DOCUMENT, path)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "reply.missing")
    assert path in caught.value.reason


@pytest.mark.parametrize(
    ("read", "written", "meant"),
    [
        (xmlread.date_of, "2020-01-15", date(2020, 1, 15)),
        (xmlread.date_of, "2020-01-15+06:00", date(2020, 1, 15)),
        (xmlread.date_of, "2020-01-15Z", date(2020, 1, 15)),
        (xmlread.date_of, "2020-01-15T00:00:00.000+05:00", date(2020, 1, 15)),
        (xmlread.datetime_of, "2020-01-15T10:00:00", datetime(2020, 1, 15, 10, tzinfo=timezone(timedelta(hours=5)))),
        (xmlread.datetime_of, "2020-01-15T10:00:00Z", datetime(2020, 1, 15, 10, tzinfo=UTC)),
        (xmlread.datetime_of, "2020-01-15T10:00:00.1234567Z", datetime(2020, 1, 15, 10, 0, 0, 123456, tzinfo=UTC)),
        (xmlread.date_of, "15.01.2020", date(2020, 1, 15)),
        (xmlread.date_of, "20200115", date(2020, 1, 15)),
        (xmlread.datetime_of, "2020-01-15", datetime(2020, 1, 15, tzinfo=KAZAKHSTAN)),
        (xmlread.datetime_of, "2020-01-15Z", datetime(2020, 1, 15, tzinfo=UTC)),
        (xmlread.datetime_of, "15.01.2020 10:00", datetime(2020, 1, 15, 10, tzinfo=KAZAKHSTAN)),
        (xmlread.decimal_of, "-1.50", Decimal("-1.50")),
        (xmlread.int_of, " 007 ", 7),
        (xmlread.bool_of, "1", True),
        (xmlread.bool_of, "false", False),
    ],
)
def test_values(read: Callable[..., Any], written: str, meant: object) -> None:
    """Values come typed."""
    assert read(one(written), "v") == meant
    assert read(DOCUMENT, "absent") is None


@pytest.mark.parametrize(
    ("read", "written", "code"),
    [
        (xmlread.date_of, "15/01/2020", "reply.bad_date"),
        (xmlread.date_of, "2020-02-30", "reply.bad_date"),
        (xmlread.date_of, "٢٠٢٠-٠١-١٥", "reply.bad_date"),
        (xmlread.datetime_of, "2020-W03-3", "reply.bad_datetime"),
        (xmlread.datetime_of, "2020-01-15T25:00:00", "reply.bad_datetime"),
        (xmlread.datetime_of, "2020-01-15T10:00:00+99:00", "reply.bad_datetime"),
        (xmlread.decimal_of, "1,5", "reply.bad_decimal"),
        (xmlread.decimal_of, "NaN", "reply.bad_decimal"),
        (xmlread.decimal_of, "1.2.3", "reply.bad_decimal"),
        (xmlread.int_of, "1.0", "reply.bad_int"),
        (xmlread.int_of, "9" * 41, "reply.bad_int"),
        (xmlread.bool_of, "maybe", "reply.bad_bool"),
    ],
)
def test_bad_values(read: Callable[..., Any], written: str, code: str) -> None:
    """A bad value is a typed failure that names the path and never the value."""
    with pytest.raises(CallFailed) as caught:
        read(one(written), "v")
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)
    assert caught.value.reason.startswith("v ")
    assert written not in str(caught.value)


def test_decimal_comma_only_where_asked() -> None:
    """A register that writes decimal commas is read with them."""
    assert xmlread.decimal_of(one("1,5"), "v", comma=True) == Decimal("1.5")


def test_needed() -> None:
    """A value that has to be there is a typed failure where it is not; false and zero are values."""
    assert xmlread.needed(False, "v") is False
    with pytest.raises(CallFailed, match=r"reply\.missing: the reply lacks v"):
        xmlread.needed(None, "v")


def test_coded() -> None:
    """A dictionary value comes with its names; where all of it is absent it is None."""
    root = etree.fromstring(
        "<r><s><code>1</code><nameRu>муж</nameRu><nameKz>ер</nameKz></s><n><nameRu>x</nameRu></n><e/></r>"
    )
    assert xmlread.coded(root, "s") == Coded(code="1", name_ru="муж", name_kk="ер")
    assert xmlread.coded(root, "n") == Coded(code="", name_ru="x")
    assert xmlread.coded(root, "e") is None
    assert xmlread.coded(root, "absent") is None


def test_reply_that_is_no_xml() -> None:
    """A wire without XML gives a typed failure."""
    reply = Reply({}, "", datetime.now(UTC))
    with pytest.raises(CallFailed, match=r"reply\.not_xml"):
        xmlread.element_of(reply)
