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

    def __init__(self, address: str, count: int) -> None:
        self._host, self._count, self._own = urlsplit(address).netloc, count, local()

    def call(self, photos: Sequence[Expected]) -> Counter[str]:
        """Have all photos answered from one look each."""
        with ThreadPoolExecutor(self._count) as callers:
            return Counter(callers.map(self._one, photos))

    def _one(self, photo: Expected) -> str:
        body = HEAD + photo.path.read_bytes() + b"\r\n--photo--\r\n"
        try:
            connection = self._connection()
            connection.request("POST", "/api/classify?careful=0", body, {"Content-Type": KIND})
            answer = connection.getresponse()
            report = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._own.connection = None
            return f"lost: {type(error).__name__} {error}"
        return judged(report, photo.chances) if answer.status == 200 else f"lost: {answer.status}"

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_S)
        return found
