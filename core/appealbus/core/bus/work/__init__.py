"""Appeals at work: claimed, run over, given back."""
