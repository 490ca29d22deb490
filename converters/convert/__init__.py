"""converters/convert"""
