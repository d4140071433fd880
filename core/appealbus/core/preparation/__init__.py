"""What the bus adds to an appeal at intake: the identifiers that its text mentions, and warnings."""
