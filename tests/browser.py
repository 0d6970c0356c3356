"""A headless Chromium, driven over a pipe by its own protocol: keys go in, what is on the page comes out."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_PATIENCE = 60  # seconds
_CODES = {"ArrowLeft": "ArrowLeft", "ArrowRight": "ArrowRight", "Escape": "Escape"}
_SHIFT = 8
_LAUNCHER = """
import fcntl, os, sys
theirs, own = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(theirs, 3)
os.dup2(own, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Moves our ends of the pipes to the descriptors on which the protocol is spoken, and becomes the browser."""


class Page:
    """A page in a browser."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol, and give its answer."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._back, 1 << 16)
            assert data, "the browser has ended"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def open(self, address: str, downloads: Path) -> None:
        """Go to a page, in a new tab."""
        self._session = None
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """The value of an expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true on the page."""
        until = time.monotonic() + _PATIENCE
        while not self.ask(expression):
            assert time.monotonic() < until, expression
            time.sleep(0.05)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, as a person does."""
        digit = key if key.isdigit() else None
        code = _CODES.get(key) or (f"Digit{digit}" if digit else f"Key{key.upper()}")
        typed = "!" if digit and shift else key
        parts: dict[str, object] = {"key": typed, "code": code, "modifiers": _SHIFT if shift else 0}
        text = {"text": typed} if len(typed) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parts, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parts)

    def write(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Take a picture of what a window of this size shows."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    @property
    def complaints(self) -> list[str]:
        """What the browser logged as an error."""
        entries = [event["params"]["entry"] for event in self.events if event["method"] == "Log.entryAdded"]
        thrown = [event["params"] for event in self.events if event["method"] == "Runtime.exceptionThrown"]
        return [*(entry["text"] for entry in entries if entry["level"] == "error"), *map(json.dumps, thrown)]

    @property
    def asked_for(self) -> list[str]:
        """Every address that the page asked for."""
        return [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser whose profile is in a folder; it ends with the block."""
    assert CHROMIUM
    (theirs, to), (back, own) = os.pipe(), os.pipe()
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
    command.append(f"--user-data-dir={folder}")
    launcher = [sys.executable, "-c", _LAUNCHER, str(theirs), str(own)]
    process = subprocess.Popen([*launcher, *command], pass_fds=(theirs, own), stderr=subprocess.DEVNULL)
    os.close(theirs)
    os.close(own)
    page = Page(to, back)
    try:
        yield page
    finally:
        with contextlib.suppress(OSError):
            page._session = None
            os.write(to, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to)
        os.close(back)
