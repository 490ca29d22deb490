"""stream/learner"""
