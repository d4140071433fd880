"""The commands as a user types them: what they print, what programs can read of it, and how they end."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from appealbus.core.language import Reader
from appealbus.schemas import Appeal, Dossier
from appealbus.schemas.xml import dossier_from_xml
from appealbus.simulator.population import Population
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import Finished, appealbus

pytestmark = pytest.mark.system

CONTRACT = Path(__file__).parents[2] / "schemas/appealbus/schemas/contract/dossier.xsd"


def _about_known_people(count: int) -> list[Appeal]:
    people = Population()
    return [
        each
        for each in letters(20 * count)
        if each.parcels
        and each.applicant.type == "person"
        and each.applicant.iin
        and people.persons.by_iin(each.applicant.iin) is not None
        and people.parcel_by_number(each.parcels[0].cadastral_number)
    ][:count]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, _agencies: Agencies) -> Installation:
    """An installation whose first appeal is complete, and whose others lack the cadastre's answer for a day."""
    here = Installation(tmp_path_factory.mktemp("worked"), _agencies)
    here.configure(retry={"first": "1d", "factor": 1, "max": "1d"})
    made = _about_known_people(3)
    for rules, part in (({}, made[:1]), ({"egkn": {"http_502": 1}}, made)):
        _agencies.misbehave(**rules)
        here.write(part)
        appealbus(here.folder, "intake", here.appeals.name)
        appealbus(here.folder, "run", "--until-idle")
    _agencies.misbehave()
    return here


def _numbers(here: Installation) -> list[str]:
    return [row.number for row in here.rows()]


def test_a_dossier_in_three_formats(worked: Installation) -> None:
    """Text for people; JSON and XML that say the same, the XML valid against the published contract."""
    number = _numbers(worked)[0]
    text = appealbus(worked.folder, "dossier", number).out
    for shown in (number, "complete", "gbdfl.person: Person", "egkn.parcel: Parcel", "source: egkn over shep"):
        assert shown in text
    by_json = appealbus(worked.folder, "dossier", number, "--format", "json")
    xml = appealbus(worked.folder, "dossier", number, "--format", "xml").raw
    tree = etree.fromstring(xml)
    schema = etree.XMLSchema(etree.parse(CONTRACT))
    assert schema.validate(tree), schema.error_log
    assert dossier_from_xml(xml) == Dossier.model_validate_json(by_json.raw)


def test_why_names_the_one_cause_and_the_next_attempt(worked: Installation) -> None:
    """A partial dossier exits 1 and says what is missing and when it is asked again; a complete one exits 0."""
    complete, partial, _ = _numbers(worked)
    assert "not applicable" in appealbus(worked.folder, "why", complete).out
    text = appealbus(worked.folder, "why", partial, expect=1).out
    told = appealbus(worked.folder, "why", partial, "--json", expect=1).json()
    assert told["completeness"] == "partial"
    gap = next(gap for gap in told["gaps"] if gap["lookup"] == "egkn.parcel")
    assert (gap["outcome"], gap["code"], gap["required"]) == ("unavailable", "http.502", True)
    assert Reader().moment(datetime.fromisoformat(gap["next_attempt_at"])) in text
    assert "http.502" in text


def test_explain_tells_where_a_field_comes_from(worked: Installation) -> None:
    """A field of a record has its whole provenance, down to the row of the access log."""
    number = _numbers(worked)[0]
    fact = next(fact for fact in worked.dossiers().values() if fact.number == number).facts[0]
    told = appealbus(worked.folder, "explain", number, "gbdfl.person/surname", "--json").json()
    text = appealbus(worked.folder, "explain", number, "gbdfl.person/surname").out
    log = appealbus(worked.folder, "access", "list", "--number", number, "--json").json()
    whole = json.dumps(told, ensure_ascii=False)
    for part in (
        "gbdfl",
        "shep",
        fact.provenance.plugin_version,
        fact.provenance.legal_basis,
        "identify the applicant",
    ):
        assert part in whole
        assert part in text
    assert any(row["question_id"] in whole for row in log)


def test_the_access_log_tells_who_looked_at_whose_data_and_why(worked: Installation) -> None:
    """One row for each question, in pages, for programs and for people."""
    rows = appealbus(worked.folder, "access", "list", "--json").json()
    assert {row["question_id"] for row in rows} >= set(worked.asked())
    for row in rows:
        assert all(
            row[key] for key in ("at", "actor", "subject", "source", "lookup", "number", "purpose", "legal_basis")
        )
    page = appealbus(worked.folder, "access", "list", "--json", "--limit", "2", "--after", str(rows[1]["id"])).json()
    assert page == rows[2:4]
    assert rows[0]["subject"] in appealbus(worked.folder, "access", "list").out


