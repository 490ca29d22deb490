"""Refused rows: ``refused_rows`` finds them, ``corrected_file`` is the file to edit and resubmit.

``resend`` says which rows may be sent again, ``judging`` whether one would be learned;
``exactly_once`` sends each once.
"""
