"""Changes: messages about appeals that are here, or still to come."""
