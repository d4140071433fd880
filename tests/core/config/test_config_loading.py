"""Loading a configuration: what is right is typed, what is wrong is told with place, key and what to write."""

import os
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from appealbus.connectors.http import TlsSettings
from appealbus.connectors.signing import SignatureSettings
from appealbus.core.config import loading
from appealbus.core.config.loading import from_document, load
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.config.types import ConfigPath, Seconds, Secret, Settings
from appealbus.core.errors import ConfigError
from appealbus.core.logs.setup import LogLevel
from appealbus.schemas.appeal import AppealKind


class Login(Settings):
    """A table inside a connector's."""

    user: str
    """Who we are."""
    password: Secret


class WireSettings(Settings):
    """What a connector might let one set."""

    url: str
    """Where the service is."""
    wsdl: ConfigPath = Path("a.wsdl")
    login: Login | None = None
    pause: Seconds = 1.0
    codes: list[int] = []
    headers: dict[str, Secret] = {}


def write(folder: Path, text: str) -> Path:
    path = folder / "bus.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    """Load a wrong file; return what is told, without the folder."""
    path = write(folder, text)
    with pytest.raises(InvalidConfig) as caught:
        load(path, env or {}).validate(WireSettings, "sources", "gbdfl")
    return str(caught.value).replace(f"{path}", "bus.toml").splitlines()


SOURCE = '[sources.gbdfl]\nconnector = "soap"\n'


def test_without_a_file_there_are_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bus runs on nothing at all, with its journal in the current folder."""
    monkeypatch.chdir(tmp_path)
    loaded = load(env={})
    assert loaded.file is None
    assert loaded.settings.bus.journal == f"sqlite:///{tmp_path}/appealbus.db"
    assert loaded.settings.sources == {}
    assert loaded.settings.contract(AppealKind.COMPLAINT).wait == 20


def test_appealbus_toml_is_found_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name need not be said."""
    (tmp_path / "appealbus.toml").write_text('[bus]\nname = "here"')
    monkeypatch.chdir(tmp_path)
    assert load(env={}).settings.bus.name == "here"


def test_a_file_is_read_and_paths_start_at_its_folder(tmp_path: Path) -> None:
    """Both stages: the bus's own part, and a connector's."""
    path = write(
        tmp_path,
        """
        [bus]
        plugins = ["./mine.py", "other.module"]
        grace = "1.5m"
        [completeness.default]
        required = ["gbdfl.person"]
        [completeness.proposal]
        wait = 5
        [sources.gbdfl]
        connector = "soap"
        url = "http://x"
        guard = { timeout = "500ms" }
        headers.X-Key = { file = "key.txt" }
        """,
    )
    (tmp_path / "key.txt").write_text("hush\n")
    loaded = load(path, {})
    settings = loaded.settings
    assert settings.bus.plugins == [f"{tmp_path}/mine.py", "other.module"]
    assert settings.bus.grace == 90
    assert settings.bus.journal == f"sqlite:///{tmp_path}/appealbus.db"
    assert settings.contract(AppealKind.PROPOSAL).wait == 5
    assert settings.contract(AppealKind.COMPLAINT).required == ["gbdfl.person"]
    assert settings.sources["gbdfl"].guard.timeout == 0.5
    wire = loaded.validate(WireSettings, "sources", "gbdfl")
    assert wire.wsdl == Path("a.wsdl")
    assert wire.headers["X-Key"].get() == "hush"
    assert loaded.validate(WireSettings.__base__ or Settings, "plugins", "nobody") == Settings()


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    """File, line, key, what is wrong, what to write; in the order of the file."""
    assert problems(
        tmp_path,
        """[bus]
nam = "x"
concurrency = "many"
journal = "mysql://x"
plugins = [
  "fine",
  "not fine",
]

[completeness.complant]

[log]
level = "loud"

