"""learners/vw"""
