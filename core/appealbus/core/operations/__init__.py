"""What people do to many cases at once, the same for every way in."""
