"""Why a score, and what a model knows: what each column adds, and the rows to compare with.

Begin with :class:`learners.explain.explainer.Explainer`.
"""
