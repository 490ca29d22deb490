"""The one config file, ``freshet.toml``.

``load`` reads and checks it with the environment's overrides; ``settings`` has its sections, with
``column_settings`` and ``learning_settings``; ``toml_text`` writes values as TOML.
"""
