"""The Procrastinate app and its tasks: a task is one call into a service."""
