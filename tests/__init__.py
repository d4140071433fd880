"""The tests. A package with this file, so that no dependency's own `tests` stands before it."""
