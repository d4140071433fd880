"""The process that reads replies again, and a journal that is away from it."""

from pathlib import Path

import pytest

from appealbus.core.bus.work.rereading import HelperEnds, RereadProcess
from appealbus.core.cli.context import Cli
from appealbus.core.errors import JournalError
from tests.services.postgres import Postgres


async def test_a_journal_that_is_away_is_no_death_of_the_process(
    tmp_path: Path, postgres: Postgres, database: str
) -> None:
    """An appeal that was to be read just then would be left, and three of them would end all reading."""
    config = tmp_path / "appealbus.toml"
    config.write_text(f'[bus]\njournal = "{database}"\n')
    async with Cli(config).journal(write=True):
        pass
    process = RereadProcess(config, "", deaths=2)
    try:
        assert not (await process.read(1)).died
        postgres.stop()
        for _ in ("it runs", "it starts"):
            with pytest.raises(JournalError) as raised:
                await process.read(1)
            assert (type(raised.value) is HelperEnds, raised.value.passes) == (False, True)
        postgres.start()
        assert not (await process.read(1)).died
    finally:
        await process.end()
