"""What is done to every contender: appeals into one queue, dossiers out of another, and the cost of it."""

import json
import re
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pika
import psutil
from contract import IN, OUT

WARM_UP = 100
SEQUENTIAL = 30
PATIENCE = 300.0
_MESSAGE = re.compile(rb'"(m-\d+)"')
QUORUM = {"x-queue-type": "quorum"}


class Queues:
    """The two queues, and a connection to them."""

    def __init__(self, url: str, after: int = 0, *, questions: int = 2) -> None:
        """Connect; appeals are numbered from `after` on, and have one or two questions asked."""
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0  # nobody sends one while another contender has its turn
        self.connection = pika.BlockingConnection(parameters)
        self.channel = self.connection.channel()
        self.channel.exchange_declare("appealbus.out", "topic", durable=True)
        for queue in (IN, OUT):
            self.channel.queue_declare(queue, durable=True, arguments=QUORUM)
        self.channel.queue_bind(OUT, "appealbus.out", "#")
        self.channel.basic_qos(prefetch_count=1000)
        self._awaited: set[bytes] = set()
        self.channel.basic_consume(OUT, self._arrived)
        self.serial = after
        self.questions = questions

    def consumed(self) -> bool:
        """Whether somebody waits for appeals."""
        return bool(self.channel.queue_declare(IN, passive=True).method.consumer_count)

    def pass_through(self, count: int) -> float:
        """Send so many appeals and wait for their dossiers; return the seconds that it took."""
        bodies = [self._appeal() for _ in range(count)]
        self._awaited = {message_id.encode() for message_id, _ in bodies}
        started = time.perf_counter()
        for message_id, body in bodies:
            self.channel.basic_publish("", IN, body, pika.BasicProperties(message_id=message_id, delivery_mode=2))
        while self._awaited:
            self.connection.process_data_events(1)
            if time.perf_counter() - started > PATIENCE:
                sys.exit(f"{len(self._awaited)} of {count} dossiers did not come")
        return time.perf_counter() - started

    def _arrived(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        # A second version, or a message that is handed over once more, is of an appeal that nobody waits for any more.
        if found := _MESSAGE.search(body):
            self._awaited.discard(found[1])
        channel.basic_ack(method.delivery_tag)

    def _appeal(self) -> tuple[str, bytes]:
        self.serial += 1
        document = {
            "message_id": f"m-{self.serial}",
            "kind": "application",
            "applicant": {
                "type": "person",
                "surname": "ТЕСТОВ",
                "name": "ТЕСТ",
                "document_number": f"{self.serial:09d}",
            },
            "text": "Прошу рассмотреть вопрос о предоставлении земельного участка. " * 5,
            "repeats": [f"{self.serial}-1"] if self.questions > 1 else [],
        }
        return f"m-{self.serial}", json.dumps(document, ensure_ascii=False).encode()


class Contender:
    """A program under measurement, with all the processes that it starts."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str], journal: str) -> None:
        self.journal = journal
        self.log = folder / "contender.log"
        with self.log.open("wb") as log:
            self.process = psutil.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)

    def until_it_consumes(self, queues: Queues) -> None:
        """Wait until it is up."""
        end = time.monotonic() + PATIENCE
        while not queues.consumed():
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{self.process.args} did not start:\n{self.log.read_text()[-3000:]}")
            queues.connection.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """All its processes."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """Seconds of CPU of all its processes so far."""
        return sum(each.user + each.system for each in (process.cpu_times() for process in self.processes()))

    def memory(self) -> float:
        """Megabytes at their highest, all processes together."""
        found = 0
        for process in self.processes():
            status = Path(f"/proc/{process.pid}/status").read_text()
            found += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return found / 1024

    def end(self) -> None:
        """Stop it."""
        if not self.process.is_running():
            return
        everybody = self.processes()
        self.process.terminate()
        with suppress(psutil.TimeoutExpired):
            self.process.wait(30)
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def batch(contender: Contender, queues: Queues, count: int) -> dict[str, float]:
    """So many appeals at once."""
    cpu = contender.cpu()
    seconds = queues.pass_through(count)
    return {"per_second": count / seconds, "cpu_ms": (contender.cpu() - cpu) / count * 1000}


def measure(contender: Contender, queues: Queues, count: int) -> dict[str, float]:
    """Warm up, then many at once, then one by one."""
    contender.until_it_consumes(queues)
    queues.pass_through(WARM_UP)
    many = batch(contender, queues, count)
    single = statistics.median(queues.pass_through(1) for _ in range(SEQUENTIAL))
    return many | {"single_ms": single * 1000, "memory_mb": contender.memory()}
