"""Pages about wires, and what all pages share: examples that are valid, codes that exist, links that lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from appealbus.core.config.loading import from_document
from appealbus.core.loading.host import Host
from appealbus.core.loading.parts import build

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ALL = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "README.md", ROOT / "examples" / "README.md"]
WIRES = (ROOT / "docs" / "wires.md").read_text(encoding="utf-8")
SIGNATURES = (ROOT / "docs" / "signatures.md").read_text(encoding="utf-8")
BUS = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
FILES = {
    "wsdl",
    "catalog",
    "ca_bundle",
    "client_cert",
    "client_key",
    "key",
    "certificate",
    "trusted",
    "trusted_ca",
    "crl",
}
_LAYERS = "http|soap|shep|amqp|answer|xml|wssec|data_signature|reply|inputs?|guard|breaker|budget|bus|access_log"
_LAYERS += "|end|record|source"
_CODE = re.compile(rf"\"((?:{_LAYERS})\.[a-z_.]+)\"")


def literals(*folders: str) -> set[str]:
    """Find codes in the sources of these folders; events of the log look alike and are told apart by their call."""
    text = "\n".join(file.read_text(encoding="utf-8") for folder in folders for file in (ROOT / folder).rglob("*.py"))
    text = re.sub(r"(?:log\.\w+|failpoint)\(\s*\"[\w.]+\"", "", text)
    return set(_CODE.findall(text))


@pytest.mark.parametrize("code", sorted(literals("connectors", "schemas") - {"soap.contract"}))
def test_every_code_of_a_wire_is_on_the_page(code: str) -> None:
    """Whoever reads a code in a dossier finds its line."""
    assert re.search(rf"`{re.escape(code)}(\.CODE)?`", WIRES), code


@pytest.mark.parametrize("code", sorted(literals("core") - {"source.decided"}))
def test_every_code_of_the_bus_is_on_a_page(code: str) -> None:
    """The bus's own codes are in operating.md, those of reading a reply beside the wires."""
    assert f"`{code}`" in BUS + WIRES, code


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", WIRES + SIGNATURES, re.DOTALL))
def test_the_examples_are_valid(block: str, tmp_path: Path) -> None:
    """Each can be copied; the table of TLS stands for itself in any source."""
    document = tomllib.loads(block)
    for source in document["sources"].values():
        source.setdefault("connector", "soap")
        if source["connector"] == "soap":
            source.setdefault("wsdl", "any.wsdl")
        tables = (source, source.get("tls", {}), source.get("signature", {}), source.get("data_signature", {}))
        for name in (value for table in tables for key, value in table.items() if key in FILES):
            for each in [name] if isinstance(name, str) else name:
                (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / each).touch()
    loaded = from_document(document, tmp_path)
    host = Host(lambda name, model: loaded.validate(model, "plugins", name))
    host.load([], [])
    assert set(build(loaded, host).sources) == set(document["sources"])


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is to a file that is there, and to a heading in it."""
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    found = {link: (page.parent / link.partition("#")[0] if link[0] != "#" else page) for link in links}
    assert [link for link, file in found.items() if not file.exists()] == []
    assert [link for link, file in found.items() if "#" in link and link.partition("#")[2] not in anchors(file)] == []


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_are_there(page: Path) -> None:
    """A path of the checkout in a text is a path of the checkout."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:core|plugins|connectors|schemas|tests|examples|docs|benchmarks)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
