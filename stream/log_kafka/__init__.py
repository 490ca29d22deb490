"""The room stream/log_kafka."""
