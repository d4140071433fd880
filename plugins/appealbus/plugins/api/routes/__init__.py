"""The routes, by what they are about; `app.py` puts them together."""
