"""What plugins read a source's reply with."""
