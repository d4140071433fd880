"""What is in force: each setting with whence it is, and no secret of any kind among the values."""

from pathlib import Path

from appealbus.core.config.loading import load
from appealbus.core.loading.parts import load_plugins
from appealbus.core.management.settings import in_force

HIDDEN = "Sup3rS3cr3t"
"""Stands in every place where a secret might."""
STRANGE = """
from appealbus.core import Secret, Settings, hookimpl


class StrangeSettings(Settings):
    endpoint: str = ""
    words: list[str] = []
    deep: dict[str, dict[str, str]] = {}
    pin: int = 0
    size: int = 0
    password: Secret | None = None


@hookimpl
def register_settings():
    return StrangeSettings


@hookimpl
def register_assessors():
    return []
"""
BROKEN = "raise ValueError('no')\n"
FILE = f'''
[bus]
name = "region"
plugins = ["./strange.py", "./broken.py"]
journal = "sqlite:///other.db"
journal_password = {{ file = "db.secret" }}

[retry]
first = "90s"

[sources.egkn]
connector = "soap"
url = "https://{HIDDEN}:{HIDDEN}@egkn.example/ws?token={HIDDEN}"
wsdl = "egkn.wsdl"
http_headers = {{ X-Ours = "{HIDDEN}" }}
basic = {{ user = "{HIDDEN}", password = {{ env = "EGKN_PASSWORD" }} }}

[sources.odd]
connector = "no_such"
token = "{HIDDEN}"

[plugins.strange]
endpoint = "{HIDDEN}"
words = ["{HIDDEN}"]
deep = {{ one = {{ two = "{HIDDEN}" }} }}
pin = 431_977
size = 12
password = {{ env = "STRANGE_PASSWORD" }}

[plugins.broken]
password = "{HIDDEN}"
'''


def test_no_secret_is_among_what_is_in_force(tmp_path: Path) -> None:
    """Neither one that is referred to nor one that lies in a URL, in a stranger's table or in one that nobody reads.

    What somebody has written has its place; a variable stands above the file; the rest are defaults.
    """
    (tmp_path / "appealbus.toml").write_text(FILE, "utf-8")
    (tmp_path / "strange.py").write_text(STRANGE, "utf-8")
    (tmp_path / "broken.py").write_text(BROKEN, "utf-8")
    (tmp_path / "egkn.wsdl").write_text("<definitions/>", "utf-8")
    (tmp_path / "db.secret").write_text(HIDDEN, "utf-8")
    env = {"APPEALBUS__BUS__CONCURRENCY": "55", "EGKN_PASSWORD": HIDDEN, "STRANGE_PASSWORD": HIDDEN}
    env["APPEALBUS__SOURCES__ODD__PIN"] = HIDDEN
    loaded = load(tmp_path / "appealbus.toml", env)
    found = in_force(loaded, load_plugins(loaded))
    told = {each.key: each for each in found}
    assert len(told) == len(found)
    assert not [each.key for each in found if HIDDEN in str(each.value) or "431" in str(each.value)]
    assert told["bus.name"].value == '"region"'
    assert str(told["bus.name"].place).endswith("appealbus.toml:3")
    assert (told["bus.concurrency"].value, str(told["bus.concurrency"].place)) == ("55", "APPEALBUS__BUS__CONCURRENCY")
    assert (told["bus.grace"].value, told["bus.grace"].place) == ('"20s"', None)
    assert told["retry.first"].value == '"90s"'
    assert "db.secret" in (told["bus.journal_password"].value or "")
    assert told["sources.egkn.url"].value == '"https://egkn.example/ws?…"'
    assert told["sources.egkn.basic.user"].value is None
    assert "EGKN_PASSWORD" in (told["sources.egkn.basic.password"].value or "")
    assert told["sources.egkn.http_headers.X-Ours"].value is None
    assert told["sources.egkn.guard.rate"].value == "none"
    assert told["sources.egkn.connector"].value == '"soap"'
    for key in ("endpoint", "words", "deep.one.two", "pin"):
        assert told[f"plugins.strange.{key}"].value is None, key
    assert told["plugins.strange.size"].value == "12"
    assert "STRANGE_PASSWORD" in (told["plugins.strange.password"].value or "")
    for key in ("plugins.broken.password", "sources.odd.token", "sources.odd.pin"):
        assert told[key].value is None, key
    assert told["plugins.console.idle"].place is None
