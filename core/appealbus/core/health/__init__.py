"""Health of the bus: problems, severities and remedies, in the same words everywhere."""
