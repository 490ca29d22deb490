"""learners/commands"""
