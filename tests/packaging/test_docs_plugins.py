"""docs/plugins.md: its plugins load, its tests pass, and no hook and no name for plugins is missing."""

import asyncio
import importlib.util
import inspect
import re
import socket
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import ClientSession, web

import appealbus.core
from appealbus.core import readings, testing
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.hookspecs import Hooks
from appealbus.core.loading.host import Host
from appealbus.core.loading.parts import build, load_plugins
from tests.services.processes import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PLUGINS = {re.findall(r"^class (\w+)", block, re.MULTILINE)[-1]: block for block in BLOCKS if "@hookimpl" in block}


def load(folder: Path, block: str) -> Host:
    path = folder / "shown.py"
    path.write_text(block, encoding="utf-8")
    return load_plugins(from_document({"bus": {"plugins": [str(path)]}}, folder))


@pytest.mark.parametrize("block", PLUGINS.values(), ids=PLUGINS.keys())
def test_every_plugin_of_the_page_loads(tmp_path: Path, block: str) -> None:
    """What is shown can be pasted into a file."""
    plugin = load(tmp_path, block).plugins[-1]
    assert (plugin.state, plugin.reason) == ("active", "")


@pytest.mark.parametrize("hook", [name for name, _ in inspect.getmembers(Hooks, inspect.isfunction)])
def test_every_hook_is_shown_and_in_the_table(hook: str) -> None:
    """With the arguments that it is called with."""
    row = re.search(rf"^\| `{hook}` \|.*$", PAGE, re.MULTILINE)
    assert row, hook
    arguments = [name for name in inspect.signature(getattr(Hooks, hook)).parameters if name != "self"]
    assert re.findall(r"`(\w+)`", row[0].split("|")[3]) == arguments


@pytest.mark.parametrize("name", [*appealbus.core.__all__, *testing.__all__, *readings.__all__])
def test_every_name_for_plugins_is_on_the_page(name: str) -> None:
    """What `appealbus.core`, its readings and its kit offer, a reader of the page meets."""
    assert re.search(rf"\b{name}\b", PAGE), name


def test_the_named_modules_exist() -> None:
    """The page says which modules of the core are for plugins."""
    named = re.search(r"made for plugins \(`PUBLIC_MODULES`\): (.*?)\.\s", PAGE, re.DOTALL)
    assert named
    modules = {f"appealbus.core.{name.removeprefix('appealbus.core.')}" for name in re.findall(r"`([\w.]+)`", named[1])}
    within = {name for name in appealbus.core.PUBLIC_MODULES if name.startswith("appealbus.core.management.")}
    assert modules | within == set(appealbus.core.PUBLIC_MODULES)


