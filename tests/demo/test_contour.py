"""What the demonstration signs, and what it says of that."""

from pathlib import Path

import pytest

from appealbus.connectors.signing.gost import libgcrypt
from appealbus.core import ConfigError
from appealbus.core.config.loading import from_document
from appealbus.core.loading.parts import build, load_plugins
from appealbus.demo.setting import MODELS, contour, document
from appealbus.simulator.settings import SimulatorSettings
from appealbus.simulator.signing.keys import make_keys
from tests.connectors.signing.gost.kit import needs_libgcrypt


def configured(folder: Path, settings: SimulatorSettings) -> None:
    """Hold the configuration of the demonstration to be one that the bus takes."""
    loaded = from_document(document(folder, "http://127.0.0.1:9/", settings), folder)
    parts = build(loaded, load_plugins(loaded))
    assert {"gbdfl", "gbdul", "egkn", "address"} <= parts.sources.keys()
    assert all(name in parts.sources and name in loaded.settings.bus.legal_basis for name in MODELS)


@needs_libgcrypt
def test_signed_where_the_library_is_there(tmp_path: Path):
    """Keys lie in the demonstration's own folder."""
    settings, told = contour(tmp_path)
    assert settings.keys == tmp_path / "keys"
    assert "GOST 34.10-2015" in told
    make_keys(settings.keys, settings.algorithm)
    configured(tmp_path, settings)


def test_unsigned_where_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It runs all the same, and says what is missing."""

    def absent() -> None:
        raise ConfigError("GOST needs libgcrypt.so.20: apt install libgcrypt20")

    monkeypatch.setattr(libgcrypt, "load", absent)
    settings, told = contour(tmp_path)
    assert settings.keys is None
    assert told == "Messages are not signed: GOST needs libgcrypt.so.20: apt install libgcrypt20"
    configured(tmp_path, settings)
