"""converters/config"""
