"""Declared readings: where in a reply each field of a record comes from, said once and read by one program.

A field of a query says where in the appeal it comes from (`From`); a field of a record says here where in the reply.
What is required, repeated, a date or a coded value follows from the field's type, so it is not said twice.
"""

from appealbus.core.readings.declare import At, By, Present, Tree
from appealbus.core.readings.lookup import Declared
from appealbus.core.readings.paths import DeclarationError
from appealbus.core.readings.reading import Reading
from appealbus.core.readings.send import Asking, Send
from appealbus.core.readings.take import Take
from appealbus.core.replies.convert import bare

__all__ = ["Asking", "At", "By", "DeclarationError", "Declared", "Present", "Reading", "Send", "Take", "Tree", "bare"]
