"""serve/processes"""
