"""What channels send wrong: warnings of the newest appeals, by channel and code."""

from dataclasses import replace

from appealbus.core.domain.counts import Warned
from appealbus.core.journal import figures
from appealbus.schemas.appeal import Warning

ODD = Warning(field="appeal", code="field.unknown", message="the contract does not know aplicant here")
OTHER = Warning(field="parcels[3].cadastral_number", code="cadastral_number.length", message="…")


async def taken(journal, make, message_id, channel, *warnings):
    new = make.new(message_id, channel=channel)
    odd = replace(new, appeal=new.appeal.model_copy(update={"warnings": list(warnings)}))
    return (await journal.accept(odd)).receipt.number


async def test_warnings_are_counted_by_channel_and_code(journal, make):
    """Appeals and not warnings are counted, among all newest ones of the channel; the newest three are named."""
    numbers = [await taken(journal, make, f"m-{at}", "portal", ODD, ODD, OTHER) for at in range(4)]
    await taken(journal, make, "m-9", "portal")
    other = await taken(journal, make, "m-10", "esedo", OTHER)
    await taken(journal, make, "m-11", "paper")
    newest = tuple(numbers[:0:-1])
    assert await journal.ask(figures.warned) == [
        Warned("esedo", "cadastral_number.length", 1, 1, (other,)),
        Warned("portal", "cadastral_number.length", 4, 5, newest),
        Warned("portal", "field.unknown", 4, 5, newest),
    ]


async def test_only_the_newest_appeals_are_looked_at(journal, make, monkeypatch):
    """So a channel that is mended is well again, and the look costs the same however many there are; huge ones are
    left out."""
    await taken(journal, make, "m-1", "portal", ODD)
    monkeypatch.setattr(figures, "WARNED", 2)
    for at in range(2):
        await taken(journal, make, f"n-{at}", "portal", OTHER)
    assert [(each.code, each.appeals, each.of) for each in await journal.ask(figures.warned)] == [
        ("cadastral_number.length", 2, 2)
    ]
    monkeypatch.setattr(figures, "_LARGEST", 1)
    assert await journal.ask(figures.warned) == []


async def test_they_are_read(journal, make):
    """With how each appeal stands, the newest first."""
    await taken(journal, make, "m-1", "portal", ODD)
    await taken(journal, make, "m-2", "esedo", ODD)
    number = await taken(journal, make, "m-3", "portal", OTHER)
    (newest, told), _, (_, first) = await journal.ask(figures.newest_with_warnings)
    assert (newest.number, newest.channel) == (number, "portal")
    assert ([each["code"] for each in told], first[0]["field"]) == (["cadastral_number.length"], "appeal")
