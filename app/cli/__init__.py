"""flask commands, one module per topic."""
