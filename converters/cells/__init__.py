"""converters/cells"""
