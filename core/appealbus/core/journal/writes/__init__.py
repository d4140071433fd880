"""What the journal writes: one function for each kind, doing a whole group in few statements."""
