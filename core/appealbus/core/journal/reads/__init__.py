"""What the journal is asked: one function for each question, on a reading connection."""
