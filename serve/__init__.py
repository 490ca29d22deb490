"""Top floor: the HTTP application, its pages, and the assembled command line."""
