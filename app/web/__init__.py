"""The tabbed interface (comes with its own issue)."""
