"""The report in a real browser, driven over the WebDriver protocol with the standard library alone."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from tests.compare.synthetic import NINE, comparison_of, papers

from circulant.compare.page import write_report

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
LOOK = """
const shown = (one) => one.getClientRects().length > 0;
return {
  tables: document.querySelectorAll("table").length,
  drawings: [...document.querySelectorAll("svg")].filter(shown).length,
  wide: [...document.querySelectorAll("svg.wide")].filter(shown).length,
  narrow: [...document.querySelectorAll("svg.narrow")].filter(shown).length,
  broken: [...document.images].filter((image) => !image.naturalWidth).length,
  buttons: document.querySelectorAll("th button").length,
  loaded: performance.getEntriesByType("resource").map((one) => one.name).filter((n) => !/^data:/.test(n)),
  sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
"""
SORT = """
const head = [...document.querySelectorAll("#summary th")].find((th) => th.textContent.startsWith("Forward"));
head.querySelector("button").click();
return {
  order: [...document.querySelectorAll("#summary tbody th")].map((th) => th.dataset.value),
  direction: head.getAttribute("aria-sort"),
  said: document.getElementById("said").textContent,
};
"""


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


def test_the_report_stands_alone_in_a_browser_on_a_desk_and_on_a_phone(tmp_path):
    path = tmp_path / "index.html"
    write_report(comparison_of(NINE, examples=300), path, papers())
    with browser(tmp_path / "profile") as window:
        window.open(path, 1200)
        desk = window.run(LOOK)
        sorted_ = window.run(SORT)
        window.open(path, 390)
        phone = window.run(LOOK)
        messages = window.messages()
    assert messages == []
    assert desk["tables"] == phone["tables"] == 3
    assert desk["drawings"] == phone["drawings"] > 60
    assert (desk["wide"], desk["narrow"]) == (phone["narrow"], phone["wide"]) == (4, 0)
    assert desk["buttons"] == 14  # the script ran, so its hash fits the policy
    for look in (desk, phone):
        assert look["broken"] == 0
        assert look["loaded"] == []
        assert look["sideways"] == 0
    by_time = [spec.name for spec in sorted(NINE, key=lambda spec: spec.forward_ms)]
    assert sorted_["order"] == [*by_time, "control"]
    assert sorted_["direction"] == "ascending"
    assert sorted_["said"] == "Sorted by Forward, ascending"
