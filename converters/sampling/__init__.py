"""converters/sampling"""
