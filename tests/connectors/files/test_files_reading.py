"""Reading appeals out of files, however dirty."""

import json
import time
import tracemalloc
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.connectors.files.lines import LINE_LIMIT
from appealbus.connectors.files.reading import SUFFIXES, batches, read_appeals
from appealbus.connectors.files.settings import Encoding
from appealbus.core import ConfigError, Inbound
from appealbus.core.bus.intake.decoding import decode
from appealbus.schemas.change import Change

APPEAL = {"message_id": "m1", "kind": "complaint", "applicant": {"type": "person", "surname": "Сидоров"}}


def read(folder: Path, name: str, content: bytes | str, encoding: Encoding = Encoding.UTF_8) -> list[Inbound]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_appeals(path, "inbox", encoding))


def test_json_lines_pass_as_they_are(tmp_path: Path) -> None:
    """A line with a message id is handed on byte for byte, with its place; blank lines are none."""
    line = orjson.dumps(APPEAL)
    first, second = read(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + line + b"\r\n\n" + line)
    assert (first.channel, first.position, first.raw, first.problem) == ("inbox", "a.jsonl:1", line, None)
    assert second.position == "a.jsonl:3"


def test_a_line_without_message_id_gets_one_made_of_its_content(tmp_path: Path) -> None:
    """The same line again has the same id; another line has another."""
    line = '{"kind": "complaint", "applicant": {"type": "person"}, "text": "%s"}'
    one, same, other = read(tmp_path, "a.ndjson", "\n".join((line % "a", line % "a", line % "b")))
    ids = [decode(message).message_id for message in (one, same, other)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("sha256-")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"a":"\xff"}', "is not utf-8"),
        (
            b'"' + b"x" * (LINE_LIMIT + 5),
            f"the line has {LINE_LIMIT + 7} bytes; the most is {LINE_LIMIT}: it was cut and cannot be replayed",
        ),
    ],
)
def test_a_broken_line_is_told_and_reading_goes_on(tmp_path: Path, line: bytes, problem: str) -> None:
    """A line that is no appeal costs nothing but itself, and what is wrong never quotes it."""
    good = orjson.dumps(APPEAL)
    before, broken, after = read(tmp_path, "a.jsonl", b"\n".join((good, line, good)))
    assert broken.position == "a.jsonl:2"
    assert problem in (broken.problem or "")
    assert broken.raw
    assert len(broken.raw) <= LINE_LIMIT
    assert before.raw == after.raw == good


CSV = """message_id,kind,applicant.iin,applicant.surname,parcels,text,received_at
1,complaint,900101300016,Сидоров,01-017-004-1505; 01-017-004-1506,"Он сказал: ""нет"",
и ушёл",2026-02-01T10:00:00+05:00
2,inquiry,,,,,
"""


def test_a_row_becomes_an_appeal(tmp_path: Path) -> None:
    """Paths in the header build the appeal; an empty cell is an absent field; a cell may hold line breaks."""
    first, second = read(tmp_path, "a.csv", CSV)
    appeal = decode(first)
    assert appeal.applicant.type == "person"
    assert appeal.applicant.surname == "Сидоров"
    assert [parcel.cadastral_number for parcel in appeal.parcels] == ["01-017-004-1505", "01-017-004-1506"]
    assert appeal.text == 'Он сказал: "нет",\nи ушёл'
    assert (first.position, second.position) == ("a.csv:2", "a.csv:4")
    assert decode(second).parcels == []


