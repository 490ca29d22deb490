"""The room converters/schema."""
