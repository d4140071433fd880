"""The process itself, its worker number, its helpers and files of its own."""
