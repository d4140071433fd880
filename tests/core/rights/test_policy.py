"""The policy file: what is right is a policy, what is wrong is told with file, line, key and what to write."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appealbus.core.config.loading import load
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.domain.client import Client, Role
from appealbus.core.loading.parts import load_plugins
from appealbus.core.rights.masked_version import masked
from appealbus.core.rights.policy import Policy, read_policy
from appealbus.core.rights.viewer import MAY, Action

_BUS = '[bus]\npolicy = "policy.toml"\n[deliveries.registry]\nkind = "files"\n'
_POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone", "gbdfl.person/birth_date", "egkn.*", "signals"]
identifiers = ["iin"]
[roles.reviewer]
mask = "desk"
[clients.akimat]
mask = "technical"
purpose = false
[receivers.registry]
mask = "desk"
"""


def _read(folder: Path, text: str) -> Policy:
    (folder / "appealbus.toml").write_text(_BUS)
    (folder / "policy.toml").write_text(text)
    return read_policy(load(folder / "appealbus.toml", {}))


def _client(name: str, role: Role = Role.REVIEWER) -> Client:
    return Client(name, role, "", ("750000000",), (), None, datetime(2026, 2, 1, tzinfo=UTC), "person:a")


def test_a_policy_says_who_sees_what(tmp_path: Path) -> None:
    """Roles, clients and receivers have their masks, and what nobody wrote is as it is built in."""
    policy = _read(tmp_path, _POLICY)
    desk = policy.of_client(_client("somebody"))
    assert (desk.mask.name, desk.purpose_needed, desk.places) == ("desk", True, ("750000000",))
    akimat = policy.of_client(_client("akimat"))
    assert (akimat.mask.name, akimat.purpose_needed) == ("technical", False)
    assert policy.of_receiver("registry").mask.hidden_rules[-1] == "each iin"
    assert policy.of_receiver("other").mask.plain
    assert policy.of_role(Role.OPS).mask.name == "technical"
    assert policy.strangers(["akimats"]) == [
        f"{tmp_path / 'policy.toml'}:7: clients.akimat: there is no such client; did you mean akimats?"
    ]


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ('[masks.a]\nhides = ["appeal.applicant.phon"]', 2, "masks.a.hides[0]", "did you mean applicant.phone"),
        ('[masks.a]\nhides = ["signals.code"]', 2, "masks.a.hides[0]", 'write "signals"'),
        ('[masks.a]\nhides = ["appeal/text"]', 2, "masks.a.hides[0]", 'write "appeal.text"'),
        ("[masks.a]\nhide = []", 2, "masks.a.hide", "did you mean hides"),
        ('[masks.a]\nidentifiers = ["phone"]', 2, "masks.a.identifiers[0]", "'iin', 'bin'"),
        ("[masks.technical]\n", 1, "masks.technical", "built in"),
        ('[roles.reviewer]\nmask = "desc"\n[masks.desk]', 2, "roles.reviewer.mask", "did you mean desk"),
        ('[roles.reader]\nmask = "everything"', 1, "roles.reader", "'reviewer'"),
        ('[receivers.registri]\nmask = "everything"', 1, "receivers.registri", "did you mean registry"),
        ("[receivers.registry]\n", 1, "receivers.registry.mask", "missing"),
        ("[masks", 1, "", "not valid TOML"),
    ],
)
def test_an_error_says_where_and_what_to_write(tmp_path: Path, text: str, line: int, key: str, said: str) -> None:
    """A person finds file, line and key, and what was meant."""
    with pytest.raises(InvalidConfig) as caught:
        _read(tmp_path, text)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'policy.toml'}:{line}: {key}")
    assert said in told


def test_a_policy_that_is_not_there_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    """Nobody falls back to showing everything."""
    (tmp_path / "appealbus.toml").write_text(_BUS)
    with pytest.raises(InvalidConfig, match=r"appealbus.toml:2: bus.policy: .*is no file"):
        read_policy(load(tmp_path / "appealbus.toml", {}))


def test_rules_that_do_nothing_are_told(tmp_path: Path) -> None:
    """A slip in the name of a lookup or of a record's field is found where the lookups are known."""
    hides = '["gbdlf.person/*", "gbdfl.person/birthdate", "gbdfl.person/birth_date", "appeal.applicant.iin"]'
    _read(tmp_path, f"[masks.a]\nhides = {hides}")
    loaded = load(tmp_path / "appealbus.toml", {})
    policy = read_policy(loaded, load_plugins(loaded))
    one, other = policy.idle_rules
    assert "no lookup gbdlf.person is loaded, did you mean gbdfl.person?" in one
    assert "masks.a.hides[1]: no record of gbdfl.person has birthdate" in other
    (loose,) = policy.loose_masks()
    assert "masks.a.hides[3]: appeal.applicant.iin hides this number there alone" in loose


def test_every_role_has_a_mask_and_actions() -> None:
    """No role is forgotten, and whoever may not read may not read in bulk."""
    assert set(MAY) == set(Role) == set(Policy().roles)
    for role in (Role.CHANNEL, Role.INTEGRATOR, Role.OPS, Role.AUDITOR):
        assert not Policy().of_role(role).mask.plain
    assert Action.DOSSIER not in MAY[Role.CHANNEL] | MAY[Role.OPS] | MAY[Role.AUDITOR]


def test_the_example_of_the_page_is_a_policy(tmp_path: Path) -> None:
    """Whoever copies it has the masks that the page explains."""
    page = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
    configuration, policy, changes = re.findall(r"```toml\n# [a-z.]+\n(.*?)```", page, re.DOTALL)
    (tmp_path / "appealbus.toml").write_text(configuration)
    (tmp_path / "policy.toml").write_text(changes)
    read = read_policy(load(tmp_path / "appealbus.toml", {}))
    assert read.channels["letters"].places == ["270000000"]
    assert "answered" in read.changes[Role.REGISTRY]
    (tmp_path / "policy.toml").write_text(policy)
    read = read_policy(load(tmp_path / "appealbus.toml", {}))
    mask = read.of_receiver("akimat").mask
    assert mask is read.of_role(Role.REVIEWER).mask
    assert not mask.shows_lookup("gbdul.organisation")
    assert mask.shows_lookup("egkn.parcel")
    assert mask.hidden(("egkn.parcel", ("area",)))
    assert not read.masks["address"].hidden(("appeal", ("place", "kato")))
    assert read.masks["address"].hidden(("appeal", ("text",)))


def test_who_sees_only_some_appeals_sees_no_signals_that_tell_of_others(tmp_path: Path) -> None:
    """By whichever mask; of all other signals nothing changes, and whoever sees all appeals sees these, too."""
    (tmp_path / "appealbus.toml").write_text("[plugins.repeats]\ncompare = true\n")
    loaded = load(tmp_path / "appealbus.toml", {})
    policy = read_policy(loaded, load_plugins(loaded))
    client = Client("desk", Role.REGISTRY, "", (), (), None, datetime.now(UTC), "test")
    other, own = ({"assessor": name, "fields": ["appeal.text"], "code": name} for name in ("repeats", "identity"))
    document = {"schema_version": "1", "receipt": {}, "appeal": {"text": "x"}, "signals": [other, own]}
    for scope in ({"places": ("750000000",)}, {"kinds": ("complaint",)}):
        mask = policy.of_client(replace(client, **scope)).mask
        assert policy.of_client(replace(client, **scope)).mask is mask
        assert [each["assessor"] for each in masked(mask, document)["signals"]] == ["identity"]
    assert masked(policy.of_client(client).mask, document) is document
