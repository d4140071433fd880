"""A small model of XSD: what a contract rules out.

What it does not understand it takes to be anything, so that nothing is ruled out wrongly.
"""

from appealbus.core.replies.xsd.model import SchemaModel
from appealbus.core.replies.xsd.shapes import ANYTHING, Child, Place, Shape
from appealbus.core.replies.xsd.values import Simple

__all__ = ["ANYTHING", "Child", "Place", "SchemaModel", "Shape", "Simple"]
