"""How a route is declared and documented.

``declared_route`` has the declaration that every route module fills in, and makes the OpenAPI
document of all of them; ``row_models`` has the models of rows, made from the columns of the config.
"""
