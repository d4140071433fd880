"""Which changes senders may send, and what whoever comes from an earlier release is told to add."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appealbus.core.config.loading import load
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.domain.client import Client, Credential, Role, Sender
from appealbus.core.journal import clients
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.credentials import new_token
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.senders import Senders, missing
from appealbus.schemas.change import Change
from tests.services import commands
from tests.services.journals import sqlite_journal

CONFIG = """
[bus]
journal = "sqlite:///appealbus.db"
changes_from = ["register", "quiet"]
{policy}
[intakes.files]
kind = "files"
folder = "in"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An installation with a configuration."""
    (tmp_path / "in").mkdir()
    (tmp_path / "appealbus.toml").write_text(CONFIG.format(policy=""), encoding="utf-8")
    return tmp_path


async def sent(folder: Path) -> None:
    """Have a journal in which changes of some channels are, and clients."""
    async with await Journal.open(sqlite_journal(folder / "appealbus.db")) as journal:
        now = journal.now()
        for at, (channel, kind) in enumerate([
            *(("register", kind) for kind in ("extended", "answered", "answered")),
            *(("files", kind) for kind in ("corrected", "due")),
            *(("portal", kind) for kind in ("corrected", "withdrawn")),
            ("Портал 2", ""),
            ("Портал 2", "closed"),
        ]):  # fmt: skip
            given = {"message_id": f"c-{at}", "channel": channel, "number": "N", "kind": kind or None}
            new = NewChange(Change.model_validate(given), now, "test", Sender())
            await journal.do(targets.Changing(new))
        for name, role, channel in (("register", Role.REGISTRY, ""), ("portal", Role.CHANNEL, "portal")):
            _, mark, digest = new_token()
            client = Client(name, role, channel, (), (), None, now, "person:test")
            await journal.do(clients.NewClient(client, Credential(mark, "token", now, now), digest))


ADDED = """
[channels.files]
changes = ["corrected","due","withdrawn"]
[channels.quiet]
changes = []  # name the kinds that it may send: none has come
[clients.register]
changes = ["extended","answered"]
# if they come by `appealbus intake`, too:
# [channels.register]
# changes = ["extended","answered"]
[channels."Портал 2"]
changes = ["corrected","withdrawn","closed"]
"""


async def test_what_was_sent_before_is_told_as_lines_to_paste(folder: Path) -> None:
    """Of each who has sent what it may not send now, and of who may change all and nothing; then nothing is told."""
    await sent(folder)
    loaded = load(folder / "appealbus.toml", {})
    async with await Journal.open(sqlite_journal(folder / "appealbus.db")) as journal:
        told = await missing(journal, loaded, read_policy(loaded))
        assert told.partition("\n")[2].split() == ADDED.split()
        (folder / "policy.toml").write_text(told.partition("\n")[2], encoding="utf-8")
        config = CONFIG.format(policy='policy = "policy.toml"')
        (folder / "appealbus.toml").write_text(config, encoding="utf-8")
        loaded = load(folder / "appealbus.toml", {})
        assert not await missing(journal, loaded, read_policy(loaded))
        (folder / "policy.toml").write_text("[clients.register]\npurpose = true\n", encoding="utf-8")
        told = await missing(journal, loaded, read_policy(loaded))
        assert '# in [clients.register], which is there:\nchanges = ["extended","answered"]' in told
        assert str(folder / "policy.toml") in told


@pytest.mark.proof
async def test_check_health_and_the_log_tell_of_it(folder: Path) -> None:
    """`check` has the lines; `health` is not well; `run` says so as it starts, and stays with what it may."""
    await sent(folder)

    def program(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return commands.run(folder, *arguments)

    told = program("check").stderr
    assert '[clients.register]\nchanges = ["extended","answered"]' in told
    assert "`appealbus check` has the lines" in program("health").stdout
    assert "policy.changes_missing" in program("run", "--until-idle").stderr
    (folder / "policy.toml").write_text(ADDED, encoding="utf-8")
    (folder / "appealbus.toml").write_text(CONFIG.format(policy='policy = "policy.toml"'), encoding="utf-8")
    assert "[clients.register]" not in program("check").stderr
    assert "`appealbus check` has the lines" not in program("health").stdout
    listed = program("policy").stdout
    for line in ("role channel: corrected, withdrawn", "role registry: none", "client register: answered, extended"):
        assert line in listed


def test_what_is_wrong_in_the_policy_has_its_line(folder: Path) -> None:
    """A kind of change that is none, a place that is none."""
    (folder / "appealbus.toml").write_text(CONFIG.format(policy='policy = "policy.toml"'), encoding="utf-8")
    (folder / "policy.toml").write_text('[roles.registry]\nchanges = ["answer"]\n[channels.files]\nplaces = ["27"]\n')
    with pytest.raises(InvalidConfig) as caught:
        read_policy(load(folder / "appealbus.toml", {}))
    assert "policy.toml:2: roles.registry.changes[0]: there is no such kind of change; " in str(caught.value)
    assert "write a territory by КАТО, nine digits" in str(caught.value)


def test_a_sender_is_kept_with_its_scopes_and_may_what_the_policy_says_now(folder: Path) -> None:
    """Over HTTP by its name and role; else by the channel. A client says more than its role, a role than nothing."""
    (folder / "appealbus.toml").write_text(CONFIG.format(policy='policy = "policy.toml"'), encoding="utf-8")
    (folder / "policy.toml").write_text(
        '[roles.registry]\nchanges = ["answered"]\n[clients.own]\nchanges = []\n'
        '[channels.files]\nkinds = ["complaint"]\n'
    )
    senders = Senders(read_policy(load(folder / "appealbus.toml", {})), ["register"])

    def client(name: str, role: Role, channel: str = "") -> Client:
        return Client(name, role, channel, ("270000000",), (), None, None, "")  # type: ignore[arg-type]

    register = senders.client(client("register", Role.REGISTRY))
    assert (register.channel, register.places, register.changes) == ("", ("270000000",), {"answered"})
    assert senders.kept(register.kept(), "register") == register
    assert senders.client(client("own", Role.REGISTRY)).changes == set()
    assert senders.client(client("desk", Role.OPS)).changes == set()
    portal = senders.client(client("web", Role.CHANNEL, "portal"))
    assert (portal.channel, portal.changes) == ("portal", {"corrected", "withdrawn"})
    files = senders.channel("files")
    assert (files.kinds, files.channel, files.changes) == (("complaint",), "files", {"corrected", "withdrawn"})
    assert senders.kept(None, "register").changes == set()
    assert senders.kept(files.kept(), "files") == files
