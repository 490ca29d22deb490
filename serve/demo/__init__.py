"""serve/demo"""
