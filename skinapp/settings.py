"""The handful of environment names the program obeys, read in this one place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skinapp.errors import SkinAppError

NAME = re.compile(r"[a-z0-9._-]+")
TRUE, FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Settings:
    """`model` is a folder, OWNER/NAME[@REVISION] or "" for the embedded one, and so is `general`; `threads` 0 leaves the choice
    to ONNX Runtime."""

    model: str
    provider: str
    threads: int
    share: bool
    auth: tuple[str, str] | None
    mcp: bool
    hosts: tuple[str, ...] = ()
    general: str = ""


def read(environment: Mapping[str, str]) -> Settings:
    """Those that start with SKINAPP_: MODEL, GENERAL, PROVIDER, THREADS, SHARE, AUTH, MCP and HOSTS."""
    return Settings(
        model=environment.get("SKINAPP_MODEL", ""),
        provider=environment.get("SKINAPP_PROVIDER", "").lower() or "auto",
        threads=_count("SKINAPP_THREADS", environment.get("SKINAPP_THREADS", "") or "0"),
        share=_switch("SKINAPP_SHARE", environment.get("SKINAPP_SHARE", "")),
        auth=_pair("SKINAPP_AUTH", environment.get("SKINAPP_AUTH", "")),
        mcp=_switch("SKINAPP_MCP", environment.get("SKINAPP_MCP", "")),
        hosts=_names("SKINAPP_HOSTS", environment.get("SKINAPP_HOSTS", "")),
        general=environment.get("SKINAPP_GENERAL", ""),
    )


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise SkinAppError(f"{name} is {value!r}; give a number of threads, or 0 to leave it to ONNX Runtime.")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    raise SkinAppError(f"{name} is {value!r}; give 1 or 0.")


def _names(name: str, value: str) -> tuple[str, ...]:
    names = tuple(entry.strip().lower() for entry in value.split(",") if entry.strip())
    for entry in names:
        if not NAME.fullmatch(entry):
            raise SkinAppError(f"{name} holds {entry!r}; give names of hosts, without scheme and port, separated by commas.")
    return names


def _pair(name: str, value: str) -> tuple[str, str] | None:
    if not value:
        return None
    user, colon, password = value.partition(":")
    if not (user and colon and password):
        raise SkinAppError(f"{name} has no colon or lacks a part; give user:password.")  # the value is a secret: not shown
    return user, password
