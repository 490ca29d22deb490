"""The room converters/config."""
