"""The configuration for RabbitMQ: it is right as it stands, and so is what the page shows."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from appealbus.core.config.loading import from_document
from appealbus.core.loading.parts import build, load_plugins

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "amqp.md").read_text(encoding="utf-8")


def test_the_example_is_right(tmp_path: Path) -> None:
    """`appealbus check` says so, without a broker."""
    shutil.copy(ROOT / "examples" / "rabbitmq" / "appealbus.toml", tmp_path)
    done = subprocess.run(
        [Path(sys.executable).with_name("appealbus"), "check"],
        cwd=tmp_path,
        env={**os.environ, "RABBITMQ_PASSWORD": "guest"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The configuration is right." in done.stdout


def test_what_the_page_shows_can_be_copied(tmp_path: Path) -> None:
    """Each block of TOML is a configuration."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        loaded = from_document(tomllib.loads(block), tmp_path, env={"RABBITMQ_PASSWORD": "guest"})
        parts = build(loaded, load_plugins(loaded))
        assert parts.work is not None
        assert [intake.name for intake in parts.intakes] == ["eotinish"]
        assert list(parts.deliveries) == ["registry"]
