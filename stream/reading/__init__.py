"""stream/reading"""
