"""The one config file, ``freshet.toml``.

``load`` reads and checks it with the environment's overrides, and with a properties file of
Kafka's by ``kafka_properties``; ``settings`` has its sections; ``toml_text`` writes values as TOML.
"""
