"""The room converters/show."""
