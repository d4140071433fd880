"""What people do to cases and sources, and what it would come to: the same for every way in."""
