"""Files that plugins keep beside the journal: each takes its own alone."""

from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError
from appealbus.plugins.report.store import Store as Report
from appealbus.plugins.surges.store import Store as Surges


@pytest.mark.parametrize(("first", "second", "plugin"), [(Report, Surges, "surges"), (Surges, Report, "report")])
def test_the_file_of_another_plugin_is_refused(tmp_path: Path, first: Any, second: Any, plugin: str) -> None:
    """Nothing is made in it, and the error says which setting to mend."""
    path = tmp_path / "one.db"
    first(path).close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=rf"is not a file of {plugin}: .*plugins\.{plugin}\.file"):
        second(path)
    assert path.read_bytes() == before
    first(path).close()
