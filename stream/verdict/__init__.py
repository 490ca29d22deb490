"""``freshet try``: whether to learn a file's stream online, told by its own rows.

``columns`` reads, ``footing`` orders and labels; ``online``, ``boosted`` and ``given_scores``
score; ``outcome`` measures, ``judgement`` says what to do, ``verdict_page`` shows it.
"""
