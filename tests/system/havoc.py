"""Everything that can be made to fail around a running installation, one thing at a time, and to work again."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.services.clock import Clock
from tests.services.proxy import Direction, FaultProxy
from tests.services.rabbitmq import Rabbit
from tests.system.production import Production, Workers


@dataclass(frozen=True, slots=True)
class Ways:
    """The bus's ways to the broker and to the agencies, the address register's to the broker."""

    broker: FaultProxy
    agencies: FaultProxy
    register: FaultProxy


@dataclass(frozen=True, slots=True)
class Around:
    """The broker of an installation, the ways between them all, and their clock."""

    rabbit: Rabbit
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
        self.chance = chance
        self.here = here
        self.workers = workers
        self.clock = around.clock
        self._rabbit, self._ways = around.rabbit, around.ways
        self._longest = longest
        self._frozen = frozen
        self._vhost = here.vhost
        self._thawing: list[threading.Timer] = []
        self._kinds: dict[str, Callable[[], None]] = {
            "kill a worker": self.kill,
            "freeze a worker": self._freeze,
            "restart the broker": self._rabbit.restart,
            "kill the broker": lambda: self._rabbit.restart(kill=True),
            "blackhole up": lambda: self._blackhole("up"),
            "blackhole down": lambda: self._blackhole("down"),
            "blackhole both": lambda: self._blackhole("both"),
            "cut the broker off": self._ways.broker.cut,
            "cut the agencies off": self._ways.agencies.cut,
            "cut the register off": self._ways.register.cut,
            "say an answer again": self._ways.agencies.say_again,
            "delete the work queue": self._delete_hints,
            "unbind the intake": self._unbind,
            "step the clock": self._step,
        }

    def learn(self, kinds: Mapping[str, Callable[[], None]]) -> None:
        """Take in what can fail beside all this: of the journal."""
        self._kinds |= kinds

    def wreak(self, kind: str) -> None:
        """Have one thing fail, and work again, at once or in a while."""
        self._kinds[kind]()

    def over(self) -> None:
        """Let everything go on."""
        for timer in self._thawing:
            timer.join()

    def moment(self) -> float:
        """Return how many seconds something lasts."""
        return self.chance.uniform(1.0, self._longest)

    def kill(self) -> None:
        """End one of the workers."""
        self.workers.kill(self.chance.randrange(self.workers.count))

    def _freeze(self) -> None:
        pid = self.workers.pids()[self.chance.randrange(self.workers.count)]

        def thaw() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        self._thawing.append(threading.Timer(self._frozen, thaw))
        self._thawing[-1].start()

    def _blackhole(self, direction: Direction) -> None:
        self._ways.broker.blackhole(direction)
        time.sleep(self.moment())
        self._ways.broker.heal()

    def _delete_hints(self) -> None:
        """Hints for workers alone lie in it: what waits is found in the journal."""
        with self._vhost.channel() as channel:
            channel.queue_delete("appealbus.work")

    def _unbind(self) -> None:
        """What channels send meanwhile is confirmed, and no queue wants it."""
        with self._vhost.channel() as channel:
            channel.queue_unbind("appealbus.intake", "appealbus.in", "#")
            time.sleep(self.moment())
            channel.queue_bind("appealbus.intake", "appealbus.in", "#")

    def _step(self) -> None:
        """The time of day of all workers, a day ahead or two hours back, and right again."""
        self.clock.step(self.chance.choice(["+1d", "-2h"]))
        time.sleep(self.moment())
        self.clock.step("+0")
