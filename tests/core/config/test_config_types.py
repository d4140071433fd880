"""Durations and secrets."""

import pickle
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from appealbus.core.config.loading import load
from appealbus.core.config.types import ExistingFile, ExistingFolder, Seconds, Secret, Settings
from appealbus.core.errors import ConfigError


class Holder(Settings):
    """Holds a secret."""

    secret: Secret


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("10s", 10), ("1.5m", 90), ("6h", 21600), ("7 d", 604800), (3, 3)]
)
def test_durations(written: object, seconds: float) -> None:
    """A number, or a text with its unit."""
    assert TypeAdapter(Seconds).validate_python(written) == seconds


@pytest.mark.parametrize("written", ["", "10", "s", "-1s", "1w", "1s2", None])
def test_what_is_no_duration_is_refused(written: object) -> None:
    """A text without a unit would be a guess."""
    with pytest.raises(ValidationError):
        TypeAdapter(Seconds).validate_python(written)


class Places(Settings):
    """Holds paths at which something must be."""

    files: list[ExistingFile] = []
    folder: ExistingFolder | None = None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            'files = ["here.pem", "no.pem"]',
            "config.toml:2: plugins.places.files[1]: {}/no.pem does not exist; write the path of",
        ),
        ('files = ["sub"]', "config.toml:2: plugins.places.files[0]: {}/sub is no file; write the path of a file"),
        (
            'files = ["here.pem/x"]',
            "config.toml:2: plugins.places.files[0]: {}/here.pem/x cannot be read: Not a directory",
        ),
        ('folder = "no"', "config.toml:2: plugins.places.folder: {}/no does not exist; write the path of a folder"),
        (
            'folder = "here.pem"',
            "config.toml:2: plugins.places.folder: {}/here.pem is no folder; write the path of a folder",
        ),
        ('files = ["here.pem"]\nfolder = "sub"', None),
    ],
)
def test_what_must_be_there_is_looked_for(tmp_path: Path, written: str, told: str | None) -> None:
    """A path that leads nowhere is a mistake at its line of the file, with what to write."""
    (tmp_path / "here.pem").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "config.toml").write_text(f"[plugins.places]\n{written}\n")
    loaded = load(tmp_path / "config.toml", {})
    if told is None:
        places = loaded.validate(Places, "plugins", "places")
        assert (places.files, places.folder) == ([tmp_path / "here.pem"], tmp_path / "sub")
        return
    with pytest.raises(ConfigError) as caught:
        loaded.validate(Places, "plugins", "places")
    assert told.format(tmp_path) in str(caught.value)


def test_a_secret_is_read_when_it_is_needed(tmp_path: Path) -> None:
    """A file may be replaced while the program runs; the line break at its end is not part of the secret."""
    (tmp_path / "pw").write_text("one\r\n")
    secret = Secret(file=tmp_path / "pw")
    assert secret.get() == "one"
    (tmp_path / "pw").write_text(" two")
    assert secret.get() == " two"
    assert Secret(env="PW", environ={"PW": "three"}).get() == "three"


def test_a_secret_travels_as_its_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To another process of ours goes where it is, and never what it is."""
    monkeypatch.setenv("JOURNAL_PASSWORD", "s3cret-value")
    for secret in (Secret(env="JOURNAL_PASSWORD"), Secret(file=tmp_path / "password")):
        secret.key = "bus.journal_password"
        written = pickle.dumps(secret)
        assert b"s3cret-value" not in written
        assert (pickle.loads(written), pickle.loads(written).key) == (secret, secret.key)


def test_a_secret_shows_only_where_it_is() -> None:
    """In repr, str, errors and JSON."""
    secret = Secret(env="PW", environ={"PW": "hunter2"})
    holder = Holder(secret=secret)
    assert repr(secret) == str(secret) == "Secret(env='PW')"
    assert "hunter2" not in repr(holder)
    assert holder.model_dump_json() == '{"secret":{"env":"PW"}}'
    assert Holder.model_validate_json(holder.model_dump_json()) == holder


@pytest.mark.parametrize(
    "written",
    ["hunter2", {"env": "a b"}, {"env": "A", "file": "b"}, {}, {"file": ""}, {"env": 1}, None, {"value": "x"}],
)
def test_a_secret_is_never_written_down(written: object) -> None:
    """Only a reference is taken, and the error says what to write without repeating what was."""
    with pytest.raises(ValidationError, match=r'write \{ env = "NAME" \} or \{ file = "path" \}') as caught:
        Holder.model_validate({"secret": written})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_secret_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """The error names the file and the key."""
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    secret = Secret(file=tmp_path / "pw")
    secret.key = "bus.toml:7: sources.x.password"
    with pytest.raises(ConfigError, match=rf"bus\.toml:7: sources\.x\.password: .*pw.* {told}|{told}"):
        secret.get()


def test_an_unset_or_empty_variable_is_told() -> None:
    """An empty secret is a mistake, not a secret."""
    for environ in ({}, {"PW": ""}):
        with pytest.raises(ConfigError, match="the environment variable PW is not set; set it"):
            Secret(env="PW", environ=environ).get()
