"""stream/log"""
