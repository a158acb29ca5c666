"""TUF clients that are not ours, reading a roster folder over loopback HTTP: python-tuf's and tuf-js."""

import functools
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tuf.ngclient import Updater

TUF_JS = "tuf-js@6.0.2"

_READ = """
const { createRequire } = require('module');
const { Updater } = createRequire(process.argv[1] + '/')('tuf-js');
const ask = JSON.parse(process.argv[2]);
(async () => {
  const updater = new Updater({ metadataDir: ask.cache, metadataBaseUrl: ask.url + '/metadata',
    targetDir: ask.cache, targetBaseUrl: ask.url + '/targets', config: { fetchRetries: 0 } });
  await updater.refresh();
  const info = await updater.getTargetInfo('catalogue.json');
  await updater.downloadTarget(info, ask.cache + '/catalogue.json');
  for (const cc of ask.states) await updater.getTargetInfo(cc + '/anything');
  console.log('read');
})().catch((error) => { console.log(error.name + ': ' + error.message); process.exit(1); });
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below ``folder``, replacing what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read_with_python_tuf(url: str, cache: Path, genesis: bytes, states: list[str]) -> bytes:
    """Refresh, download the catalogue and walk into every state's page; return the catalogue."""
    (cache / "targets").mkdir(parents=True, exist_ok=True)
    updater = Updater(str(cache), f"{url}/metadata/", str(cache / "targets"), f"{url}/targets/", bootstrap=genesis)
    updater.refresh()
    info = updater.get_targetinfo("catalogue.json")
    assert info is not None
    data = Path(updater.download_target(info)).read_bytes()
    for cc in states:
        assert updater.get_targetinfo(f"{cc}/anything") is None
    return data


def read_with_tuf_js(home: Path, url: str, cache: Path, genesis: bytes, states: list[str]) -> str:
    """The same with tuf-js; return what it printed: ``read``, or the name of its error."""
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / "root.json").exists():
        (cache / "root.json").write_bytes(genesis)
    ask = json.dumps({"cache": str(cache), "url": url, "states": states})
    node = shutil.which("node") or "node"
    done = subprocess.run(
        [node, "-e", _READ, str(home), ask],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout or done.stderr).strip()


def install_tuf_js() -> Path:
    """Install tuf-js outside the repository, once a machine; skip with the reason where that cannot be done."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("tuf-js: node and npm are not installed")
    home = Path(tempfile.gettempdir()) / f"tallystick-tests-{TUF_JS}"
    if not (home / "done").exists():
        home.mkdir(exist_ok=True)
        command = ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts", TUF_JS]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=120)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"{TUF_JS} cannot be installed here: {error}")
        (home / "done").touch()
    return home
