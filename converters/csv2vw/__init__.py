"""The room converters/csv2vw."""
