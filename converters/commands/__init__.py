"""The room converters/commands."""
