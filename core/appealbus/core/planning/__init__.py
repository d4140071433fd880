"""Which lookups a kind of appeal needs, and which of them waits for which."""
