"""Wire models and parsers, one module per namespace."""
