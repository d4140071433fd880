"""Signatures by GOST R 34.10-2012 over Streebog (GOST R 34.11-2012), which Kazakhstan calls GOST 34.10-2015."""
