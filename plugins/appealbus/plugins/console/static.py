"""The few files that pages load: a style sheet, a script of ours, and htmx. Read once, and named by their content."""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from appealbus.plugins.console.errors import Refused

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Static:
    """The files by name."""

    def __init__(self) -> None:
        files = sorted(each for each in FOLDER.iterdir() if each.suffix in _TYPES)
        self._files = {each.name: (each.read_bytes(), _TYPES[each.suffix]) for each in files}
        self._marks = {name: sha256(raw).hexdigest()[:16] for name, (raw, _) in self._files.items()}

    def path(self, name: str) -> str:
        """Return the path of a file, which is another one when the file is."""
        return f"/console/static/{name}?v={self._marks[name]}"

    async def answer(self, request: Request) -> Response:
        """Answer with a file."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise Refused(404, "")
        body, kind = found
        return Response(body, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})


STATIC = Static()
