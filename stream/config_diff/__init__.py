"""An edited config against the model that it is for; nothing is written.

``known_model`` finds what the registry and the newest checkpoint keep of the model's config;
``difference`` says what differs and what it costs; ``cautions`` warn of what will hurt.
"""
