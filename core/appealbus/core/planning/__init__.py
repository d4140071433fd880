"""The lookups for each kind of appeal, and their dependencies."""
