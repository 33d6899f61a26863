"""A client of WebDriver BiDi, which Firefox speaks itself: Playwright drives only a Firefox of its own making.

Firefox runs without a window on a profile that holds nothing, and reaches no host but this machine.
"""

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PREFERENCES = {
    # Whatever it might ask of its makers goes to a port where nobody listens; this machine's own address needs no proxy.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "intl.accept_languages": "en-US",
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
}
PATIENCE_S = 120


class Firefox:
    """A browser with one window, and every request that its pages made."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection, self.numbers, self.requests = connection, itertools.count(), list[str]()
        self("session.new", capabilities={})
        self("session.subscribe", events=["network.beforeRequestSent"])
        self.window = self("browsingContext.getTree")["contexts"][0]["context"]
        self.context = self.window

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its result; requests that pages make meanwhile are noted."""
        number = next(self.numbers)
        self.connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.connection.recv(PATIENCE_S))
            if message["type"] == "event":
                self.requests.append(message["params"]["request"]["url"])
            elif message["id"] == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, address: str) -> None:
        self.context = self.window
        self("browsingContext.navigate", context=self.window, url=address, wait="complete")

    def enter(self) -> None:
        """Go on in the page's only frame."""
        [frame] = self("browsingContext.getTree", root=self.window)["contexts"][0]["children"]
        self.context = frame["context"]

    def run(self, function: str, *given: object) -> Any:
        """What a JavaScript function, which may be async, makes of values; both pass as JSON."""
        wrapped = f"async (given) => JSON.stringify(await ({function})(...JSON.parse(given)) ?? null)"
        return json.loads(self._call(wrapped, {"type": "string", "value": json.dumps(given)})["value"])

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression holds."""
        self.run(f"async () => {{ while (!({condition})) await new Promise((next) => setTimeout(next, 50)); }}")

    def give(self, path: Path) -> None:
        """Choose a file in the page's only file input."""
        element = self._call("() => document.querySelector('input[type=file]')")
        self("input.setFiles", context=self.context, element={"sharedId": element["sharedId"]}, files=[str(path)])

    def _call(self, function: str, *given: dict[str, str]) -> dict[str, Any]:
        answered = self(
            "script.callFunction",
            functionDeclaration=function,
            arguments=list(given),
            target={"context": self.context},
            awaitPromise=True,
        )
        assert answered["type"] == "success", answered["exceptionDetails"]
        result: dict[str, Any] = answered["result"]
        return result


@contextmanager
def started(path: str, profile: Path) -> Iterator[Firefox]:
    """Debian's Firefox at this path."""
    profile.mkdir(exist_ok=True)
    settings = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("".join(settings))
    command = [path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connect(f"{_address(profile)}/session", max_size=None, open_timeout=PATIENCE_S, proxy=None) as connection:
                yield Firefox(connection)
        finally:
            process.terminate()


def _address(profile: Path) -> str:
    """Where it listens, which it writes into its profile."""
    written = profile / "WebDriverBiDiServer.json"
    until = time.monotonic() + PATIENCE_S
    while not (written.is_file() and written.read_text()):
        assert time.monotonic() < until, "Firefox doesn't start"
        time.sleep(0.1)
    server = json.loads(written.read_text())
    return f"ws://{server['ws_host']}:{server['ws_port']}"