[sources.gbdfl]
guard = { timeot = 3 }
[sources."a b"]
connector = "soap"
""",
    ) == [
        "bus.toml:2: bus.nam: unknown key; did you mean name?",
        "bus.toml:3: bus.concurrency: wrong type; write a whole number",
        'bus.toml:4: bus.journal: write a URL such as "sqlite:///appealbus.db" or "postgresql://appealbus@host/appealbus"',
        'bus.toml:5: bus.plugins[1]: write the path of a file, such as "./my_plugin.py", or the name of a module',
        "bus.toml:10: completeness.complant: no such kind of appeal; did you mean complaint?",
        "bus.toml:13: log.level: write one of 'debug', 'info', 'warning' or 'error'",
        "bus.toml:15: sources.gbdfl.connector: missing; write connector = … (The wire: `shep`, `soap` …)",
        "bus.toml:16: sources.gbdfl.guard.timeot: unknown key; did you mean timeout?",
        "bus.toml:17: sources.a b: no such name is possible; write Latin letters, digits, _ and -, with a letter first",
    ]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "2: sources.gbdfl.url: missing; write url = … (Where the service is)"),
        ('uri = "x"\nurl = "x"', "4: sources.gbdfl.uri: unknown key; did you mean url?"),
        ('url = "x"\nguardd = {}', "5: sources.gbdfl.guardd: unknown key; did you mean guard?"),
        ("url = 5", "4: sources.gbdfl.url: wrong type; write a text in quotes"),
        ('url = "x"\ncodes = [1,\n "b"]', "5: sources.gbdfl.codes[1]: wrong type; write a whole number"),
        ('url = "x"\nlogin.user = "u"', "5: sources.gbdfl.login.password: missing; write password = …"),
        ('url = "x"\nlogin = 5', "5: sources.gbdfl.login: wrong type; write a table"),
        ('url = "x"\npause = "1 day"', "5: sources.gbdfl.pause: write a duration such as"),
        ('url = "x"\n[sources.gbdfl.login]\nuser = "u"', "5: sources.gbdfl.login.password: missing"),
        (
            'url = "x"\nheaders.a = "pw"',
            '5: sources.gbdfl.headers.a: write { env = "NAME" } or { file = "path" }, never the secret itself',
        ),
    ],
)
def test_connectors_and_plugins_get_the_same_help(tmp_path: Path, table: str, told: str) -> None:
    """The second stage tells place and key as the first does."""
    (line,) = problems(tmp_path, f"\n{SOURCE}{table}")
    assert line.startswith(f"bus.toml:{told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[bus]\nname = "x', "bus.toml:2: "),
        ("[bus]\n\nname", "bus.toml:3: "),
        ("[bus]\nname = 1\nname = 2", "bus.toml:3: "),
        ("[bus\n", "bus.toml:1: "),
        ("name = [1,", "bus.toml:1: "),
    ],
)
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """What tomllib says, in our form."""
    (line,) = problems(tmp_path, text)
    assert line.startswith(f"{told}not valid TOML: ")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Absent, or not UTF-8."""
    with pytest.raises(InvalidConfig, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    path = tmp_path / "bus.toml"
    path.write_bytes(b"[bus]\n\nname = '\xcf'")
    with pytest.raises(InvalidConfig, match=r"bus\.toml:3: not UTF-8; save the file as UTF-8"):
        load(path)


def test_windows_files_are_read_too(tmp_path: Path) -> None:
    """A byte order mark and other line breaks change nothing, lines included."""
    path = tmp_path / "bus.toml"
    path.write_bytes(b'\xef\xbb\xbf[bus]\r\nname = "x"\r\nnam = "x"\r\n')
    with pytest.raises(InvalidConfig, match=r"bus\.toml:3: bus\.nam"):
        load(path)


def test_the_environment_wins(tmp_path: Path) -> None:
    """Texts, numbers, lists and tables; keys are found whatever their case and dashes."""
    path = write(tmp_path, f'{SOURCE}url = "file"\n[sources.x-y]\nconnector = "soap"\n')
    env = {
        "APPEALBUS__SOURCES__GBDFL__URL": "env",
        "APPEALBUS__SOURCES__GBDFL__CODES": "[1, 2]",
        "APPEALBUS__SOURCES__GBDFL__LOGIN": '{ user = "u", password = { env = "PW" } }',
        "APPEALBUS__SOURCES__GBDFL__GUARD__CONCURRENCY": "7",
        "APPEALBUS__SOURCES__X_Y__CONNECTOR": "shep",
        "APPEALBUS__LOG__LEVEL": "debug",
        "APPEALBUS_CONFIG": "no setting of ours",
        "PW": "hush",
    }
    loaded = load(path, env)
    wire = loaded.validate(WireSettings, "sources", "gbdfl")
    assert (wire.url, wire.codes) == ("env", [1, 2])
    assert wire.login is not None
    assert wire.login.password.get() == "hush"
    assert loaded.settings.sources["gbdfl"].guard.concurrency == 7
    assert loaded.settings.sources["x-y"].connector == "shep"
    assert loaded.settings.log.level is LogLevel.DEBUG


def test_mistakes_in_the_environment_name_the_variable(tmp_path: Path) -> None:
    """There is no line to name."""
    env = {
        "APPEALBUS__BUS__GRACE": "soon",
        "APPEALBUS__BSU__NAME": "x",
        "APPEALBUS__BUS__NAME__X": "x",
        "APPEALBUS__BUS__PLUGINS": "[oops",
        "APPEALBUS__BUS__": "x",
    }
    assert problems(tmp_path, '[bus]\nname = "x"', env) == [
        "APPEALBUS__BSU__NAME: bsu: unknown key; did you mean bus?",
        "APPEALBUS__BUS__: names no key; write APPEALBUS__TABLE__KEY",
        'APPEALBUS__BUS__GRACE: bus.grace: write a duration such as "500ms", "10s", "5m", "6h" or "7d"',
        "APPEALBUS__BUS__NAME__X: bus.name is a value, not a table; remove it or this variable",
        'APPEALBUS__BUS__PLUGINS: not a list or table of TOML; write ["a", "b"] or { env = "NAME" }',
    ]


def test_values_are_never_shown(tmp_path: Path) -> None:
    """Whatever is wrong with a value, an error does not repeat it: it may be a secret in the wrong place."""
    table = (
        'url = ["hunter2"]\ncodes = ["hunter2"]\npause = "hunter2"\n'
        'login = { user = 2, password = "hunter2", hunter = 2 }\nheaders = { a = { env = "hunter2 " } }'
    )
    told = problems(tmp_path, SOURCE + table, {"APPEALBUS__SOURCES__GBDFL__WSDL": "{hunter2"})
    told += problems(tmp_path, SOURCE + table)
    assert len(told) >= 7
    assert "hunter2" not in "\n".join(told)


def test_the_host_can_tell_mistakes_in_the_same_form(tmp_path: Path) -> None:
    """For what only the host knows, such as which connectors there are."""
    loaded = load(write(tmp_path, SOURCE), {})
    error = loaded.error("no such connector; write shep", "sources", "gbdfl", "connector")
    assert str(error) == f"{tmp_path}/bus.toml:2: sources.gbdfl.connector: no such connector; write shep"
    assert isinstance(error, ConfigError)


def test_a_program_can_bring_a_document(tmp_path: Path) -> None:
    """The demo and tests make theirs in memory; the environment does not reach them."""
    loaded = from_document({"sources": {"gbdfl": {"connector": "soap", "url": "x", "wsdl": "b.wsdl"}}}, tmp_path)
    assert loaded.validate(WireSettings, "sources", "gbdfl").wsdl == tmp_path / "b.wsdl"
    with pytest.raises(InvalidConfig, match=r"^settings: bus\.nam: unknown key; did you mean name\?$"):
        from_document({"bus": {"nam": 1}})


def test_unreadable_secrets_are_told_with_their_keys(tmp_path: Path) -> None:
    """What `appealbus check` says of secrets before anybody needs them."""
    table = 'url = "x"\nlogin = { user = "u", password = { env = "NOT_SET" } }\nheaders.a = { file = "none" }\n'
    loaded = load(write(tmp_path, SOURCE + table), {})
    loaded.validate(WireSettings, "sources", "gbdfl")
    assert [line.replace(f"{tmp_path}{os.sep}", "") for line in loaded.unreadable_secrets()] == [
        "bus.toml:4: sources.gbdfl.login.password: the environment variable NOT_SET is not set; set it",
        "bus.toml:5: sources.gbdfl.headers.a: none cannot be read: No such file or directory",
    ]


def test_a_journal_in_postgresql(tmp_path):
    """The URL stays as it is, but paths in it start at the file's folder; the password is a reference."""
    bus = {"journal": "postgresql://me@h:5433/db?sslmode=verify-full&sslrootcert=ca.pem"}
    loaded = from_document({"bus": {**bus, "journal_password": {"file": "password"}}}, tmp_path)
    assert loaded.settings.bus.journal == (
        f"postgresql://me@h:5433/db?sslmode=verify-full&sslrootcert={quote_plus(str(tmp_path / 'ca.pem'))}"
    )
    assert loaded.settings.bus.journal_password == Secret(file=tmp_path / "password")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hunter2@h/db", "a password does not belong into the URL"),
        ("postgresql://me@h/db?password=hunter2", "a password does not belong into the URL"),
        ("postgresql://me@h/", "write the role and the database too"),
        ("postgresql://h/db", "write the role and the database too"),
        ("postgresql://me@h:port/db", "the URL is malformed"),
        ("postgres://me@h/db", "write a URL such as"),
    ],
)
def test_a_wrong_url_of_the_journal_is_told_without_its_password(tmp_path, url, words):
    """What is wrong and what to write; nothing of the secret."""
    with pytest.raises(ConfigError, match=words) as caught:
        from_document({"bus": {"journal": url}}, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_keys_that_others_may_read_are_told_with_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private key is a secret, too, whoever uses it."""
    for name in ("key", "crt"):
        (tmp_path / name).touch()
    (tmp_path / "c.toml").write_text(
        '[sources.r]\nconnector = "shep"\n'
        '[sources.r.signature]\nsign = "gost-512"\nverify = false\nkey = "key"\ncertificate = "crt"\n'
        '[sources.r.tls]\nclient_cert = "crt"\nclient_key = "key"\n'
    )
    loaded = load(tmp_path / "c.toml", {})
    loaded.validate(SignatureSettings, "sources", "r", "signature")
    loaded.validate(TlsSettings, "sources", "r", "tls")
    monkeypatch.setattr(loading, "readable_by_others", lambda path: f"{path.name} is open")
    assert [line.rpartition("/")[2] for line in loaded.open_secrets()] == [
        "c.toml:6: sources.r.signature.key: key is open",
        "c.toml:10: sources.r.tls.client_key: key is open",
    ]
