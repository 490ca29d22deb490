"""The room converters/sampling."""
