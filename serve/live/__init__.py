"""serve/live"""
