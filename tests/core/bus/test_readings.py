"""What replies are read with has a fingerprint: another one where that is something else, and nowhere else."""

import shutil
import sys
from pathlib import Path

import pytest

from appealbus.core.bus.work.readings import SETTINGS, readings
from appealbus.core.config.loading import load
from appealbus.core.loading.parts import build, load_plugins

FIRST = Path(__file__).parents[3] / "examples" / "first_plugin"
TYPES = '<schema xmlns="http://www.w3.org/2001/XMLSchema"/>'
MEANINGLESS = '[[sources.akims.meaningless]]\npath = "akim/x"\nreason = "y"\n'


def put(folder: Path, more: str = "", url: str = "http://127.0.0.1:1/") -> Path:
    """Write the configuration."""
    folder.mkdir(exist_ok=True)
    for name in ("agency.wsdl", "my_plugin.py"):
        if not (folder / name).exists():
            shutil.copy(FIRST / name, folder)
    source = f'[sources.akims]\nconnector = "soap"\nwsdl = "agency.wsdl"\nurl = "{url}"\n'
    (folder / "appealbus.toml").write_text(f'[bus]\nplugins = ["./my_plugin.py"]\n{source}{more}')
    return folder


def of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.chdir(folder)
    sys.modules.pop("appealbus_inline_my_plugin", None)
    loaded = load()
    return dict(readings(loaded, build(loaded, load_plugins(loaded)))["akims"])


def test_they_follow_from_plugin_contract_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from where that lies, when it was written, or where the source is."""
    first = of(put(tmp_path / "a"), monkeypatch)
    assert set(first) == {SETTINGS, "akims.akim"}
    assert all(0 <= each < 2**63 for each in first.values())
    assert of(put(tmp_path / "b", url="http://127.0.0.1:2/"), monkeypatch) == first

    told = of(put(tmp_path / "a", MEANINGLESS), monkeypatch)
    assert (told["akims.akim"], told[SETTINGS] == first[SETTINGS]) == (first["akims.akim"], False)
    (put(tmp_path / "a") / "types").mkdir()
    (tmp_path / "a" / "types" / "types.xsd").write_text(TYPES)
    assert of(tmp_path / "a", monkeypatch)[SETTINGS] not in (first[SETTINGS], told[SETTINGS])
    with (tmp_path / "b" / "my_plugin.py").open("a") as plugin:
        plugin.write("\n")
    mended = of(tmp_path / "b", monkeypatch)
    assert (mended[SETTINGS], mended["akims.akim"] == first["akims.akim"]) == (first[SETTINGS], False)


def test_the_contract_beside_a_plugin_that_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lookup may name one that no setting does."""
    folder = put(tmp_path / "a")
    (folder / "plugin").mkdir()
    (folder / "my_plugin.py").rename(folder / "plugin" / "my_plugin.py")
    shutil.move(folder / "agency.wsdl", tmp_path)
    source = f'[sources.akims]\nconnector = "soap"\nwsdl = "{tmp_path}/agency.wsdl"\nurl = "http://127.0.0.1:1/"\n'
    (folder / "appealbus.toml").write_text(f'[bus]\nplugins = ["./plugin/my_plugin.py"]\n{source}')
    first = of(folder, monkeypatch)
    (folder / "plugin" / "answer.xsd").write_text(TYPES)
    mended = of(folder, monkeypatch)
    assert (mended[SETTINGS], mended["akims.akim"] == first["akims.akim"]) == (first[SETTINGS], False)
