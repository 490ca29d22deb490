"""serve/commands"""
