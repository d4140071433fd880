"""One appeal, from its plan to a dossier version."""
