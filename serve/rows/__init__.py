"""serve/rows"""
