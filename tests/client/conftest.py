"""Both clients, called alike."""

from collections.abc import Callable
from typing import Any

import pytest

from appealbus.client import AsyncClient, Client, Retries

Ask = Callable[..., Any]
QUICK = Retries(tries=3, base=0.001, most=0.001, patience=5)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return what makes calls, one after the other, with one client: `await ask(url, ("dossier", ID), …)`."""

    async def run(url: str, *calls: tuple[Any, ...], **given: Any) -> list[Any]:
        settings = {"token": "ab_0_x", "retries": QUICK, "timeout": 5.0, **given}
        if request.param == "sync":
            with Client(url, **settings) as client:
                return [getattr(client, name)(*rest) for name, *rest in calls]
        async with AsyncClient(url, **settings) as awaited:
            return [await getattr(awaited, name)(*rest) for name, *rest in calls]

    return run
