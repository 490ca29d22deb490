"""converters/commands"""
