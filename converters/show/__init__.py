"""converters/show"""
