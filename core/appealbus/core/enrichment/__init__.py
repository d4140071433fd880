"""Work on one appeal, from its plan to a dossier version."""
