"""learners/versions"""
