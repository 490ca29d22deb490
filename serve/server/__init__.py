"""serve/server"""
