"""Appeals: accepted, worked, concluded, listed and found."""
