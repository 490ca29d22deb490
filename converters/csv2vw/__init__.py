"""converters/csv2vw"""
