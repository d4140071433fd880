"""What a reason says beside its code: of these the reader is told in their language."""

from appealbus.plugins.console.details import Details
from appealbus.plugins.console.words import said

REASONS_KEPT = Details(
    said("not JSON, at character {n}"),
    said("not JSON, as it is not in UTF-8"),
    said("not JSON, or nested too deeply"),
    said("not a JSON object"),
    said("the document is not well-formed XML (line {n})"),
    said("the document is not well-formed XML (line {n}, column {column})"),
    said("the root is neither an element appeal of the namespace {appeal} nor change of {change}"),
    said("schema_version: the bus knows version 1 alone"),
    said("message_id: write a text of 1 to 200 characters, none of them one that XML cannot carry"),
    said("message_id: it has a character that XML cannot carry"),
    said("the message has more than {n} values"),
    said("the message has more than {n} tags and attributes"),
    said("the message nests values too deeply"),
    said("the message has {n} bytes; the most is {most}"),
    said("{n} processes died while they read it"),
    said("the change says neither the number of its appeal nor its message id"),
    said("no appeal of this number or message id has come for as long as a change waits"),
    said("its number and its message id are not of one appeal"),
    said("the appeal has too many changes already"),
    said("its appeal is not known, and too many changes wait already"),
)
"""Reasons as they are kept; what says which fields of an appeal are wrong stays as it is."""
