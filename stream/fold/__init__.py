"""stream/fold"""
