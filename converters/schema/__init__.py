"""What the columns of a row mean.

``schema`` builds it from the settings, over ``checks`` (what settings may say together) and
``crossing`` (interactions). ``passthrough`` picks the cells that are kept for measuring only.
"""
