"""Pages in the server of the API: a list of appeals, and the newest dossier of each, as whoever asks may see them."""

import json
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote

from appealbus.core import Pages, PagesContext, hookimpl


class Appeals:
    """An ASGI application. It needs no framework; one of Starlette or FastAPI would do as well."""

    def __init__(self, context: PagesContext) -> None:
        self._context = context

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Whoever shows no token that counts gets 401 here: the server answers what the context raises.
        viewer = await self._context.viewer(scope)
        asked = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
        if scope["method"] == "POST":  # by a client with the role `ops`: the session of a browser only reads
            act = viewer.release if asked.get("do") == "release" else viewer.hold
            await act(asked.get("id", ""), asked.get("reason", ""))
            body = f"<p>{escape((await viewer.appeal(asked['id'])).state)}"
        elif "id" in asked:
            dossier = json.loads(await viewer.dossier(asked["id"]))
            body = f"<pre>{escape(json.dumps(dossier, ensure_ascii=False, indent=1))}</pre>"
        else:
            page = await viewer.appeals(asked.get("after", ""))
            rows = [
                f'<tr><td><a href="?id={quote(row.public_id)}">{escape(row.number or "an appeal")}</a>'
                f"<td>{escape(row.kind or '')}<td>{escape(row.state)}<td>{row.due_on or ''}"
                for row in page.rows
            ]
            more = f'<a href="?after={quote(page.next)}">more</a>' if page.next else ""
            body = f"<table><tr><th>number<th>kind<th>state<th>due{''.join(rows)}</table>{more}"
        title = f"Appeals that {escape(viewer.name)} sees"
        text = f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1>{body}"
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


@hookimpl
def register_pages() -> list[Pages]:
    return [Pages("/list", Appeals)]
