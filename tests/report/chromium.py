"""A real browser, driven over the WebDriver protocol with the standard library alone."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name resolves: the page must stand alone
)


class Browser:
    """One WebDriver session."""

    def __init__(self, port, chromium, profile):
        self.address = f"http://127.0.0.1:{port}"
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.post("/session", capabilities={"alwaysMatch": wanted})["sessionId"]

    def post(self, path, **body):
        request = Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.post(f"/session/{self.session}/execute/sync", script=script, args=[])

    def open(self, path, width):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": size}
        self.post(f"/session/{self.session}/goog/cdp/execute", **command)
        self.post(f"/session/{self.session}/url", url=path.as_uri())

    def messages(self):
        return [entry["message"] for entry in self.post(f"/session/{self.session}/se/log", type="browser")]

    def close(self):
        urlopen(Request(f"{self.address}/session/{self.session}", method="DELETE"), timeout=60).close()


@contextmanager
def browser(profile):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("left out: needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            started = next(found for line in process.stdout if (found := re.search(r"on port (\d+)\.", line)))
            window = Browser(started[1], chromium, profile)
            try:
                yield window
            finally:
                window.close()
        finally:
            process.terminate()
