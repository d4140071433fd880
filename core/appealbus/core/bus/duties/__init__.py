"""What one of all workers does for them: numbering, retention, rows of parts for older appeals."""
