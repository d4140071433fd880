"""The examples without Python: curl submits, waits and reads; Node follows the stream and goes on where it was."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appealbus.client import AsyncClient
from tests.client.working import working
from tests.plugins.api.serving import served
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

VERSION = b'id: 1.1\nevent: version\ndata: {"id":"x","version":1}\n\n'
EXAMPLE = Path(__file__).parents[2] / "examples" / "registry"

pytestmark = pytest.mark.interop


def run(folder: Path, *command: str, **given: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "BUS": given.pop("url"), **given}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
async def test_submit_wait_and_read_with_curl(tmp_path: Path) -> None:
    """Three requests; the last one gives the dossier, also where others came before."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as server, working(url, tmp_path):
        tokens = {"TOKEN": await server.token("channel"), "READER": await server.token("registry")}
        async with AsyncClient(server.url, tokens["TOKEN"]) as channel:
            await channel.submit({"message_id": "m-0", "kind": "complaint"})
        script = str(EXAMPLE / "curl.sh")
        done = await asyncio.to_thread(run, tmp_path, "sh", script, url=server.url, **tokens)
    page, dossier = done.stdout.splitlines()
    assert '"entries":[{' in page
    assert '"version":1' in page
    assert '"text":"No light in the yard"' in dossier


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
async def test_node_follows_the_stream_and_goes_on(tmp_path: Path) -> None:
    """Each version is told once, over two runs with one file of the cursor."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as server, working(url, tmp_path):
        token = await server.token("registry")
        lines = []
        async with AsyncClient(server.url, await server.token("channel")) as channel:
            for number in range(2):
                appeal = {"message_id": f"m-{number}", "kind": "complaint", "applicant": {"type": "person"}}
                id_ = (await channel.submit(appeal)).id
                assert id_ is not None
                async with asyncio.timeout(PATIENCE):
                    while not (await channel.state(id_))["version"]:
                        await asyncio.sleep(0.1)
                node = ("node", str(EXAMPLE / "read.mjs"), "cursor.txt")
                done = await asyncio.to_thread(run, tmp_path, *node, url=server.url, TOKEN=token, ONCE="1")
                lines.append(done.stdout.splitlines())
                assert lines[-1] == [f"{id_} version 1 complete: 0 facts, 0 gaps"], done.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
async def test_node_holds_one_stream_at_a_time(tmp_path: Path) -> None:
    """Where a dossier cannot be read it lets go of the stream before it opens another."""
    opened: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/v1/feed/stream" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + VERSION)
            opened.put_nowait(reader)
        else:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, asyncio.timeout(PATIENCE):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        environment = {"PATH": os.environ["PATH"], "BUS": url, "TOKEN": "ab_0_x"}
        node = await asyncio.create_subprocess_exec("node", str(EXAMPLE / "read.mjs"), cwd=tmp_path, env=environment)
        try:
            first = await opened.get()
            second = await opened.get()
            assert await first.read() == b""  # it has hung up
            assert not second.at_eof()
        finally:
            node.kill()
            await node.wait()
            for each in writers:
                each.close()
                with contextlib.suppress(OSError):  # where the other side has gone already
                    await each.wait_closed()