def test_sources_and_plugins_for_programs(worked: Installation) -> None:
    """Each source with its state and counts as the bus left them; each plugin with its version, hooks and state."""
    told = {row["source"]: row for row in appealbus(worked.folder, "sources", "--json").json()["sources"]}
    assert told.keys() == {"gbdfl", "gbdul", "egkn"}
    assert told["egkn"]["outcomes"]["unavailable"] >= 2
    assert told["egkn"]["last_error"].startswith("http.502")
    assert told["gbdfl"]["breaker"] == "closed"
    plugins = appealbus(worked.folder, "plugins", "--json").json()
    assert {"gbdfl", "gbdul", "egkn", "identity", "land_rights", "simulator", "files", "wires"} <= {
        p["name"] for p in plugins
    }
    assert {plugin["state"] for plugin in plugins} == {"active"}


def test_check_proves_the_configuration_and_reaches_for_the_sources(here: Installation) -> None:
    """Right: 0. A source that nobody answers for: 1. A wrong key: 2, with file, line and what to write instead."""
    assert "The configuration is right" in appealbus(here.folder, "check", "--online").out
    gone = {**here.source("egkn", timeout="2s"), "url": "http://127.0.0.1:9/bip-sync/"}
    here.configure(sources={"egkn": gone})
    appealbus(here.folder, "check")
    assert "source egkn over shep" in appealbus(here.folder, "check", "--online", expect=1).err
    config = here.folder / "appealbus.toml"
    config.write_text('[bus]\nacepted_by = "x"\n\n[sources.egkn]\nconnector = "sheep"\n')
    wrong = appealbus(here.folder, "check", expect=2)
    assert "appealbus.toml:2: bus.acepted_by: unknown key; did you mean accepted_by?" in wrong.err
    assert not (here.folder / "journal.db").exists(), "check touched data"


BROKEN = {
    "raises": "raise RuntimeError('at import')",
    "exits": "import sys; sys.exit(3)",
    "misspelt": "from appealbus.core import hookimpl\n\n@hookimpl\ndef register_lookup():\n    return []\n",
    "syntax": "def register_lookups(:\n",
    "noisy": (
        "from appealbus.core import hookimpl\n\n"
        "@hookimpl\ndef appeal_accepted(receipt):\n    raise KeyError(receipt.number)\n\n"
        "@hookimpl\ndef dossier_ready(dossier):\n    raise KeyError(dossier.appeal.applicant)\n"
    ),
}


def test_broken_plugins_are_listed_and_the_rest_runs(here: Installation) -> None:
    """Each has its reason; the bus enriches all the same, and says in its log who raised, not what."""
    for name, source in BROKEN.items():
        (here.folder / f"{name}.py").write_text(source)
    here.configure(bus={"journal": "sqlite:///journal.db", "plugins": [f"./{name}.py" for name in BROKEN]})
    listed = {p["name"]: p for p in appealbus(here.folder, "plugins", "--json", expect=1).json()}
    assert {name for name, plugin in listed.items() if plugin["state"] == "broken"} == BROKEN.keys() - {"noisy"}
    assert "register_lookups" in listed["misspelt"]["reason"]
    assert "plugin syntax is broken" in appealbus(here.folder, "check", expect=1).err
    sent = here.write(_about_known_people(3))
    appealbus(here.folder, "intake", here.appeals.name)
    done = appealbus(here.folder, "run", "--until-settled")
    assert here.dossiers().keys() == set(sent)
    assert all(dossier.facts for dossier in here.dossiers().values())
    assert '"plugin":"noisy"' in done.err
    surname = next(each.applicant.surname for each in _about_known_people(3) if each.applicant.type == "person")
    assert surname
    assert surname not in done.err


MISTAKES = {
    ("intake", "absent.jsonl"): 2,
    ("dossier", "AB-1", "--format", "yaml"): 2,
    ("explain", "AB-2026-00000001", "gbdfl.person/shoe_size"): 3,
    ("quarantine", "show", "1"): 3,
    ("quarantine", "replay"): 2,
    ("--config", "absent.toml", "run"): 2,
}


def test_mistakes_end_with_the_codes_that_help_tells(worked: Installation) -> None:
    """A mistake of the caller is 2, what does not exist is 3, each with a sentence; `--help` says so."""

    def make(arguments: tuple[str, ...]) -> Finished:
        return appealbus(worked.folder, *arguments, expect=MISTAKES[arguments])

    with ThreadPoolExecutor(4) as pool:
        for done in pool.map(make, MISTAKES):
            assert done.err.strip()
            assert "Traceback" not in done.err
    told = " ".join(appealbus(worked.folder, "--help").out.split())
    for code in (
        "0 all is well",
        "2 the configuration or the command line",
        "3 there is no such thing",
        "4 the journal",
    ):
        assert code in told
