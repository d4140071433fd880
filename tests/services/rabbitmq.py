"""A private RabbitMQ: own node, ports, data and cookie; never the broker of the machine."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pika

from tests.services.certificates import Certificates
from tests.services.processes import (
    PATIENCE,
    DidNotStart,
    await_port,
    forget,
    free_port,
    listens,
    scratch,
    spawn,
    until,
)

_HOMES = ("/usr/lib/rabbitmq/lib", "/usr/lib64/rabbitmq/lib", "/opt/rabbitmq", "/usr/local/lib/rabbitmq/lib")
_COOKIE = "APPEALBUSTESTS"
_BASIC = "Basic Z3Vlc3Q6Z3Vlc3Q="
_CONFIG = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
collect_statistics_interval = 1000
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 33554432
log.console = false
log.file.level = info
"""
_TLS = """
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""


def server() -> Path | None:
    """Return RabbitMQ's start script, or None where RabbitMQ is not installed."""
    for home in _HOMES:
        for script in sorted(Path(home).glob("rabbitmq_server-*/sbin/rabbitmq-server"), reverse=True):
            return script
    found = shutil.which("rabbitmq-server")
    return Path(found).resolve() if found and not found.startswith("/usr/sbin") else None


class Vhost:
    """A virtual host of its own for a test: `guest` may do everything in it."""

    def __init__(self, rabbit: "Rabbit", name: str) -> None:
        self.rabbit = rabbit
        self.name = name
        self.host = "127.0.0.1"
        self.port = rabbit.port

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """Return the URL of this virtual host behind another port, such as a proxy's."""
        return f"amqp://guest:guest@127.0.0.1:{port}/{quote(self.name, safe='')}"

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a pika BlockingChannel on a connection of its own; past the proxy, if there is one."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def depth(self, queue: str) -> int:
        """Count the messages that are ready in a queue, as of now."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the management API about this virtual host: `queues`, or `queues/NAME`."""
        kind, _, rest = path.partition("/")
        return self.rabbit.api(method, f"{kind}/{quote(self.name, safe='')}{'/' + rest if rest else ''}", body)


