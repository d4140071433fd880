"""Versions of dossiers on their way to receivers."""
