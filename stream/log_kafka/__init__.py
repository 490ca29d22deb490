"""stream/log_kafka"""
