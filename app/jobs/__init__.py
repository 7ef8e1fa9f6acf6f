"""Background jobs: a queue in the same PostgreSQL (Procrastinate), and the worker that takes from it."""
