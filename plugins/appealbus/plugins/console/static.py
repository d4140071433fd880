"""Static files: a style sheet, our script, and htmx. Read once; their URLs contain a content hash."""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from appealbus.plugins.console.errors import Refused

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Static:
    def __init__(self) -> None:
        files = sorted(each for each in FOLDER.iterdir() if each.suffix in _TYPES)
        self._files = {each.name: (each.read_bytes(), _TYPES[each.suffix]) for each in files}
        self._marks = {name: sha256(raw).hexdigest()[:16] for name, (raw, _) in self._files.items()}

    def path(self, name: str) -> str:
        """Return a file's URL, which changes with its content."""
        return f"/console/static/{name}?v={self._marks[name]}"

    async def answer(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise Refused(404, "")
        body, kind = found
        return Response(body, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})


STATIC = Static()
