"""Access rights: the policy, masks over dossiers, and the views that all outputs pass through."""
