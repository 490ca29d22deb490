"""stream/checkpoints"""
