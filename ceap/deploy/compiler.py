"""Compiles Python sources in a process of the runtime's Python; needs nothing but that.

Reads [root, {path: source}] as JSON, and prints {"code": {path: byte code}, "refused": {path: reason}}; sources and
byte code are texts of one character a byte.
"""

import importlib.util
import json
import marshal
import sys
import warnings

UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # Source: PEP 552

root, sources = json.load(sys.stdin)
warnings.simplefilter("ignore")
answer: dict[str, dict[str, str]] = {"code": {}, "refused": {}}
for path, text in sources.items():
    source = text.encode("latin-1")
    try:
        code = compile(source, f"{root}/{path}", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError) as error:
        answer["refused"][path] = str(error)
    else:
        head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)
        answer["code"][path] = (head + marshal.dumps(code)).decode("latin-1")
json.dump(answer, sys.stdout)
