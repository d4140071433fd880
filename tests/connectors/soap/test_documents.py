"""The documents of a contract: where they are looked for, where not, and what is told of those that cannot be used."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lxml import etree

from appealbus.connectors.soap.documents import Document, load_documents, read_catalog
from appealbus.connectors.soap.problems import ContractNotes
from appealbus.core import ConfigError

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Return a function that writes a schema which includes others, and returns its file."""

    def put(name: str, *includes: str, holds: str = "") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        inside = "".join(f'<xs:include schemaLocation="{each}"/>' for each in includes)
        file.write_text(f"<xs:schema {XS}>{inside}{holds}</xs:schema>", encoding="utf-8")
        return file

    return put


def names(documents: list[Document], folder: Path) -> list[str]:
    """Return the files of documents, inside a folder."""
    return [os.path.relpath(each.location, folder) for each in documents]


def told(entry: Path, catalog: Mapping[str, Path] | None = None, **options: Path) -> str:
    """Return what is said of a contract that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        load_documents(entry, catalog or {}, **options)
    return str(caught.value)


@pytest.mark.parametrize("written", ["{}", "file://{}", "file:{}", "../outside.xsd", "a/../../outside.xsd", "link.xsd"])
def test_imports_stay_in_the_folder(put: Put, tmp_path: Path, written: str) -> None:
    """By whatever way a file outside is named, it is not used, and what to do is said."""
    outside = put("outside.xsd")
    entry = put("contract/a.xsd", written.format(outside))
    (entry.parent / "link.xsd").symlink_to(outside)
    text = told(entry)
    assert f"imports files outside its folder {entry.parent}, which are not read:\n  {outside} (imported by" in text
    assert f'copy them into the folder, or name them in the catalog, or write `folder = "{tmp_path}"`' in text
    if "link" not in written:
        assert names(load_documents(entry, {}, folder=tmp_path), tmp_path) == ["contract/a.xsd", "outside.xsd"]


def test_a_folder_beside_with_the_same_beginning(put: Put) -> None:
    """`contract-old` is not in `contract`."""
    put("contract-old/b.xsd")
    assert "outside its folder" in told(put("contract/a.xsd", "../contract-old/b.xsd"))


def test_all_is_told_at_once(put: Put, tmp_path: Path) -> None:
    """Missing documents, those outside, and broken ones, also of imports of imports, each with all that import it."""
    put("outside.xsd", "further.xsd", "not.there.xsd")
    put("further.xsd")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "broken.xsd").write_text("<xs:schema")
    put("c/b.xsd", "missing.xsd", "http://x.invalid/y.xsd", "../outside.xsd", "broken.xsd")
    text = told(put("c/a.xsd", "b.xsd", "missing.xsd", "urn:x:z"))
    folder = tmp_path / "c"
    for line in (
        f"{folder}/broken.xsd: the document is not well-formed XML (line 1, column 10)",
        f"  {folder}/missing.xsd (imported by {folder}/a.xsd, {folder}/b.xsd)",
        f"  urn:x:z (imported by {folder}/a.xsd)",
        f"  http://x.invalid/y.xsd (imported by {folder}/b.xsd)",
        "  http://x.invalid/y.xsd\ty.xsd",
        f"  {tmp_path}/outside.xsd (imported by {folder}/b.xsd)",
        f"  {tmp_path}/further.xsd (imported by {tmp_path}/outside.xsd)",
    ):
        assert line in text.splitlines()


def test_a_file_outside_tells_nothing_of_itself(tmp_path: Path, put: Put) -> None:
    """What is in a file outside, and whether it is XML, stays unsaid."""
    (tmp_path / "secret").write_text("password=850312180019")
    text = told(put("c/a.xsd", "../secret"))
    assert "outside its folder" in text
    assert "8503" not in text
    assert "well-formed" not in text


@pytest.mark.parametrize("written", ["http://[", "//host/x", "\\\\host\\x", "x" * 5000, "%00.xsd", "a.xsd/b.xsd", "."])
def test_hostile_locations(put: Put, written: str) -> None:
    """What names no file is missing, or outside, and nothing breaks."""
    assert "imported by" in told(put("c/a.xsd", written))


def test_what_would_never_end(put: Put, tmp_path: Path) -> None:
    """A pipe is no file; links that lead to each other lead nowhere."""
    entry = put("c/a.xsd", "pipe", "one")
    os.mkfifo(entry.parent / "pipe")
    (entry.parent / "one").symlink_to(entry.parent / "two")
    (entry.parent / "two").symlink_to(entry.parent / "one")
    assert told(entry).count("(imported by") == 2


def test_a_renamed_location(put: Put, tmp_path: Path) -> None:
    """What a file that the catalog found imports is looked for beside that file, not where its address says."""
    put("c/types/b.xsd", "../common/c.xsd")
    put("c/common/c.xsd", "d.xsd")
    put("c/common/d.xsd")
    entry = put("c/a.xsd", "/app/model/types/b.xsd")
    (tmp_path / "c" / "catalog.tsv").write_text("/app/model/types/b.xsd\ttypes/b.xsd\n")
    catalog = read_catalog(tmp_path / "c" / "catalog.tsv")
    found = ["a.xsd", "types/b.xsd", "common/c.xsd", "common/d.xsd"]
    assert names(load_documents(entry, catalog), entry.parent) == found
    entry = put("c/a.xsd", "http://x.invalid/v1/b.xsd")
    found_by_url = load_documents(entry, {"http://x.invalid/v1/b.xsd": tmp_path / "c/types/b.xsd"})
    assert names(found_by_url, entry.parent) == found
    # The catalog's word comes first.
    other = put("c/other.xsd")
    urls = {"http://x.invalid/v1/b.xsd": tmp_path / "c/types/b.xsd", "http://x.invalid/common/c.xsd": other}
    assert names(load_documents(entry, urls), entry.parent) == ["a.xsd", "types/b.xsd", "other.xsd"]


def test_a_catalogued_file_may_lie_elsewhere(put: Put, tmp_path: Path) -> None:
    """The catalog may lead out of the contract's folder, and what is imported there stays in that folder."""
    put("shared/types/b.xsd", "c.xsd")
    put("shared/types/c.xsd", "../../shared/d.xsd")
    put("shared/d.xsd")
    entry = put("c/a.xsd", "http://x.invalid/b.xsd")
    text = told(entry, {"http://x.invalid/b.xsd": tmp_path / "shared/types/b.xsd"})
    assert f"  {tmp_path}/shared/d.xsd (imported by {tmp_path}/shared/types/c.xsd)" in text.splitlines()
    assert text.count("imported by") == 1


