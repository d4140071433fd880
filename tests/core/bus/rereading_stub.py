"""A process that is asked to read again: it answers, is silent, dies or talks nonsense, as its first argument says."""

import json
import os
import sys
import time

source = sys.argv[2]
while size := sys.stdin.buffer.readline():
    asked = json.loads(sys.stdin.buffer.read(int(size)))
    if source == "dies" or (source == "dies of two" and asked["id"] == 2):
        os._exit(1)
    if source == "hangs":
        time.sleep(60)
    told = json.dumps({"number": f"N-{asked['id']}", "results": []}).encode()
    sys.stdout.buffer.write(b"x\n" if source == "nonsense" else b"%d\n%s" % (len(told), told))
    sys.stdout.buffer.flush()
