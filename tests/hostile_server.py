"""A web server on this machine that does what it is told to do wrong."""
import hashlib
import os
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import numpy as np

# a file, its name, and one that differs in a byte
CONTENT = np.random.default_rng(0).bytes(300000)
OTHER = CONTENT[:-1] + b'?'
SHA = hashlib.sha256(CONTENT).hexdigest()
NAME = f'tiny-{SHA[:8]}.pth'
ETAG = '"version-1"'


class Request(BaseHTTPRequestHandler):
    """One request; the next behaviour of the server answers it."""

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get('Range')))
        plan = server.plan
        (plan.pop(0) if len(plan) > 1 else plan[0])(self)

    def answer(self, code, body=b'', length=True, **headers):
        """Send a head and a body; ``length`` may lie about its size."""
        self.send_response(code)
        if length is not False:
            length = len(body) if length is True else length
            self.send_header('Content-Length', str(length))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    @property
    def start(self):
        """Return the first byte that is asked for, None for the whole."""
        found = re.match(r'bytes=(\d+)-$', self.headers.get('Range') or '')
        stale = self.headers.get('If-Range') not in (None, ETAG)
        return None if found is None or stale else int(found[1])

    def log_message(self, *args):
        pass


def good(content, send=None, etag=ETAG):
    """Answer as a good server does, or drop after ``send`` bytes."""

    def behave(request):
        start, size = request.start, len(content)
        headers = dict(ETag=etag) if etag else {}
        if start is None:
            return request.answer(200, content[:send], size, **headers)
        if start >= size:
            return request.answer(416, Content_Range=f'bytes */{size}')
        rest = content[start:]
        headers['Content_Range'] = f'bytes {start}-{size - 1}/{size}'
        return request.answer(206, rest[:send], len(rest), **headers)

    return behave


def whole(content, **headers):
    """Answer with all of it, whatever was asked for."""
    return lambda request: request.answer(200, content, **headers)


def error(code, **headers):
    """Answer with an error."""
    return lambda request: request.answer(code, b'no', **headers)


def redirect(target):
    """Send to another address."""
    return lambda request: request.answer(302, Location=target)


@contextmanager
def serve(*plan):
    """Run a server; its ``plan`` are its answers, the last one stays.

    Yields the server with ``url`` and ``seen``, the requests so far.
    """
    server = ThreadingHTTPServer(('127.0.0.1', 0), Request)
    server.daemon_threads = True
    server.plan, server.seen = list(plan), []
    server.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(
        target=server.serve_forever, kwargs=dict(poll_interval=.01))
    thread.start()
    try:
        with mock.patch.dict(os.environ, no_proxy='127.0.0.1'):
            yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
