"""stream/backfill"""
