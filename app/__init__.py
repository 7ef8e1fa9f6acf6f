"""Kenali: one self-hosted API that recognises."""
