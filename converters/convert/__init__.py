"""The room converters/convert."""
