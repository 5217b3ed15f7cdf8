#!/usr/bin/env python3
"""Plays media in headless Chromium and prints what happened, a line of JSON for each case, in their order.

Cases are a JSON array (a file, or - for standard input) of objects with a `name` and one of
  "mse": [[FILE, ...], ...]   through Media Source Extensions: a SourceBuffer for each list, whose files follow one
                              another (a whole fragmented file, or init segment and segments)
  "hls": FILE                 a playlist, through hls.js; what it names lies beside it
  "src": FILE                 a file as the src of a video element
and optionally "rate", the speed of playback (default 8).

A result has `error` (null when all went well), `ended`, `buffered` and `sourceBuffered` (ranges in seconds, of the
element and of each SourceBuffer), `currentTime`, `duration`, `width`, `height`, `frames` (video frames decoded and
presented or dropped), `audioBytes` (decoded so far), `waits` (times that playback ran dry).
"""

import argparse
import http.server
import json
import mimetypes
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

import codecs_of_mp4

HERE = Path(__file__).resolve().parent
TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".m4s": "video/mp4", ".cmfv": "video/mp4", ".cmfa": "audio/mp4"}
FLAGS = [
    "--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-background-media-suspend", "--disable-renderer-backgrounding",
    "--autoplay-policy=no-user-gesture-required", "--mute-audio",
]


def prepare(case):
    """A case as the page wants it."""
    url = lambda path: "/file" + urllib.parse.quote(str(Path(path).resolve()))
    test = {"name": case["name"], "rate": case.get("rate", 8)}
    if "mse" in case:
        tracks = []
        for files in case["mse"]:
            kind = codecs_of_mp4.mime_type(Path(files[0]).read_bytes())
            tracks.append({"type": kind, "urls": [url(f) for f in files]})
        return test | {"kind": "mse", "tracks": tracks}
    kind = "hls" if "hls" in case else "src"
    return test | {"kind": kind, "url": url(case[kind])}


class Server(http.server.ThreadingHTTPServer):
    """Serves the page, the cases and the files, and collects results."""

    daemon_threads = True

    def __init__(self, cases, hls_js):
        super().__init__(("127.0.0.1", 0), Handler)
        self.cases, self.hls_js, self.results = cases, hls_js, queue.Queue()

    def handle_error(self, request, client_address):
        # The browser hangs up when it has what it wants, and when it is stopped.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-store")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(204, "text/plain", b"")
        self.server.results.put(None if self.path == "/done" else body)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlparse(self.path).path)
        if path == "/":
            self.answer(200, "text/html", (HERE / "page.html").read_bytes())
        elif path == "/hls.js":
            self.answer(200, "text/javascript", self.server.hls_js.read_bytes())
        elif path == "/cases":
            self.answer(200, "application/json", json.dumps(self.server.cases).encode())
        elif path.startswith("/file/"):
            self.file(Path(path[len("/file") :]))
        else:
            self.answer(404, "text/plain", b"")

    def file(self, path):
        if not path.is_file():
            return self.answer(404, "text/plain", b"")
        data = path.read_bytes()
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            return self.answer(200, kind, data)
        first, _, last = asked[len("bytes=") :].partition("-")
        first, last = int(first), min(int(last or len(data)), len(data) - 1)
        if first >= len(data):
            return self.answer(416, kind, b"", [("Content-Range", f"bytes */{len(data)}")])
        span = ("Content-Range", f"bytes {first}-{last}/{len(data)}")
        return self.answer(206, kind, data[first : last + 1], [span])


def browse(server, patience):
    """Starts the browser on the page and yields results until all are there; raises TimeoutError when one takes
    longer than `patience` seconds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        log = open(Path(profile) / "log", "wb")
        browser = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}/profile", address],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
        try:
            while (result := server.results.get(timeout=patience)) is not None:
                yield result
        except queue.Empty:
            said = Path(profile, "log").read_text(errors="replace")[-2000:]
            raise TimeoutError(f"no result within {patience} s; the browser says: {said}") from None
        finally:
            # The browser is a group of processes, which this started as a session of its own.
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
            log.close()


def play(cases, hls_js, patience=60):
    """The results of `cases`."""
    server = Server([prepare(case) for case in cases], hls_js)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield from browse(server, patience)
    finally:
        server.shutdown()
        server.server_close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", help="JSON file of cases, or - for standard input")
    parser.add_argument("--hls-js", type=Path, default=HERE.parents[1] / "build/tools/hls.min.js")
    arguments = parser.parse_args()
    text = sys.stdin.read() if arguments.cases == "-" else Path(arguments.cases).read_text()
    for result in play(json.loads(text), arguments.hls_js):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
