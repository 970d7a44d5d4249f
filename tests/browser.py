"""Run a page in a headless browser, where there is one."""
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
# nothing but the page: no updates, no look-ups, no profile of the user
FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
         '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--mute-audio',
         '--window-size=1200,900', '--virtual-time-budget=1200000')
PROBE = """
<script>
(async () => {
  const seen = {errors: []};
  // Without a timer the clock of the browser jumps to its end, whatever the
  // page waits for; with one it has to go there in steps.
  let busy = true;
  const tick = () => busy && setTimeout(tick);
  tick();
  window.addEventListener('error', event => seen.errors.push(event.message));
  document.addEventListener('securitypolicyviolation',
    event => seen.errors.push(`refused ${event.blockedURI}`));
  try {
    %s
  } catch (error) {
    seen.errors.push(String(error.stack));
  }
  const out = document.createElement('pre');
  out.id = 'probe';
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
  busy = false;
})();
</script>
</body>
"""


def find_browser():
    """Return the path of a Chromium, or skip the test."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f'none of the browsers {NAMES} is installed')


def probe(page: str, script: str, folder: Path) -> dict:
    """Open a page, run a script in it and return what it notes.

    Args:
        page (str): HTML.
        script (str): JavaScript; fills the object ``seen``, may use await.
        folder (Path): Gets the page and the profile of the browser.

    Returns:
        dict: ``seen``, with ``errors``.
    """
    browser = find_browser()
    path = folder / 'probed.html'
    path.write_text(page.replace('</body>', PROBE % script), encoding='utf-8')
    done = subprocess.run([
        browser, *FLAGS, f'--user-data-dir={folder / "profile"}', '--dump-dom',
        path.as_uri()
    ],
                          capture_output=True,
                          timeout=120,
                          check=True)
    dom = done.stdout.decode()
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    return json.loads(html.unescape(found[1]))
