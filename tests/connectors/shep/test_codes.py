"""What the gateway's own codes mean where no setting says otherwise."""

import pytest
from aiohttp import web

from appealbus.core import CallFailed, OutcomeKind
from tests.connectors.shep.answers import answer, fault

INVALID, UNAVAILABLE = OutcomeKind.INVALID, OutcomeKind.UNAVAILABLE
CODES = [
    ("SCE001", INVALID, "fault.SCE001"),
    ("SCE004", INVALID, "fault.SCE004"),
    ("SCE016", INVALID, "fault.SCE016"),
    ("SCE017", INVALID, "fault.SCE017"),
    ("SCE005", UNAVAILABLE, "signature.SCE005"),
    ("SCE006", UNAVAILABLE, "signature.SCE006"),
    ("SCE007", UNAVAILABLE, "signature.SCE007"),
    ("SCE015", UNAVAILABLE, "signature.SCE015"),
    ("SCE909", UNAVAILABLE, "fault.SCE909"),
    ("SCE123", UNAVAILABLE, "fault.SCE123"),
]


async def ended(wire, ask, gateway, body: bytes, **settings) -> CallFailed:
    gateway.answer = lambda _: web.Response(status=500, body=body, content_type="text/xml")
    with pytest.raises(CallFailed) as caught:
        await ask(await wire(**settings))
    return caught.value


@pytest.mark.parametrize("expected", CODES, ids=lambda expected: expected[0])
async def test_faults(gateway, wire, ask, expected):
    """A code counts as the error's, as the fault's own with a detail that repeats it, and as the fault's own alone."""
    code, kind, ours = expected
    for body in (
        fault(code),
        fault(f" {code} ", fault_code=code),
        fault(None, fault_code=code),
        fault(None, fault_code=f" {code}\n"),
        fault(code, fault_code="soapenv:Client") if code in ("SCE005", "SCE001") else fault("X1", causes=(code,)),
    ):
        failed = await ended(wire, ask, gateway, body)
        if b"X1" in body and ours.endswith(("SCE909", "SCE123")):
            assert (failed.kind, failed.code) == (UNAVAILABLE, "shep.fault.X1")
        else:
            assert (failed.kind, failed.code) == (kind, f"shep.{ours}")
        # Nobody renews a certificate within a second.
        assert (failed.retry_after or 0) == (300 if "signature" in failed.code or code in ("SCE016", "SCE017") else 0)


async def test_settings_go_first(gateway, wire, ask):
    """What an operator has written down about a code counts, and not what others have seen."""
    failed = await ended(wire, ask, gateway, fault(None, fault_code="SCE004"), not_found_codes=["SCE004"])
    assert (failed.kind, failed.code) == (OutcomeKind.NOT_FOUND, "shep.not_found.SCE004")
    gateway.answer = lambda _: answer("<a>x</a>", code="SCSE001")
    assert (await ask(await wire(success_codes=["SCSE001"]))).status is None
    with pytest.raises(CallFailed, match=r"shep\.refused\.SCSE001"):
        await ask(await wire(refused_codes=["SCSE001"]))


@pytest.mark.parametrize("code", ["SCSE001", "SCSE002"])
async def test_errors_of_business(gateway, wire, ask, code):
    """What the register says is handed on with the gateway's word; where it says nothing there is no answer."""
    gateway.answer = lambda _: answer("<result><code>404</code></result>", code=code)
    reply = await ask(await wire())
    assert (reply.body.findtext("code"), reply.status) == ("404", f"shep.status.{code}")
    for nothing in (None, " ", "\n"):
        gateway.answer = lambda _, nothing=nothing: answer(nothing, code=code)
        with pytest.raises(CallFailed) as caught:
            await ask(await wire())
        assert (caught.value.kind, caught.value.code) == (INVALID, f"shep.status.{code}")


@pytest.mark.parametrize(
    "expected",
    [
        ("SCSE003", UNAVAILABLE, "shep.status.SCSE003"),
        ("SCE909", UNAVAILABLE, "shep.status.SCE909"),
        ("SCE001", INVALID, "shep.status.SCE001"),
        ("SCE006", UNAVAILABLE, "shep.signature.SCE006"),
        ("SBF-VE-8", UNAVAILABLE, "shep.status.SBF-VE-8"),
    ],
)
async def test_other_statuses(gateway, wire, ask, expected):
    """The others are failures, whatever they bring with them."""
    code, kind, ours = expected
    gateway.answer = lambda _: answer("<a>x</a>", code=code)
    with pytest.raises(CallFailed) as caught:
        await ask(await wire())
    assert (caught.value.kind, caught.value.code) == (kind, ours)
