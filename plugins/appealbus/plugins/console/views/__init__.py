"""Views, one in each folder."""
