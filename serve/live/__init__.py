"""What a server process keeps: the model that it serves and the log that it appends to.

``live_model`` follows the registry and swaps models; ``version_loader`` opens and checks a version,
and finds the schema under which it is served; ``log_appender`` appends rows, once per idempotency
key.
"""
