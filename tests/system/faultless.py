"""What the dossiers of appeals are where nothing fails, and how those of another run differ from them."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from appealbus.schemas import Appeal, Change, Dossier
from tests.services.policies import any_change
from tests.system.installation import SERVICES, Installation
from tests.system.production import Production
from tests.system.program import appealbus
from tests.system.register import PLUGIN, both_forms

POISON = str(Path(__file__).with_name("poison.py"))
INSIDE = {"inside": {"connector": "inside"}}
_OWN = {"number", "version", "created_at", "receipt"}
"""What another run of the same appeals gives anew."""
_OF_AN_OUTCOME = {"attempts", "asked_at", "ended_at"}
_OF_A_TRAIL = {"question_id", "message_id", "session_id", "asked_at", "observed_at", "fresh_until", "raw_sha256"}


def dossiers_without_faults(
    folder: Path, like: Production, appeals: Collection[Appeal], changes: Iterable[Change]
) -> dict[str, Dossier]:
    """Work the appeals with their changes over the same agencies, on the embedded defaults.

    Returns:
        The dossiers by message id.

    """
    calm = Installation(folder, like.agencies)
    broker = {
        "hosts": [f"127.0.0.1:{like.vhost.port}"],
        "virtual_host": like.vhost.name,
        "password": {"file": str(like.folder / "password")},
    }
    calm.write(appeals)
    with calm.appeals.open("ab") as file:
        file.writelines(each.model_dump_json(exclude_none=True).encode() + b"\n" for each in changes)
    any_change(folder, "channels.post")
    calm.configure(
        # Questions are named under the journal's key: with the same one they have the same names.
        bus={
            "journal": "sqlite:///journal.db",
            "policy": "policy.toml",
            "plugins": [PLUGIN, POISON],
            "key": str(like.folder / "appealbus.key"),
        },
        plugins={"amqp": {"brokers": {"main": broker}}},
        sources={name: calm.source(name) for name in SERVICES} | both_forms("10s", timeout="5s") | INSIDE,
        deliveries={},
    )
    patience = 120 + len(appeals)
    appealbus(folder, "intake", str(calm.appeals), "--channel", "post", timeout=patience)
    appealbus(folder, "run", "--until-settled", timeout=patience)
    return calm.dossiers()


def differences(dossier: Dossier, other: Dossier) -> list[str]:
    """Return the paths at which two dossiers tell a reader something else; whose run it was does not count."""
    return sorted(_differences(_told(dossier), _told(other), ""))


def _told(dossier: Dossier) -> dict[str, Any]:
    told = dossier.model_dump(mode="json", exclude=_OWN)
    told["appeal"].pop("number")
    for outcome in told["outcomes"]:
        _forget(outcome, _OF_AN_OUTCOME)
    for fact in told["facts"]:
        _forget(fact["provenance"], _OF_A_TRAIL)
        # The same answer, whether this appeal asked for it or another one had just done so.
        fact["provenance"]["connector"] = fact["provenance"]["connector"].removeprefix("cache:")
    for name in ("facts", "outcomes", "gaps"):
        told[name] = {f"{each['lookup']}[{each['key']}]": each for each in told[name]}
    return told


def _forget(told: dict[str, Any], names: set[str]) -> None:
    for name in names:
        told.pop(name, None)


def _differences(one: Any, other: Any, path: str) -> Iterable[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in one.keys() | other.keys():
            yield from _differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{path}[{at}]")
    elif one != other:
        yield path.removeprefix(".")
