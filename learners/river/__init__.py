"""learners/river"""