def test_a_row_becomes_a_change(tmp_path: Path) -> None:
    """A table with a column `type` is one of changes; a row that does not say so is none."""
    header = "type,message_id,number,kind,dated_at,due_on,corrected.applicant.iin,removed,corrected.parcels,to.bin,part"
    rows = [
        "change,c1,AB-1,corrected,2026-02-16,,120101500006,representative;place,01-017-004-1505;2,,",
        "change,c2,AB-1,redirected,2026-02-17T10:00:00+05:00,,,,,940140000385,true",
        "appeal,c3,AB-1,due,,2026-03-02,,,,,",
    ]
    one, two, wrong = read(tmp_path, "a.csv", "\n".join((header, *rows)))
    first, second = decode(one), decode(two)
    assert isinstance(first, Change)
    assert isinstance(second, Change)
    assert first.corrected is not None
    assert first.corrected.model_dump(exclude_none=True) == {
        "applicant": {"type": "person", "iin": "120101500006"},
        "parcels": [{"cadastral_number": "01-017-004-1505"}, {"cadastral_number": "2"}],
    }
    assert first.removed == ["representative", "place"]
    assert (second.part, second.to and second.to.bin) == (True, "940140000385")
    assert wrong.problem == "the row does not say change in the column type"
    (header_wrong,) = read(tmp_path, "b.csv", "type,message_id,applicant.iin\nchange,1,2")
    assert "is no field of a change" in (header_wrong.problem or "")


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_the_header_shows_the_separator(tmp_path: Path, separator: str) -> None:
    """Comma, semicolon and tab; an organisation is known by its fields."""
    rows = (("kind", "applicant.bin", "text"), ("complaint", "050140000017", "a"))
    (message,) = read(tmp_path, "a.csv", "\n".join(map(separator.join, rows)))
    assert decode(message).applicant.type == "organisation"


def test_cp1251_is_read_where_it_is_named(tmp_path: Path) -> None:
    """The encoding is never guessed: by default such a row is told."""
    content = "kind,applicant.surname\r\ncomplaint,Ёлкин\r\n".encode("cp1251")
    (message,) = read(tmp_path, "a.csv", content, Encoding.CP1251)
    assert "Ёлкин" in message.raw.decode()
    (message,) = read(tmp_path, "a.csv", content)
    assert (message.problem or "").endswith(
        'not utf-8; save the file as UTF-8, or name its encoding: --encoding cp1251, encoding = "cp1251"'
    )
    (message,) = read(tmp_path, "a.csv", b"kind,text\na,\x98\n", Encoding.CP1251)
    assert message.problem == "byte 3 is not cp1251; save the file as UTF-8"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_what_is_plainly_utf8_is_not_read_as_cp1251(tmp_path: Path, name: str) -> None:
    """It would be a letter in broken letters, and nothing would tell."""
    content = "kind,text\r\ncomplaint,Прошу\r\n" if name == "a.csv" else '{"message_id": "m", "text": "Прошу"}'
    (message,) = read(tmp_path, name, content.encode(), Encoding.CP1251)
    assert message.problem == "it is in UTF-8, and is to be read as cp1251: mend its encoding"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("complaint,a,b", "the row has 3 cells, the header 2"),
        ("complaint", "the row has 1 cells, the header 2"),
        ('complaint,"a"b', "the quotes of the row do not pair up"),
        ('complaint,"never closed', "the quotes of the row do not pair up"),
        ("complaint," + "x" * LINE_LIMIT, "the line has"),
    ],
)
def test_a_broken_row_costs_itself_alone(tmp_path: Path, row: str, problem: str) -> None:
    """The rows around it are taken, even behind a quote that never closes."""
    before, broken, *after = read(tmp_path, "a.csv", f"kind,text\ncomplaint,1\n{row}\ncomplaint,2\ncomplaint,3\n")
    assert broken.position == "a.csv:3"
    assert problem in (broken.problem or "")
    assert [orjson.loads(message.raw)["text"] for message in (before, *after)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("kind,applicant.inn", "column 2 of the header, applicant.inn, is no field of an appeal; did you mean appli"),
        ("kind,Фамилия заявителя", "column 2 of the header, Фамилия заявителя, is no field of an appeal; write paths"),
        ("kind,900101300016", "column 2 of the header is no field of an appeal; write paths"),
        (f"kind,{'x' * 41}", "column 2 of the header is no field"),
        ("Сидоров,complaint", "column 1 of the header is no field of an appeal; write paths"),
        ("900101300016,Сидоров", "column 1 of the header is no field of an appeal; write paths"),
        ("kind,text,text", "column 3 of the header stands there twice"),
        ("text,number", "the header lacks the column kind"),
        ("kind,warnings", "column 2 of the header, warnings, is no field"),
        ('kind,"text', "the quotes of the header"),
    ],
)
def test_a_wrong_header_is_told_once(tmp_path: Path, header: str, problem: str) -> None:
    """Without a header no row can be read; what may be a row of data is not quoted."""
    (message,) = read(tmp_path, "a.csv", f"{header}\na,b\nc,d\n")
    assert problem in (message.problem or "")


