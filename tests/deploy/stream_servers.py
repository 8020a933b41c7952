"""Little servers on this machine for tests of streams: pictures over HTTP and over RTSP."""

import http.server
import socket
import socketserver
import struct
import threading
import time
from contextlib import contextmanager

import cv2
import numpy as np

PAUSE_S = 0.02


def grey_jpeg(level, size=(64, 48)):
    """A JPEG of one grey level; width and height multiples of 8, as RTP wants them."""
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))[1].tobytes()


@contextmanager
def _serving(server):
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mjpeg_server(plays):
    """Serve multipart JPEG: the n-th client gets ``plays[n]``, a list of parts.

    A part that is cut (see ``half``) announces its whole length; behind it the connection ends. Yields a URL.
    """
    left = list(plays)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for content, promised in left.pop(0) if left else []:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {promised}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + content + b"\r\n")
                except OSError:  # the client has gone
                    return
                time.sleep(PAUSE_S)

        def log_message(self, *arguments):
            pass

    with _serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/"


def whole(jpegs):
    """Parts as they should be."""
    return [(jpeg, len(jpeg)) for jpeg in jpegs]


def half(jpeg):
    """A part that stops in the middle of its picture."""
    return [(jpeg[: len(jpeg) // 2], len(jpeg))]


@contextmanager
def file_server(path):
    """Serve one file to every request, as a plain web server does. Yields the URL of the folder."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    with _serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


def _rtp_jpeg(jpeg, number):
    """One RTP packet with one baseline 4:2:0 JPEG and its quantisation tables (RFC 2435, Q = 255)."""
    at, tables = 2, b""
    while jpeg[at + 1] != 0xDA:  # up to the start of the scan
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        body = jpeg[at + 4 : at + 2 + length]
        if marker == 0xDB:
            tables += b"".join(body[k + 1 : k + 65] for k in range(0, len(body), 65))
        if marker == 0xC0:
            height, width = struct.unpack(">HH", body[1:5])
        at += 2 + length
    at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    head = struct.pack(">BBHII", 0x80, 0x80 | 26, number, number * 3600, 1)
    head += struct.pack(">IBBBB", 0, 1, 255, width // 8, height // 8)
    return head + struct.pack(">BBH", 0, 0, len(tables)) + tables + jpeg[at:-2]


@contextmanager
def rtsp_server(jpegs):
    """Serve the pictures over RTSP to every client, inside its TCP connection. Yields host and path."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while lines := self._request():
                verb = lines[0].split()[0]
                fields = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines[1:])}
                if verb == "SETUP" and "TCP" not in fields["transport"]:
                    self._answer(fields, "", code="461 Unsupported Transport")
                elif verb == "SETUP":
                    self._answer(fields, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n")
                elif verb == "DESCRIBE":
                    told = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n"
                    told += "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
                    self._answer(fields, "Content-Type: application/sdp\r\n", told)
                else:
                    self._answer(fields, "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")
                if verb == "PLAY":
                    return self._play()

        def _request(self):
            lines = []
            while line := self.rfile.readline().decode().strip():
                lines.append(line)
            return lines

        def _answer(self, fields, head, body="", code="200 OK"):
            head += f"CSeq: {fields['cseq']}\r\nContent-Length: {len(body)}\r\n"
            self.wfile.write(f"RTSP/1.0 {code}\r\n{head}\r\n{body}".encode())

        def _play(self):
            for number, jpeg in enumerate(jpegs):
                packet = _rtp_jpeg(jpeg, number)
                try:
                    self.request.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                except OSError:  # the client has gone
                    return
                time.sleep(PAUSE_S)
            self.request.shutdown(socket.SHUT_RDWR)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}/camera"
