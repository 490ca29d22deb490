"""The room converters/init."""
