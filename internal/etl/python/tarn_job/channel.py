"""The line to Tarn: questions on descriptor 3, answers on descriptor 4, one JSON document a line.

What the script prints stays its own: nothing that it writes can be mistaken for a message.
"""
import json
import os
import threading

_lock = threading.Lock()
_out = _in = None


class Refused(Exception):
    """Tarn could not do what was asked."""


def connect():
    global _out, _in
    _out = os.fdopen(3, "w", encoding="utf-8", buffering=1)
    _in = os.fdopen(4, "r", encoding="utf-8")
    for f in (_out, _in):
        os.set_inheritable(f.fileno(), False)


def ask(kind, **fields):
    """Sends a question and returns the answer; raises Refused with the reason."""
    with _lock:
        _out.write(json.dumps({"kind": kind, **fields}) + "\n")
        _out.flush()
        line = _in.readline()
    if not line:
        raise Refused("Tarn has gone away")
    answer = json.loads(line)
    if answer.get("error"):
        raise Refused(answer["error"])
    return answer
