"""Measurements as ratios, side by side in one run: ``make bench``; none of them is a test."""