def test_a_file_may_hold_a_single_appeal(tmp_path: Path) -> None:
    """As JSON on many lines, or as XML."""
    (message,) = read(tmp_path, "a.json", orjson.dumps(APPEAL, option=orjson.OPT_INDENT_2))
    assert decode(message).message_id == "m1"
    (message,) = read(tmp_path, "a.xml", "<appeal/>")
    assert (message.media_type, message.raw, message.problem) == ("application/xml", b"<appeal/>", None)
    (message,) = read(tmp_path, "b.xml", b"x" * 5_000_000)
    assert "bytes" in (message.problem or "")


def test_utf_16_is_told_once(tmp_path: Path) -> None:
    """What a spreadsheet calls Unicode text is one message in quarantine, not one for each line."""
    (message,) = read(tmp_path, "a.csv", "kind,text\na,b\n".encode("utf-16"))
    assert message.problem == "the file is UTF-16; save it as UTF-8"


def test_what_cannot_be_read_at_all_is_an_error(tmp_path: Path) -> None:
    """A file that is absent, or whose name says nothing, is the caller's mistake."""
    with pytest.raises(ConfigError, match=r"unknown kind of file.*\.jsonl"):
        read_appeals(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_appeals(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", '{"message_id":"m","kind":"complaint","text":"a\0b"}\n'), ("a.csv", "kind,text\ncomplaint,a\0b\n")],
)
def test_what_a_citizen_pasted_is_no_reason_to_refuse(tmp_path: Path, name: str, content: str) -> None:
    """A NUL in the text is replaced; the letter is a letter all the same."""
    (message,) = read(tmp_path, name, content)
    assert message.problem is None
    assert decode(message).text == "a\ufffdb"


@pytest.mark.proof
def test_two_hundred_thousand_broken_rows_cost_as_much_as_whole_ones(tmp_path: Path) -> None:
    """What a broken row gives back is read again once, however many rows are broken."""
    file = tmp_path / "a.csv"
    file.write_text("kind,text\n" + "complaint,one,too many\n" * 200_000)
    began = time.process_time()
    assert sum(message.problem is not None for message in read_appeals(file)) == 200_000
    assert time.process_time() - began < 15, "it took minutes when each row made the way to the next one longer"


def test_the_longest_text_fits_into_a_line(tmp_path: Path) -> None:
    """With each letter escaped, too, as many a library does by itself."""
    raw = json.dumps({"text": "я" * 200_000}).encode()
    (message,) = read(tmp_path, "a.jsonl", raw)
    assert (message.raw, message.problem) == (raw, None)


def test_a_letter_of_many_lines_is_one_row(tmp_path: Path) -> None:
    """However many a citizen writes, and whatever they look like."""
    text = "\n".join(["2,complaint,x"] * 5000)
    messages = read(tmp_path, "a.csv", f'message_id,kind,text\n1,complaint,"{text}"\n3,complaint,y\n')
    assert [message.problem for message in messages] == [None, None]
    assert orjson.loads(messages[0].raw)["text"] == text


def test_large_messages_come_few_at_a_time(tmp_path: Path) -> None:
    """A batch is bounded in bytes, too: a hundred messages of a megabyte are no batch."""
    file = tmp_path / "a.jsonl"
    line = json.dumps({"text": "x" * 1_000_000})
    file.write_text(f"{line}\n" * 10 + "{}\n" * 250)
    sizes = [len(batch) for batch in batches(read_appeals(file), 100)]
    assert sizes[:2] == [5, 5]
    assert sum(sizes) == 260
    assert max(sizes) == 100


@pytest.mark.proof
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """40 MB of lines and a single line of 40 MB pass in a few."""
    many = tmp_path / "many.jsonl"
    with many.open("wb") as file:
        for _ in range(40):
            file.write((orjson.dumps(APPEAL) + b"\n") * 500)
        for _ in range(40):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_appeals(many)) == 20_001
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


@given(content=st.binary(max_size=300) | st.text('kind,text;"\n\r\t\0x', max_size=200).map(str.encode))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes) -> None:
    """Whatever a file holds, reading it ends, and each message is an appeal's JSON or has a problem or a reason."""
    for start in (b"", b"kind,text\n"):
        for message in read(tmp_path_factory.getbasetemp(), f"any{suffix}", start + content):
            assert message.problem is None or message.problem.isprintable()
