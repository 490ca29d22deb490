"""stream/log_sqlite"""
