"""Many callers of POST /api/classify at once, each on a connection of its own that it keeps: what was right, wrong and lost."""

import http.client
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local
from urllib.parse import urlsplit

from tests.support.client_crowd import PATIENCE_S, Expected, judged

HEAD = b'--photo\r\nContent-Disposition: form-data; name="photo"; filename="spot.png"\r\nContent-Type: image/png\r\n\r\n'
KIND = "multipart/form-data; boundary=photo"


class Crowd:
    """Callers that take as little of the machine as they can: what is measured is the server."""

    def __init__(self, address: str, count: int, path: str = "/api/classify?careful=0") -> None:
        self._host, self._path, self._own = urlsplit(address).netloc, path, local()
        self._callers, self._connections = ThreadPoolExecutor(count), list[http.client.HTTPConnection]()
        self._calls = 0

    def call(self, photos: Sequence[Expected]) -> Counter[str]:
        """Have all photos answered from one look each."""
        self._close_connections()
        self._calls += 1
        return Counter(self._callers.map(self._one, photos))

    def close(self) -> None:
        """End all callers and their connections."""
        self._callers.shutdown()
        self._close_connections()

    def _close_connections(self) -> None:
        """Servers end those that lie idle between two calls."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _one(self, photo: Expected) -> str:
        body = HEAD + photo.path.read_bytes() + b"\r\n--photo--\r\n"
        try:
            connection = self._connection()
            connection.request("POST", self._path, body, {"Content-Type": KIND})
            answer = connection.getresponse()
            report = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._own.connection = None
            return f"lost: {type(error).__name__} {error}"
        return judged(report, photo.chances) if answer.status == 200 else f"lost: {answer.status}"

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if found is None or self._own.call != self._calls:
            self._own.call = self._calls
            found = self._own.connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_S)
            self._connections.append(found)
        return found
