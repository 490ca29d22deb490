"""Refused rows: ``refused_rows`` finds them, ``corrected_file`` is the file to edit and resubmit.

``resend`` judges which rows may be sent again; ``exactly_once`` sends each once.
"""
