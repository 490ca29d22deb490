"""converters/schema"""
