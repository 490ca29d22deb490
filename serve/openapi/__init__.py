"""serve/openapi"""
