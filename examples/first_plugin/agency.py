"""A stand-in for the agency. It speaks SOAP and knows the akims of two places. `python agency.py` runs it."""

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AKIMS = {"271010000": "Сынақов С. С.", "273600000": "Үлгіев Ү. Ү."}
ANSWER = """<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<AkimResponse xmlns="urn:example:akims">{}</AkimResponse></soap:Body></soap:Envelope>"""
AKIM = "<akim><kato>{}</kato><name>{}</name></akim>"


class Agency(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        question = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kato = re.search(r"kato>(\d+)<", question)
        name = AKIMS.get(kato[1]) if kato else None
        answer = ANSWER.format(AKIM.format(kato[1], name) if kato and name else "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8097"))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Agency)
    except OSError as error:
        sys.exit(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; set PORT, and url in appealbus.toml, to another"
        )
    server.serve_forever()
