"""The room converters/files."""
