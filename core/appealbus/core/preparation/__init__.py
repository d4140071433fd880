"""Additions to an appeal at intake: identifiers mentioned in its text, and warnings."""
