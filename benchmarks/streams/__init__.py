"""Streams of binary events, real and generated, that learners are compared on."""
