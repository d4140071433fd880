"""PHP's SoapServer, which we did not write, for tests.

Needs `php` with its soap extension (Debian: php-cli, php-soap). Without, the tests are skipped, except on CI.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def missing() -> str | None:
    """Say what is missing; None if nothing is."""
    php = shutil.which("php")
    if php is None:
        return "php is not installed (Debian: php-cli php-soap)"
    modules = subprocess.run([php, "-m"], capture_output=True, text=True, check=True).stdout
    return None if "soap" in modules.split() else "php has no soap extension (Debian: php-soap)"


@contextmanager
def php_server(script: Path, variables: dict[str, str]) -> Iterator[str]:
    """Run a script on PHP's web server, and yield its URL."""
    lacking = missing()
    if lacking is not None:
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", str(script)],
        env={**os.environ, **variables, "PHP_CLI_SERVER_WORKERS": "4"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(100):
        assert process.poll() is None, "php ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("php does not listen")
