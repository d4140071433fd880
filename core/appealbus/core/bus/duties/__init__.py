"""What one of all workers does for them: numbering, retention, sketches of older texts."""
