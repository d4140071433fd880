"""`appealbus check` names the paths that lead nowhere: of assessors and of terms, and rules of the policy."""

import json
from pathlib import Path

import pytest

PLUGIN = '''
from typing import Annotated, Literal

from appealbus.core import Assessor, From, Lookup, Query, Terms, hookimpl, records
from appealbus.schemas import Severity, Signal
from appealbus.schemas.record import Record


class Akim(Record):
    type: Literal["akims.Akim"] = "akims.Akim"
    name: str
    offices: list[dict[str, str]] = []


class OfPlace(Query):
    kato: Annotated[str, From("place.kato")]


class AkimOfPlace(Lookup[OfPlace, Akim]):
    """Who is akim there."""

    name = "akims.akim"
    purpose = "a test"

    async def ask(self, query, source): ...


class Rule(Assessor):
    """Concludes something."""

    name = "rule"
    reads = tuple(f"akims.akim/{each}" for each in ("name", "office"))

    def assess(self, dossier):
        for path, akim in records(dossier, "akims.akim", Akim):
            said = {"severity": Severity.INFO, "message_ru": "а", "message_kk": "а"}
            yield Signal(assessor="rule", code="appeal.odd", fields=["akims.akim/name"], **said)
            yield Signal(assessor="rule", code="a.a", fields=["akims.akim/nam"], **said)
            yield Signal(assessor="rule", code="a.b", fields=[f"{path}nmae", f"{path}name"], **said)
            yield Signal(assessor="rule", code="a.c", fields=["appeal.aplicant.iin", "appeal.place.kato"], **said)
            yield Signal(assessor="rule", code="a.d", fields=[f"akims.akim[{path}]/ofices[0].room"], **said)
            yield Signal(assessor="rule", code="a.e", fields=["away.thing/name"], **said)


class Days(Terms):
    name = "days"
    rests_on = ("appeal.category", "appeal.categori")

    def due_on(self, appeal, first, accepted_at, changes): ...


@hookimpl
def register_lookups():
    return [AkimOfPlace()]


@hookimpl
def register_assessors():
    return [Rule()]


@hookimpl
def register_terms():
    return [Days()]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin in one file, and a policy."""
    (tmp_path / "akims.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "policy.toml").write_text('[masks.desk]\nhides = ["akims.akim/nam"]\n', encoding="utf-8")
    (tmp_path / "appealbus.toml").write_text(
        '[bus]\nplugins = ["./akims.py"]\nlegal_basis = "a test"\npolicy = "policy.toml"\n', encoding="utf-8"
    )
    return tmp_path / "akims.py"


def test_paths_that_lead_nowhere_are_told_with_file_and_line(program, plugin: Path):
    """Each of them and no other; of what is not loaded it is said that nobody knows."""
    done = program("check", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)

    def said(text: str, path: str, why: str) -> str:
        line = PLUGIN[: PLUGIN.index(text)].count("\n") + 1
        return f"{plugin}:{line}: {path}: {why}; the assessor rule of akims: every mask hides a signal that names it"

    assert [each for each in told["problems"] if "akims" in each or "policy" in each or "terms" in each] == [
        "reads: akims.akim/office: its record has no such field; the assessor rule of akims",
        said('"akims.akim/nam"', "akims.akim/nam", "its record has no such field"),
        said("nmae", "…nmae", "neither the appeal nor a record has such a field"),
        said("appeal.aplicant", "appeal.aplicant.iin", "the dossier has no such field"),
        said("/ofices", "akims.akim[]/ofices[0].room", "its record has no such field"),
        "terms days of akims: rests_on: appeal.categori leads nowhere; every mask hides due dates",
        f"{plugin.parent / 'policy.toml'}:2: masks.desk.hides[0]: no record of akims.akim has nam; until it is right, "
        "it hides akims.akim/*",
    ]
    assert sorted(
        each for each in told["warnings"] if not each.startswith("sources: none")
    ) == [  # of what is not loaded, and of what may be a path and is in no signal
        said('"away.thing', "away.thing/name", "no such lookup is loaded"),
        said("rests_on =", "appeal.categori", "the dossier has no such field"),
    ]


def test_two_models_of_one_record_type_are_told_with_both_plugins(program, plugin: Path):
    """By `check`, with exit code 1, and by the bus at its start."""
    other = (
        PLUGIN.split("class Rule", maxsplit=1)[0]
        .replace('"akims.akim"', '"mayors.akim"')
        .replace("name: str", "name: int")
    )
    (plugin.parent / "mayors.py").write_text(
        f"{other}\n\n@hookimpl\ndef register_lookups():\n    return [AkimOfPlace()]\n", encoding="utf-8"
    )
    (plugin.parent / "appealbus.toml").write_text('[bus]\nplugins = ["./akims.py", "./mayors.py"]\n', encoding="utf-8")
    done = program("check", "--json")
    said = "the plugins akims and mayors have different models of the record type akims.Akim: "
    assert done.returncode == 1
    assert [each for each in json.loads(done.stdout)["problems"] if each.startswith(said)]
    ran = program("run", "--until-idle")
    assert ran.returncode == 0
    assert "plugin.record_clash" in ran.stderr
    assert said in ran.stderr


def test_what_ships_has_no_such_path(program, tmp_path: Path):
    """Of all assessors and terms, with everything that they can be given."""
    (tmp_path / "appealbus.toml").write_text("[plugins.repeats]\ncompare = true\n", encoding="utf-8")
    told = json.loads(program("check", "--json").stdout)
    assert not [
        each for each in told["problems"] + told["warnings"] if "every mask" in each or "cannot be read" in each
    ]


def test_a_policy_is_looked_at_before_there_is_a_journal(program, plugin: Path):
    """Of rules that name nobody nothing can be said yet: that is no failure, and no traceback."""
    policy = '[masks.desk]\nidentifiers = ["iin"]\n[roles.reviewer]\nmask = "desk"\n[clients.desk]\nmask = "desk"\n'
    (plugin.parent / "policy.toml").write_text(policy, encoding="utf-8")
    plugin.write_text("from appealbus.core import hookimpl\n\n\n@hookimpl\ndef register_lookups():\n    return []\n")
    done = program("check")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("sources: none is configured")
    assert not [*plugin.parent.glob("*.db")]
