"""The bare endpoint: FastAPI as its documentation shows it, which selects a document and returns it.

    python benchmarks/bare.py URL PORT

No rights, no credentials, no limits, no log of who has read what, no metrics, no line in the log. It has the entity tag
of a document by its SHA-256, and the driver is used without anything between; the server has the same settings as ours.
"""

import hashlib
import sqlite3
import sys
import threading
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI, Header, Response

URL, PORT = sys.argv[1], int(sys.argv[2])
_own = threading.local()
app = FastAPI()


def _connection() -> Any:
    """Return this thread's connection."""
    if not hasattr(_own, "connection"):
        if URL.startswith("sqlite"):
            _own.connection = sqlite3.connect(URL.removeprefix("sqlite:///"), isolation_level=None)
        else:
            _own.connection = psycopg.connect(URL.replace("+psycopg", ""), autocommit=True)
    return _own.connection


_SELECT = f"SELECT document FROM kept WHERE id = {'?' if URL.startswith('sqlite') else '%s'}"


@app.get("/documents/{id}")
def document(id: str, if_none_match: str | None = Header(None)) -> Response:
    row = _connection().execute(_SELECT, (id,)).fetchone()
    if row is None:
        return Response(status_code=404)
    tag = f'"{hashlib.sha256(row[0]).hexdigest()}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(bytes(row[0]), media_type="application/json", headers={"ETag": tag})


if __name__ == "__main__":
    uvicorn.run(
        app, port=PORT, http="h11", ws="none", lifespan="off", access_log=False, server_header=False, log_config=None
    )