def module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("shown_tests", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_tests_of_the_page_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are about the first plugin."""
    (block,) = (block for block in BLOCKS if "async def test_" in block)
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "first_plugin"))
    monkeypatch.chdir(ROOT / "examples" / "first_plugin")
    (tmp_path / "shown_tests.py").write_text(block, encoding="utf-8")
    tests = [test for name, test in vars(module_of(tmp_path / "shown_tests.py")).items() if name.startswith("test_")]
    assert len(tests) == 4
    for test in tests:
        await test()


IIN = "750301100019"
PENSION = """<Answer><Result><Code>0</Code></Result><Pensions><Pension><Person><Iin>7503 0110 0019</Iin></Person>
<Kind><code>1</code><nameRu>по возрасту</nameRu></Kind><Granted><Date>2019-04-01</Date></Granted><Suspended/>
<Payments><Payment month="2026-01-01"><Amount>1.50</Amount></Payment></Payments></Pension></Pensions></Answer>"""
WILLS = "<a>{}</a>".format(
    "".join(
        f"<will><testator><iin>{IIN}</iin></testator><number>{number}</number><writtenOn>{day}</writtenOn></will>"
        for number, day in (("2", "2021-05-05"), ("1", "2020-05-05"))
    )
)


@pytest.mark.parametrize(
    ("block", "replies", "told"),
    [
        ("PensionOfApplicant", [PENSION], {"since": date(2019, 4, 1), "suspended": True}),
        ("WillOfApplicant", ["<a><token>t</token></a>", WILLS, "<a/>"], {"number": "2"}),
        ("QueueOfApplicant", [f"<a><iin>{IIN}</iin><state>WAITS</state></a>"], {"since": None}),
    ],
)
async def test_the_lookups_of_the_page_read(tmp_path: Path, block: str, replies: list[str], told: object) -> None:
    """The declared one, the one that mixes declarations and code, and the one by hand; all pass the kit's check."""
    (lookup,) = load(tmp_path, PLUGINS[block]).plugins[-1].brought["lookups"]
    about = testing.appeal(applicant={"iin": IIN})
    record = (await testing.ask(lookup, about, replies=replies)).record
    assert isinstance(told, dict)
    assert record is not None
    assert {name: getattr(record, name) for name in told} == told
    assert await testing.check_lookup(lookup, about, replies) == []


async def test_the_connector_of_the_page_answers(tmp_path: Path) -> None:
    """It reads its file when it starts, and fails as a wire must for what is not in there."""
    (tmp_path / "shown.py").write_text(PLUGINS["TableWire"], encoding="utf-8")
    (tmp_path / "table.csv").write_text("kato,name\n271010000,Орал\n", encoding="utf-8")
    loaded = from_document(
        {
            "bus": {"plugins": ["./shown.py"]},
            "sources": {"places": {"connector": "table", "file": "table.csv", "key": "kato"}},
        },
        tmp_path,
    )
    wire = build(loaded, load_plugins(loaded)).sources["places"].wire
    await wire.start()
    assert (await wire.health()).detail == "1 rows"
    call = appealbus.core.Call("q", "N", 1.0)
    reply = await wire.call(appealbus.core.Request({"kato": "271010000"}), call)
    assert reply.body == {"kato": "271010000", "name": "Орал"}
    with pytest.raises(appealbus.core.CallFailed, match=r"table\.no_row"):
        await wire.call(appealbus.core.Request({"kato": "1"}), call)


async def listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return


async def test_the_intake_and_the_delivery_of_the_page_carry_an_appeal(tmp_path: Path) -> None:
    """In by HTTP with a receipt, or with a reason; out by HTTP under the version's id."""
    (tmp_path / "taking.py").write_text(PLUGINS["HttpIntake"], encoding="utf-8")
    (tmp_path / "giving.py").write_text(PLUGINS["Webhook"], encoding="utf-8")
    received: asyncio.Queue[str] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        await received.put(request.headers["Idempotency-Key"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    loaded = from_document(
        {
            "bus": {"plugins": ["./taking.py", "./giving.py"], "journal": "sqlite:///journal.db", "grace": 1},
            "intakes": {"web": {"kind": "http", "port": port}},
            "deliveries": {"hook": {"kind": "webhook", "url": f"http://127.0.0.1:{runner.addresses[0][1]}/"}},
        },
        tmp_path,
    )
    async with (
        asyncio.timeout(PATIENCE),
        await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file()) as journal,
        ClientSession() as client,
    ):
        bus = Bus(loaded, build(loaded, load_plugins(loaded)), journal)
        await bus.start()
        bus.open_doors()
        try:
            appeal = {"message_id": "1", "number": "N-1", "kind": "report", "applicant": {"type": "person"}}
            await listening(port)
            taken = await client.post(f"http://127.0.0.1:{port}/", json=appeal)
            refused = await client.post(f"http://127.0.0.1:{port}/", json={"message_id": 7, "kind": "report"})
            assert (taken.status, (await taken.json())["number"]) == (200, "N-1")
            assert (refused.status, (await refused.json())["quarantine_id"]) == (422, 1)
            assert await received.get() == "N-1/1"
        finally:
            await bus.stop()
            await runner.cleanup()
