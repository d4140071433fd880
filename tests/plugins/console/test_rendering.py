"""The templates: read all at once as a server starts."""

from pathlib import Path

import pytest
from jinja2 import TemplateSyntaxError

from appealbus.plugins.console import rendering


def test_a_broken_template_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to come across it first; and whole ones are read once in a process."""
    assert rendering.templates() is rendering.templates()
    for name in ("templates/good.html", "views/one/broken.html"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{% if %}" if "broken" in name else "{{ here }}")
    monkeypatch.setattr(rendering, "HERE", tmp_path)
    with pytest.raises(TemplateSyntaxError) as caught:
        rendering.templates.__wrapped__()
    assert caught.value.name == "one/broken.html"
