"""Pages for people, made of the document of the API. They have no script, load nothing, and work offline."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from appealbus.plugins.api.problems import ProblemType
from appealbus.plugins.api.security import STYLED

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8886; }
h3 code { font-size: 1.05em; }
section { margin: 1.5rem 0; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #8883; }
th { font-weight: 600; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.soft { opacity: .75; }
nav a { margin-right: 1rem; }
"""
POLICY = STYLED.format(f"sha256-{base64.b64encode(sha256(_STYLE.encode()).digest()).decode()}")
"""The pages' own policy: their style sheet, and nothing else."""
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((/[a-z/-]+)\)")


def of_problem(kind: ProblemType) -> bytes:
    """Return the page of a type of problem."""
    members = "".join(_row(f"<code>{escape(name)}</code>", _text(text)) for name, text in kind.members.items())
    table = f"<h2>Members beside the usual ones</h2><table>{members}</table>" if members else ""
    status = f'<p class="soft">Status {kind.status}, type <code>{escape(kind.uri)}</code></p>'
    more = '<nav><a href="/docs">The API</a></nav>'
    return _page(kind.title, f"<h1>{escape(kind.title)}</h1>{status}<p>{_text(kind.about)}</p>{table}{more}")


def of_document(document: Json) -> bytes:
    """Return the page of the whole API."""
    info = document["info"]
    head = f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    about = "".join(f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n"))
    about += '<p><a href="/openapi.json">openapi.json</a>, <a href="/asyncapi.json">asyncapi.json</a></p>'
    return _page(info["title"], "".join([head, about, *_operations(document), *_schemas(document)]))


def _operations(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{_text(tag['description'])}</p>"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] == operation["tags"][-1]:
                    yield _operation(path, method, operation)


def _operation(path: str, method: str, operation: Json) -> str:
    head = f"<h3><code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}</h3>"
    parts = [head, f"<p>{_text(operation.get('description', ''))}</p>"]
    parameters = [
        _row(f"<code>{escape(each['name'])}</code>", f"{each['in']}, {_type(each['schema'])}", _told(each))
        for each in operation.get("parameters", ())
    ]
    if parameters:
        parts.append(f"<table><tr><th>Parameter<th>Type<th>What it is</tr>{''.join(parameters)}</table>")
    if "requestBody" in operation:
        body = operation["requestBody"]
        parts.append(f"<p>Body: {_content(body)} {_text(body.get('description', ''))}</p>")
    answers = [
        _row(escape(status), _content(answer), _text(answer["description"]))
        for status, answer in operation["responses"].items()
    ]
    parts.append(f"<table><tr><th>Answer<th>Form<th>What it says</tr>{''.join(answers)}</table>")
    return f'<section id="{escape(operation["operationId"])}">{"".join(parts)}</section>'


def _schemas(document: Json) -> Iterator[str]:
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        fields = [
            _row(f"<code>{escape(field)}</code>", _type(about), _text(about.get("description", "")))
            for field, about in schema.get("properties", {}).items()
        ]
        text = _text(" ".join(schema.get("description", "").split()))
        kind = "" if fields else f"<p>{_type(schema)}</p>"
        table = f"<table>{''.join(fields)}</table>" if fields else kind
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{text}</p>{table}</section>'


def _content(of: Json) -> str:
    return "<br>".join(
        f"<code>{escape(media)}</code> {_type(each['schema'])}" for media, each in of.get("content", {}).items()
    )


def _type(schema: Json) -> str:
    """Return what a value is, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[several]))
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(" ".join(filter(None, [str(schema.get("type", "any")), schema.get("format", "")])))


def _told(parameter: Json) -> str:
    needed = "" if not parameter.get("required") else "needed. "
    return needed + _text(parameter.get("description", ""))


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _text(text: str) -> str:
    shown = _CODE.sub(r"<code>\1</code>", escape(text))
    return _LINK.sub(r'<a href="\2">\1</a>', shown)


def _page(title: str, body: str) -> bytes:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    view = '<meta name="viewport" content="width=device-width">'
    return f"{head}{view}<style>{_STYLE}</style><body>{body}</body></html>".encode()
