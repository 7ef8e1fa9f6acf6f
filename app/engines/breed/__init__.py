"""Dog breeds."""
