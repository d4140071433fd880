"""The running bus: appeals in, work shared out, dossiers out."""
