"""A version that cannot be masked in time is neither shown nor told: nobody can say whether it is news."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import Inbound, Taken
from appealbus.core.config.loading import from_document
from appealbus.core.journal import events
from appealbus.core.journal.appeals import lists
from appealbus.core.process.helpers import Helper, HelperDied
from appealbus.core.rights import masker
from appealbus.core.rights.policy import read_policy
from tests.core.kit import message, running_bus
from tests.plugins.api.serving import kind_of, served

POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone"]
[roles.registry]
mask = "desk"
[channels.test]
changes = ["corrected"]
"""


async def _dies(self: Helper, about: list[Any], raw: bytes, within: float) -> tuple[list[Any], bytes]:
    raise HelperDied


@pytest.mark.proof
async def test_what_cannot_be_masked_is_not_told(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the feed, which tells what comes before it and then waits, nor as a version; others are shown."""
    (tmp_path / "policy.toml").write_text(POLICY)
    given = {"journal": url, "grace": 1, "policy": str(tmp_path / "policy.toml"), "changes_from": ["test"]}
    numbers = []
    async with running_bus(tmp_path, bus=given) as bus:
        for name, text in (("small", "слово"), ("large", "слово 12 " * 9000)):
            taken = await bus.accept(message(name, text=text, applicant={"type": "person", "phone": "1"}))
            assert isinstance(taken, Taken)
            numbers.append(taken.receipt.number)
            await bus.settle()
        change = {"type": "change", "message_id": "c", "kind": "corrected", "number": numbers[1]}
        change["corrected"] = {"applicant": {"type": "person", "phone": "2"}}
        await bus.accept(Inbound("test", "c", orjson.dumps(change)))
        await bus.settle()
        while await bus.journal.do(events.Placing()):
            pass
        small, large = [
            row.public_id for each in numbers if (row := await bus.journal.ask(lists.appeal_row, each)) is not None
        ]
        policy = read_policy(from_document({"bus": given}, tmp_path), bus.parts.host)
        async with served(url, tmp_path, policy=policy, bus=given, host=bus.parts.host) as server:
            client = await server.client("registry")
            monkeypatch.setattr(Helper, "ask", _dies)
            page = (await client.get("/v1/feed")).json()
            assert [each["id"] for each in page["entries"]] == [small]
            assert page["lag"] > 0
            for path in ("", "/dossier", "/versions", "/versions/2", "/history", "/why", "/explain?field=appeal.text"):
                answer = await client.get(f"/v1/appeals/{large}{path}")
                assert (answer.status_code, kind_of(answer)) == (503, "unavailable"), path
            for path in (f"feed?after={page['next']}", f"feed/stream?after={page['next']}"):
                assert (await client.get(f"/v1/{path}")).status_code == 503
            listed = (await client.get("/v1/terms")).json()["appeals"]
            assert {each["id"]: each["version"] for each in listed} == {small: 1, large: 0}
            monkeypatch.undo()
            monkeypatch.setattr(masker, "monotonic", lambda: float("inf"))
            later = (await client.get(f"/v1/feed?after={page['next']}")).json()
            assert [(each["id"], each["version"]) for each in later["entries"]] == [(large, 1)]
            assert (await client.get(f"/v1/appeals/{large}")).json()["version"] == 1
