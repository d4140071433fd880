"""Policies that tests need beside what they are about."""

from pathlib import Path

from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ChannelSettings


def any_change(folder: Path, *tables: str, bus: str = "") -> str:
    """Write a policy by which these tables, as `channels.files`, may send any change; return lines that name it."""
    written = "\n".join(f'[{table}]\nchanges = ["*"]' for table in tables)
    (folder / "policy.toml").write_text(f"{written}\n", encoding="utf-8")
    return f'[bus]\npolicy = "policy.toml"\n{bus}\n'


def of_channels(*channels: str) -> Policy:
    """Return a policy by which any change may come by these channels."""
    return Policy(channels=dict.fromkeys(channels, ChannelSettings(changes=["*"])))
