"""Tools for plugins to read a source's reply."""
