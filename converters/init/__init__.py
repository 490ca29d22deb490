"""converters/init"""
