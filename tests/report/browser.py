"""A headless Chromium, where there is one: tests that need it are skipped elsewhere."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

WIDTHS = (390, 768, 1200)
DARK = "--blink-settings=preferredColorScheme=0"

_MEASURE = """
addEventListener('load', () => {
  const found = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument, root = page.documentElement;
    const tables = [...page.querySelectorAll('.scroll')].map(it => ({
      name: it.getAttribute('aria-label'), content: it.scrollWidth, shown: it.clientWidth,
      fixed: getComputedStyle(it.querySelector('tbody tr > *')).position}));
    return {shown: root.clientWidth, content: root.scrollWidth, tables};
  });
  document.body.innerHTML = '<pre id="found"></pre>';
  document.getElementById('found').textContent = JSON.stringify(found);
});
"""

_CHECK = """
addEventListener('load', async () => {
  const source = document.getElementById('axe').textContent, found = [];
  document.getElementById('axe').remove();
  for (const frame of document.querySelectorAll('iframe')) {
    frame.contentWindow.eval(source);
    const said = await frame.contentWindow.axe.run(frame.contentDocument);
    found.push(said.violations.map(it => ({
      rule: it.id, impact: it.impact, nodes: it.nodes.map(node => node.html.slice(0, 200))})));
  }
  document.body.innerHTML = '<pre id="found"></pre>';
  document.getElementById('found').textContent = JSON.stringify(found);
});
"""


def chromium() -> str:
    """Return a browser that starts; some systems have a command of that name which only advises."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path and not subprocess.run([path, "--version"], capture_output=True).returncode:
            return path
    pytest.skip("no Chromium is installed")


def browsed(page: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Load a page in the browser, whose profile is kept in ``folder``."""
    return subprocess.run(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}",
            "--enable-logging=stderr",
            "--v=0",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "HOME": str(folder)},
    )


def measured(page: Path, folder: Path) -> dict[int, dict[str, Any]]:
    """Return what a page takes at each width: of itself, and of each table within it."""
    return _in_frames(page, folder, f"<script>{_MEASURE}</script>")


def violations(page: Path, folder: Path, *options: str) -> dict[int, list[dict[str, Any]]]:
    """Return what axe-core has against a page at each width: rule, impact and elements.

    MFCLI_AXE names its axe.min.js (npm pack axe-core); tests that need it are skipped without.
    """
    source = os.environ.get("MFCLI_AXE")
    if not source:
        pytest.skip("MFCLI_AXE names no axe.min.js of axe-core")
    # Held as text of a kind that no browser runs, until each frame does.
    text = Path(source).read_text("utf-8").replace("</script", "<\\/script")
    checks = f'<script id="axe" type="text/plain">{text}</script><script>{_CHECK}</script>'
    return _in_frames(page, folder, checks, *options)


def _in_frames(page: Path, folder: Path, scripts: str, *options: str) -> dict[int, Any]:
    """Return what scripts find in a page, width by width.

    The page is put in frames of that width, as a window of a browser cannot be as narrow as a
    phone; its policy, which forbids scripts, is left out of the copies.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text("utf-8"))
    frames = "".join(
        f'<iframe width="{width}" height="900" style="border:0" srcdoc="{html.escape(text)}">'
        "</iframe>"
        for width in WIDTHS
    )
    whole = folder / "frames.html"
    whole.write_text(f"<!DOCTYPE html><body>{frames}{scripts}</body>", "utf-8")
    done = browsed(whole, folder, "--virtual-time-budget=20000", "--dump-dom", *options)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr
    return dict(zip(WIDTHS, json.loads(html.unescape(found[1])), strict=True))