def test_one_file_under_two_addresses(put: Put) -> None:
    """It is one document."""
    b = put("c/b.xsd", "a.xsd")
    entry = put("c/a.xsd", "b.xsd", "http://x.invalid/b.xsd", "./b.xsd", "http://www.w3.org/2001/xml.xsd")
    documents = load_documents(entry, {"http://x.invalid/b.xsd": b})
    assert [Path(each.location).name for each in documents] == ["a.xsd", "b.xsd", "xml.xsd"]
    assert documents[0].targets["http://x.invalid/b.xsd"] == documents[0].targets["b.xsd"] == str(b)


def test_stray_text(put: Put) -> None:
    """Text between the parts is skipped and its lines are told; what is for people stays."""
    holds = (
        '\n<xs:annotation><xs:documentation>text <xs:element name="x"/> text</xs:documentation></xs:annotation>\n'
        "&gt;&gt;&gt; merged\n"
        '<xs:element name="A"><xs:complexType>\n\n  ;<!-- a\n comment --><xs:sequence/></xs:complexType>'
        "</xs:element>\n."
    )
    notes = ContractNotes()
    entry = put("c/a.xsd", holds=holds)
    (document,) = load_documents(entry, {}, notes=notes)
    line = "text between the parts of the document is skipped"
    assert notes.lines == [f"{entry}, line 3, 6, 8: {line}"]
    etree.XMLSchema(document.root)
    assert document.root.xpath("string(//xs:documentation)", namespaces={"xs": "http://www.w3.org/2001/XMLSchema"}) == (
        "text  text"
    )


def test_stray_text_in_an_encoding_that_has_no_lines(tmp_path: Path) -> None:
    """It is skipped all the same."""
    entry = tmp_path / "a.xsd"
    entry.write_bytes(f'<?xml version="1.0" encoding="shift_jis"?><xs:schema {XS}>x</xs:schema>'.encode("shift_jis"))
    notes = ContractNotes()
    load_documents(entry, {}, notes=notes)
    assert notes.lines == [f"{entry}, line unknown: text between the parts of the document is skipped"]


def test_a_page_in_place_of_a_schema(put: Put, tmp_path: Path) -> None:
    """What is saved from a portal is often its login page; WSDL 2.0 is another language."""
    entry = put("c/a.xsd", "b.xsd", "c.xsd")
    (tmp_path / "c" / "b.xsd").write_text("<html><body/></html>")
    (tmp_path / "c" / "c.xsd").write_text('<description xmlns="http://www.w3.org/ns/wsdl"/>')
    assert told(entry).count("is neither a WSDL 1.1 nor an XML schema") == 2


def test_imports_without_an_end(put: Put) -> None:
    """So many are refused before they are all looked for, and a thousand of one are one."""
    assert "imports more than 2000 documents" in told(put("c/a.xsd", *(f"{number}.xsd" for number in range(5000))))
    assert told(put("c/a.xsd", *["b.xsd"] * 1000)).count("imported by") == 1


def test_the_schema_of_xml_itself(put: Put, tmp_path: Path) -> None:
    """It is there wherever its URL is meant, also by a relative import; a file of its name goes before."""
    entry = put("c/a.xsd", "http://www.w3.org/2001/b.xsd", "https://www.w3.org/2001/xml.xsd")
    b = put("c/b.xsd", "xml.xsd")
    documents = load_documents(entry, {"http://www.w3.org/2001/b.xsd": b})
    assert [Path(each.location).name for each in documents] == ["a.xsd", "b.xsd", "xml.xsd"]
    put("c/xml.xsd")
    documents = load_documents(entry, {"http://www.w3.org/2001/b.xsd": b})
    assert documents[-1].location == str(tmp_path / "c" / "xml.xsd")
    assert "outside its folder" in told(put("c/d.xsd", "../../etc/xml.xsd"))
