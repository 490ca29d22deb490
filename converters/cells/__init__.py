"""The room converters/cells."""