class Rabbit:
    """One broker. `start`, `stop`, `kill` and `start` again keep ports and data."""

    def __init__(
        self,
        *,
        tls: Certificates | None = None,
        schedulers: int = 1,
        plugins: Sequence[str] = ("rabbitmq_management",),
        config: str = "",
    ) -> None:
        """Write its configuration.

        Args:
            tls: a TLS listener with these, which wants a client's certificate.
            schedulers: cores it may use.
            plugins: what is enabled; `api` and `vhost` need rabbitmq_management.
            config: further lines for rabbitmq.conf.

        """
        script = server()
        if script is None:
            raise DidNotStart("RabbitMQ is not installed")
        self._script = script
        self.folder = scratch("ab-mq-")
        self.port, self.management, self._dist, self._epmd = (free_port() for _ in range(4))
        self.tls = tls
        self.tls_port = free_port() if tls else 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self._serial = 0
        text = _CONFIG.format(port=self.port, management=self.management) + config
        if tls:
            text += _TLS.format(port=self.tls_port, authority=tls.authority, certificate=tls.server, key=tls.server_key)
        if "rabbitmq_management" not in plugins:
            text = "\n".join(line for line in text.splitlines() if not line.startswith("management."))
        (self.folder / "rabbitmq.conf").write_text(text + "\n")
        (self.folder / "plugins").write_text(f"[{','.join(plugins)}].\n")
        # What the management API says of a queue is as old as its last tick.
        (self.folder / "advanced.config").write_text("[{rabbit, [{quorum_tick_interval, 500}]}].\n")
        (self.folder / "empty.conf").touch()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(_COOKIE)
        cookie.chmod(0o400)
        self.log = self.folder / "console.log"
        self._env = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ", "ERL_"))} | {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"appealbus-{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "empty.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_CTL_DIST_PORT_MIN": "20000",
            "RABBITMQ_CTL_DIST_PORT_MAX": "60000",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S {schedulers}:{schedulers} -kernel inet_dist_use_interface "
            "{127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The script then becomes the server, instead of waiting for it as a parent.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def running(self) -> bool:
        return bool(self._processes) and self._processes[-1].poll() is None

    def start(self) -> None:
        """Start it where it does not run, and wait until it takes connections."""
        if self.running:
            return
        if not listens(self._epmd):
            epmd = spawn(["epmd", "-address", "127.0.0.1"], self.log, env=self._env, cwd=self.folder)
            self._processes.append(epmd)
            await_port(epmd, self._epmd, self.log)
        process = spawn(["/bin/sh", str(self._script)], self.log, env=self._env, cwd=self.folder)
        self._processes.append(process)
        await_port(process, self.port, self.log)
        if self.tls:
            await_port(process, self.tls_port, self.log)
        if "rabbitmq_management" in (self.folder / "plugins").read_text():
            await_port(process, self.management, self.log)

    def stop(self) -> None:
        """Stop it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with kill -9, at least some seconds after the newest quorum queue was declared.

        Until then RabbitMQ has the name of a new quorum queue in memory alone, and forgets the queue with all that it
        confirmed: a weakness of RabbitMQ that no client can mend, so that it would only hide what a test looks for.
        """
        if self.running:
            self.eval("[dets:sync(Table) || Table <- dets:all()].")
        self._end(signal.SIGKILL)

    def restart(self, *, kill: bool = False) -> None:
        """Stop or kill it, and start it again."""
        (self.kill if kill else self.stop)()
        self.start()

    def freeze(self) -> None:
        """Let it stand still: connections stay open, nothing is answered."""
        process = self._processes[-1]
        process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{process.pid}/task")
        # One thread after the other stops, and the last one may still answer.
        until(lambda: all(_stands(task) for task in status.iterdir()), "the broker stands still")

    def rest(self) -> None:
        """Let it stand still until somebody needs it: idle it takes a seventieth of a processor, all the time."""
        if self.running:
            self._processes[-1].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._processes[-1].send_signal(signal.SIGCONT)

    def eval(self, code: str) -> str:
        """Have the broker evaluate Erlang, in milliseconds where Erlang's own tool is there; return the last value."""
        call = shutil.which("erl_call")
        if call is None:
            return self.ctl("eval", code)
        command = [call, "-n", self._env["RABBITMQ_NODENAME"], "-c", _COOKIE, "-e"]
        done = subprocess.run(
            command, input=f"{code}\n", env=self._env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.stdout.startswith("{ok, "), f"{code}: {done.stdout}{done.stderr}"
        return done.stdout.strip().removeprefix("{ok, ").removesuffix("}")

    def take_nothing(self) -> None:
        """Have it believe that it has no memory left: it blocks who publishes."""
        self.eval("vm_memory_monitor:set_vm_memory_high_watermark(0.00001).")

    def take_all(self) -> None:
        """Let it take messages again."""
        self.eval("vm_memory_monitor:set_vm_memory_high_watermark(0.6).")

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl`; about a second each."""
        command = [str(self._script.with_name("rabbitmqctl")), "-q", "-n", self._env["RABBITMQ_NODENAME"], *arguments]
        done = subprocess.run(
            command, env=self._env, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, f"rabbitmqctl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the management API as `guest`; return its JSON. A few milliseconds each."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": _BASIC, "Content-Type": "application/json"}
        request = Request(f"http://127.0.0.1:{self.management}/api/{path}", data, headers, method=method)
        with urlopen(request, timeout=PATIENCE) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def vhost(self, name: str | None = None) -> Vhost:
        """Make a virtual host that nobody else uses."""
        self._serial += 1
        name = name or f"test-{self._serial}"
        self.api("PUT", f"vhosts/{quote(name, safe='')}", {})
        made = Vhost(self, name)
        self.permit("guest", name)
        return made

    def drop(self, vhost: Vhost) -> None:
        """Remove a virtual host with all that is in it."""
        self.api("DELETE", f"vhosts/{quote(vhost.name, safe='')}")

    def user(self, name: str, password: str, tags: str = "") -> None:
        """Make a user, who may do nothing yet."""
        self.api("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": tags})

    def permit(self, user: str, vhost: str, configure: str = ".*", write: str = ".*", read: str = ".*") -> None:
        """Let a user do what the patterns say."""
        rights = {"configure": configure, "write": write, "read": read}
        self.api("PUT", f"permissions/{quote(vhost, safe='')}/{quote(user, safe='')}", rights)

    def close_connections(self) -> int:
        """Close all clients' connections from the broker's side; return how many there were."""
        names = [each["name"] for each in self.api("GET", "connections")]
        for name in names:
            try:
                self.api("DELETE", f"connections/{quote(name, safe='')}")
            except HTTPError as error:
                if error.code != 404:
                    raise
        return len(names)

    def remove(self) -> None:
        """End all of it and forget its data."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
        forget(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _end(self, how: signal.Signals) -> None:
        if not self.running:
            return
        process = self._processes[-1]
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        process.wait(PATIENCE)
        # A node that comes back too soon is refused by its own old registration.
        until(lambda: not listens(self.port) and not listens(self._dist), "the broker's ports are free")
        time.sleep(0.1)


def _stands(task: Path) -> bool:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:  # it has ended
        return True
