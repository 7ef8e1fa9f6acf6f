"""Use cases, one module per namespace; they own the transaction."""
