"""Values of the domain: cases and questions, the access log, sources and their limits."""
