"""Versions on their way to receivers."""
