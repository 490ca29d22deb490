"""stream/dead_letters"""
