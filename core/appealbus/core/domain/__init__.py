"""What the bus is about, as values: a case and its questions, the access log, sources, and limits on them."""
