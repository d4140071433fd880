"""`appealbus asyncapi`: write the AsyncAPI document."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from appealbus.core.commands import EXIT_PROBLEMS, cli_of


def asyncapi(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="Where to; none: standard output.")] = None
) -> None:
    """Write the AsyncAPI 3 document of all messages over queues, by the names of the configuration. Needs no broker."""
    from appealbus.connectors.amqp.asyncapi.document import asyncapi_document

    cli = cli_of(context)
    document = asyncapi_document(cli.loaded, hosts=True)
    if file is None:
        cli.print_json(document)
        return
    try:
        file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        cli.fail(f"{file} cannot be written: {error.strerror}", EXIT_PROBLEMS)
