"""The journal: the durable record of everything, and the only truth."""
