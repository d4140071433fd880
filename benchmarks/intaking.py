"""Intake by HTTP beside intake by a queue and from memory: each puts appeals into a journal of its own, and no more."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psutil
from load import Load, request
from served import CHANNEL, HERE, configure, letters, serving, with_clients
from taking import WINDOW

from appealbus.core.config.loading import load
from appealbus.core.journal.journal import Journal
from tests.services.rabbitmq import Rabbit, Vhost

QUEUE = "bench.in"


@dataclass
class Way:
    """A way in, and what was seen of it in each round: appeals a second, milliseconds of CPU an appeal."""

    name: str
    process: psutil.Process
    take: "Callable[[list[bytes]], object]"
    per_second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def round(self, bodies: list[bytes]) -> None:
        before, began = _cpu(self.process), time.perf_counter()
        await self.take(bodies)  # type: ignore[misc]
        self.per_second.append(len(bodies) / (time.perf_counter() - began))
        self.cpu.append((_cpu(self.process) - before) / len(bodies) * 1000)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


class Taker:
    """A process of `taking.py`."""

    def __init__(self, folder: Path, way: str, count: int) -> None:
        command = [sys.executable, str(HERE / "taking.py"), str(folder), way, str(count)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent)))}
        with (folder / "taking.log").open("wb") as log:
            pipe = subprocess.PIPE
            self.process = psutil.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=env)
        self._line("ready")

    def begin(self, count: int) -> None:
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()

    async def taken(self) -> None:
        await asyncio.to_thread(self._line, "taken")

    def end(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except psutil.TimeoutExpired:
            self.process.kill()

    def _line(self, wanted: str) -> None:
        if self.process.stdout.readline().strip() != wanted:
            sys.exit(f"an intake failed; see {self.process.args}")


@asynccontextmanager
async def ways(folder: Path, url: Callable[[str], str], rabbit: Rabbit, count: int) -> AsyncIterator[list[Way]]:
    """Run the three ways in, each ready for so many appeals."""
    vhost = rabbit.vhost()
    folders = {name: folder / name for name in ("http", "queue", "memory")}
    for name, each in folders.items():
        each.mkdir()
        configure(each, url(f"{name}"), _broker(each, vhost) if name == "queue" else "")
    loaded = load(folders["http"] / "appealbus.toml")
    async with await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file()) as journal:
        token = (await with_clients(journal))[CHANNEL]
    # Made before anybody sends: what no queue wants is lost.
    with vhost.channel() as channel:
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    queue, memory = (Taker(folders[name], name, count) for name in ("queue", "memory"))
    with serving(folders["http"] / "appealbus.toml") as (server, port):

        async def by_http(bodies: list[bytes]) -> None:
            load = Load(iter([request("/v1/appeals", method="POST", token=token, body=each) for each in bodies]))
            await load.run(port, WINDOW)
            assert set(load.statuses) == {201}, load.statuses

        async def by_queue(bodies: list[bytes]) -> None:
            queue.begin(len(bodies))
            await asyncio.to_thread(_publish, vhost, bodies)
            await queue.taken()

        async def from_memory(bodies: list[bytes]) -> None:
            memory.begin(len(bodies))
            await memory.taken()

        try:
            yield [
                Way("by HTTP", server.process, by_http),
                Way("by queue", queue.process, by_queue),
                Way("from memory", memory.process, from_memory),
            ]
        finally:
            queue.end()
            memory.end()
    rabbit.drop(vhost)


async def intake(folder: Path, url: Callable[[str], str], rabbit: Rabbit, count: int, rounds: int) -> list[Way]:
    """Let each way take so many appeals in each round, after a round that does not count."""
    bodies = letters(count * (rounds + 1))
    async with ways(folder, url, rabbit, len(bodies)) as found:
        for number in range(rounds + 1):
            for way in found if number % 2 else found[::-1]:
                await way.round(bodies[number * count : (number + 1) * count])
        for way in found:
            del way.per_second[0], way.cpu[0]
        return found


def _publish(vhost: Vhost, bodies: list[bytes]) -> None:
    with vhost.channel() as channel:
        for body in bodies:
            channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2))


def _broker(folder: Path, vhost: Vhost) -> str:
    broker = urlsplit(vhost.url)
    (folder / "password").write_text(broker.password or "")
    (folder / "password").chmod(0o600)
    return f"""
[plugins.amqp.brokers.main]
hosts = ["{broker.hostname}:{broker.port}"]
virtual_host = "{vhost.name}"
user = "{broker.username}"
password = {{ file = "password" }}
[intakes.{CHANNEL}]
kind = "amqp"
queue = "{QUEUE}"
prefetch = {WINDOW}
"""
