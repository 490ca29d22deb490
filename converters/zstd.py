"""zstd: of the standard library from Python 3.14 on, and before that its backport.

Imported by :mod:`converters.compressed` where a file is packed so, and nowhere else.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdDecompressor, ZstdError, ZstdFile
else:
    from backports.zstd import CompressionParameter, ZstdDecompressor, ZstdError, ZstdFile

__all__ = ["CompressionParameter", "ZstdDecompressor", "ZstdError", "ZstdFile"]
