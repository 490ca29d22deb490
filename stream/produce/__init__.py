"""stream/produce"""
