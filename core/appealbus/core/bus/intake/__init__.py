"""From the bytes of a message to an appeal, a change or the quarantine."""
