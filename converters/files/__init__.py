"""converters/files"""
