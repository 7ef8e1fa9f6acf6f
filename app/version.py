"""The version of Kenali."""

VERSION = "0.1.0"
