"""What tests ask for by name: a private broker, a private database, and a clean corner of each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appealbus.core.journal import store
from tests.services import certificates, rabbitmq
from tests.services import postgres as postgresql
from tests.services.clock import Clock, library
from tests.services.journals import SharedJournal
from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit, Vhost


def _absent(what: str) -> None:
    """Skip, but never where nobody would see it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI has to have it")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session", autouse=True)
def _unnamed_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of journals in PostgreSQL that a test opens without a configuration."""
    store.UNNAMED_KEY = tmp_path_factory.mktemp("key") / "appealbus.key"


@pytest.fixture
def configured(tmp_path: Path) -> None:
    """Have a folder in which the program makes a journal, on its defaults."""
    (tmp_path / "appealbus.toml").touch()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that a test may set."""
    if library() is None:
        _absent("libfaketime (Debian's package faketime)")
    return Clock(tmp_path)


@pytest.fixture(scope="session")
def _rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    if rabbitmq.server() is None:
        _absent("RabbitMQ")
    # Who has no password may be known by a certificate.
    with Rabbit(
        tls=certificates.make(tmp_path_factory.mktemp("tls")),
        plugins=("rabbitmq_management", "rabbitmq_auth_mechanism_ssl"),
        config="auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = AMQPLAIN\nauth_mechanisms.3 = EXTERNAL\n"
        "ssl_cert_login_from = common_name\n",
    ) as broker:
        yield broker


@pytest.fixture
def rabbit(_rabbit: Rabbit) -> Iterator[Rabbit]:
    """The private broker of this run of the tests; a test may stop, kill, freeze and start it."""
    _rabbit.start()
    _rabbit.thaw()
    yield _rabbit
    _rabbit.rest()


@pytest.fixture
def vhost(rabbit: Rabbit) -> Iterator[Vhost]:
    """An empty virtual host on the private broker."""
    made = rabbit.vhost()
    yield made
    rabbit.start()
    rabbit.thaw()
    rabbit.drop(made)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    if postgresql.programs() is None:
        _absent("PostgreSQL")
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture
def postgres(_postgres: Postgres) -> Postgres:
    """The private database server of this run of the tests; a test may stop, kill and start it."""
    _postgres.start()
    return _postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database on the private server."""
    name = postgres.database()
    yield postgres.url(name)
    postgres.start()
    postgres.drop(name)


@pytest.fixture(scope="session")
def _journal_database(_postgres: Postgres) -> SharedJournal:
    return SharedJournal(_postgres)


@pytest.fixture
def journal_database(postgres: Postgres, _journal_database: SharedJournal) -> str:
    """The URL of an empty journal on the private server; who changes more than what is in it takes `database`."""
    _journal_database.clear()
    return _journal_database.url
