"""learners/metrics"""
