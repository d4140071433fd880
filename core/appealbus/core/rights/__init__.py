"""Who may see what: the policy, masks over dossiers, and the views that every way out passes."""
