"""Everything that can be made to fail around a running installation, one thing at a time, and to work again."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests.services.clock import Clock
from tests.services.postgres import Postgres
from tests.services.proxy import Direction, FaultProxy
from tests.services.rabbitmq import Rabbit
from tests.system.production import Production, Workers

ROLE = "bus"
"""The bus's role in the database: an ordinary one, from which rights can be taken."""
_TABLES = sql.SQL("appeal, lookup, access, dossier, outbox")


@dataclass(frozen=True, slots=True)
class Ways:
    """The bus's ways to the broker, to the database and to the agencies, the address register's to the broker."""

    broker: FaultProxy
    database: FaultProxy
    agencies: FaultProxy
    register: FaultProxy


@dataclass(frozen=True, slots=True)
class Around:
    """The servers around an installation, and the ways to them."""

    rabbit: Rabbit
    postgres: Postgres
    ways: Ways
    clock: Clock


class Havoc:
    """What fails follows from `chance`; how long, too."""

    def __init__(
        self,
        chance: random.Random,
        here: Production,
        workers: Workers,
        around: Around,
        longest: float,
        *,
        frozen: float,
    ) -> None:
        self._chance = chance
        self._workers = workers
        self._rabbit, self._postgres, self._ways = around.rabbit, around.postgres, around.ways
        self._longest = longest
        self._frozen = frozen
        self._clock = around.clock
        self._database = here.journal.rpartition("/")[2]
        self._vhost = here.vhost
        self._thawing: list[threading.Timer] = []
        self.kinds: dict[str, Callable[[], None]] = {
            "kill a worker": self._kill,
            "freeze a worker": self._freeze,
            "restart the broker": self._rabbit.restart,
            "kill the broker": lambda: self._rabbit.restart(kill=True),
            "kill the database": lambda: self._postgres.restart(kill=True),
            "blackhole up": lambda: self._blackhole("up"),
            "blackhole down": lambda: self._blackhole("down"),
            "blackhole both": lambda: self._blackhole("both"),
            "cut the broker off": self._ways.broker.cut,
            "cut the database off": self._ways.database.cut,
            "cut the register off": self._ways.register.cut,
            "say an answer again": self._ways.agencies.say_again,
            "lock the appeals": self._lock,
            "make the database read-only": self._read_only,
            "use up the connections": self._use_up,
            "revoke the rights": self._revoke,
            "delete the work queue": self._delete_hints,
            "unbind the intake": self._unbind,
            "step the clock": self._step,
        }

    def wreak(self, kind: str) -> None:
        """Have one thing fail, and work again, at once or in a while."""
        self.kinds[kind]()

    def over(self) -> None:
        """Let everything go on."""
        for timer in self._thawing:
            timer.join()

    def _moment(self) -> float:
        return self._chance.uniform(1.0, self._longest)

    def _kill(self) -> None:
        self._workers.kill(self._chance.randrange(self._workers.count))

    def _freeze(self) -> None:
        pid = self._workers.pids()[self._chance.randrange(self._workers.count)]

        def thaw() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        self._thawing.append(threading.Timer(self._frozen, thaw))
        self._thawing[-1].start()

    def _blackhole(self, direction: Direction) -> None:
        self._ways.broker.blackhole(direction)
        time.sleep(self._moment())
        self._ways.broker.heal()

    def _lock(self) -> None:
        """As a migration, or an administrator at the wrong console."""
        with psycopg.connect(self._postgres.url(self._database)) as connection:
            connection.execute("LOCK TABLE appeal IN ACCESS EXCLUSIVE MODE")
            time.sleep(self._moment())

    def _read_only(self) -> None:
        """As after a failover to a standby."""
        name = sql.Identifier(self._database)
        self._postgres.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        self._postgres.cut_off(self._database)
        time.sleep(self._moment())
        self._postgres.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
        self._postgres.cut_off(self._database)

    def _use_up(self) -> None:
        """As another program that leaks them; the bus has to come back when there are some again."""
        with ExitStack() as stack:
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(self._postgres.url()))
            self._ways.database.cut()
            time.sleep(self._moment())

    def _revoke(self) -> None:
        role = sql.Identifier(ROLE)
        revoke = sql.SQL("REVOKE INSERT, UPDATE ON {} FROM {}").format(_TABLES, role)
        self._postgres.execute(revoke, self._database)
        time.sleep(self._moment())
        self._postgres.execute(sql.SQL("GRANT INSERT, UPDATE ON {} TO {}").format(_TABLES, role), self._database)

    def _delete_hints(self) -> None:
        """Hints for workers alone lie in it: what waits is found in the journal."""
        with self._vhost.channel() as channel:
            channel.queue_delete("appealbus.work")

    def _unbind(self) -> None:
        """What channels send meanwhile is confirmed, and no queue wants it."""
        with self._vhost.channel() as channel:
            channel.queue_unbind("appealbus.intake", "appealbus.in", "#")
            time.sleep(self._moment())
            channel.queue_bind("appealbus.intake", "appealbus.in", "#")

    def _step(self) -> None:
        """The time of day of all workers, a day ahead or two hours back, and right again."""
        self._clock.step(self._chance.choice(["+1d", "-2h"]))
        time.sleep(self._moment())
        self._clock.step("+0")
