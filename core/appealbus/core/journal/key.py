"""The key of a journal: marks that it makes of people and things tell nothing to whoever has the database alone.

An ИИН has twelve digits, so a hash of one without a key is undone in seconds. The key lies in a file outside the
database, which is made at the first start.
"""

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from hmac import HMAC, compare_digest
from pathlib import Path

from sqlalchemy import Connection, delete, exists, insert, select, update

from appealbus.core import clocks
from appealbus.core.config.permissions import readable_by_others, writable_by_others
from appealbus.core.errors import ConfigError
from appealbus.core.journal.errors import Outlived
from appealbus.core.journal.mark import keep_writers_out
from appealbus.core.journal.naming import Named
from appealbus.core.journal.tables import counter, standing

_BYTES = 32
_LINE = re.compile(rb"[0-9a-f]{64}\n?")
_LARGEST = 1000
"""Bytes: a key has 65. What has more is another file, and is not read to its end."""
RENEWED = "renewed"
"""The counter that says up to which appeal all is marked with a new key; it is there while not all is."""
_UNKEYED = 16
"""Characters of a question's key as the plan makes it: a hash. Shorter ones are words, and stay."""

KEY = "journal_key"
"""The execution option with the function that returns the journal's key."""

Marked = tuple[bytes, str, str]
"""Whom or what an appeal names: the mark, the role, the kind."""


class JournalKey:
    """Makes marks: equal for equal identifiers, and irreversible without the key."""

    def __init__(self, secret: bytes) -> None:
        self._hmac = HMAC(secret, digestmod=sha256)

    def mark(self, kind: str, identifier: str) -> bytes:
        return self._digest(f"{kind}:{identifier}")[:16]

    def marked(self, named: Iterable[Named]) -> list[Marked]:
        """Return rows of `subject` for identifiers, each once, in its first role."""
        roles: dict[tuple[str, str], str] = {}
        for kind, value, role in named:
            roles.setdefault((kind, value), role)
        return [(self.mark(kind, value), role, kind) for (kind, value), role in roles.items()]

    def question(self, unkeyed: str) -> str:
        """Return the stored key of a question from the hash that its plan has made."""
        return self._digest(unkeyed)[:8].hex() if len(unkeyed) == _UNKEYED else unkeyed

    def secret_of(self, purpose: str) -> bytes:
        """Return a secret that plugins use for a purpose."""
        return self._digest(purpose)

    @property
    def check(self) -> bytes:
        """What the journal keeps to recognise its key."""
        return self._digest("the key of this journal")[:16]

    def _digest(self, text: str) -> bytes:
        made = self._hmac.copy()  # half the work of a new one
        made.update(text.encode())
        return made.digest()


class KeyFile:
    """The file of the key: one line of 64 hexadecimal digits, readable by its owner alone."""

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        """Name the file; with `anew` whoever opens the journal gives it another key and marks everything anew."""
        self.path = path
        self._anew = anew

    def settle(self, connection: Connection) -> JournalKey:
        """Return the journal's key; if it has none yet, take the one in the file, or make it.

        Called in a transaction that keeps out everybody else who opens this journal: two never make two keys. Raises
        ConfigError if the key is gone, another journal's, open to others, or cannot be made.
        """
        check = connection.scalar(select(standing.c.key_check))
        if self._anew:
            return self._renewed(connection, check)
        if check is not None:
            return self.of_journal(connection)
        key = self._read() or self._make()
        connection.execute(update(standing).values(key_check=key.check))
        return key

    def of_journal(self, connection: Connection) -> JournalKey:
        """Return the journal's key.

        Raises ConfigError as `settle` does, or if there is none yet; Outlived if not everything is marked with it.
        """
        if _under_way(connection):
            raise Outlived("the journal gets another key, and not all is marked anew; `appealbus key renew` goes on")
        return self._checked(connection)

    def _checked(self, connection: Connection) -> JournalKey:
        check = connection.scalar(select(standing.c.key_check))
        key = self._read()
        if check is None:
            raise ConfigError("the journal has no key yet; `appealbus run` or `appealbus intake` makes one")
        if key is None:
            raise ConfigError(f"the journal's key is not at {self.path}. {_ADVICE}")
        if not compare_digest(key.check, check):
            raise ConfigError(f"the key at {self.path} is not this journal's. {_ADVICE}")
        return key

    def _renewed(self, connection: Connection, check: bytes | None) -> JournalKey:
        """Give the journal another key: a new one laid there, else one that is made."""
        keep_writers_out(connection)
        if _under_way(connection):
            with suppress(ConfigError):
                return self._checked(connection)
        key = None
        with suppress(ConfigError):
            key = self._read()
        if key is None or check is None or compare_digest(key.check, check):
            self._move_aside()
            key = self._make()
        connection.execute(update(standing).values(key_check=key.check))
        connection.execute(delete(counter).where(counter.c.name == RENEWED))
        connection.execute(insert(counter).values(name=RENEWED, value=0))
        return key

    def _move_aside(self) -> None:
        """Keep the former key: a journal restored from before may need it."""
        aside = self.path.with_name(f"{self.path.name}.until-{clocks.wall():%Y%m%dT%H%M%S}")
        try:
            with suppress(FileNotFoundError):
                self.path.rename(aside)
        except OSError as error:
            raise ConfigError(f"the journal's key {self.path} cannot be moved aside: {error.strerror}") from None

    def _read(self) -> JournalKey | None:
        try:
            # A pipe that nobody writes into is none, and is not waited for.
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                text = file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"the journal's key {self.path} cannot be read: {error.strerror}") from None
        if problem := writable_by_others(self.path) or readable_by_others(self.path):
            raise ConfigError(f"the journal's key: {problem}")
        if not _LINE.fullmatch(text):
            raise ConfigError(
                f"{self.path} is no key of a journal: that is one line of 64 hexadecimal digits. {_ADVICE}"
            )
        return JournalKey(bytes.fromhex(text.decode()))

    def _make(self) -> JournalKey:
        """Make a key and flush it before anything depends on it. One made meanwhile by somebody else counts."""
        made = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.new")
        try:
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(f"{secrets.token_hex(_BYTES)}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(made, self.path)  # whole or not at all, and never over another one
            _flush(self.path.parent)
        except OSError as error:
            raise ConfigError(
                f"the journal's key cannot be made at {self.path}: {error.strerror}; name another place with bus.key, "
                "or put a key there: `openssl rand -hex 32`"
            ) from None
        finally:
            with suppress(OSError):
                made.unlink()
        key = self._read()
        if key is None:
            raise ConfigError(f"the journal's key at {self.path} was taken away while it was made")
        return key


def key_of(connection: Connection) -> JournalKey:
    """Return the journal's key, for a question that needs it. Raises ConfigError if it is missing or wrong."""
    key: JournalKey = connection.get_execution_options()[KEY](connection)
    return key


def insist_on(key: JournalKey, connection: Connection) -> None:
    """Raise Outlived where the journal has or gets another key, under which these marks are not found."""
    check = connection.scalar(select(standing.c.key_check).where(~exists().where(counter.c.name == RENEWED)))
    if check != key.check:
        raise Outlived


def _under_way(connection: Connection) -> bool:
    return connection.scalar(select(counter.c.value).where(counter.c.name == RENEWED)) is not None


def _flush(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_ADVICE = (
    "Put the right key back: from its backup, from another machine that works this journal or, where this is a copy "
    "from before a renewal, what lies beside it as .until-… If it is lost, no appeal is: `appealbus key renew` makes "
    "another one, and marks everything anew"
)
