"""`editmill sandbox`: the small Wikidata and a Hub, until Ctrl-C."""

import contextlib
import shlex
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.core.errors import UsageError
from pipeline.core.extras import require
from pipeline.sandbox.history import TROUBLES, trouble
from pipeline.sandbox.hub import WRITE_TOKEN, hub_route
from pipeline.sandbox.hub_store import Store
from pipeline.sandbox.server import FAULTS, Faults, serve

_OUT = "releases-of-sandbox"  # apart from those of the bundled slice, whose name is the same
_REPO = "me/mill"
_QUICK = Path(__file__).with_name("quick.toml")


@dataclass(frozen=True)
class Ports:
    """Where the servers listen; 0 for any port that is free."""

    wikidata: int = 0
    hub: int = 0


def run(ports: Ports, faults: str, out: TextIO) -> int:
    """Serve until Ctrl-C.

    Args:
        ports: Of the wiki and of the Hub.
        faults: What goes wrong with the wiki, as "maxlag=0.1,dropped=0.05".
        out: Where to print their addresses and the commands of a tour.

    Raises:
        UsageError: There is no such fault, a port is taken, or the SPARQL engine is not installed.
    """
    shares = dict(_shares(faults))
    require("sandbox", "sandbox")
    from pipeline.sandbox.slice import END, slice_history
    from pipeline.sandbox.wikidata import small_wikidata

    history = slice_history()
    trouble(history, {name: shares.pop(name) for name in TROUBLES if name in shares})
    with contextlib.ExitStack() as servers:
        with _taken(f"--hub-port {ports.hub}"):
            hub_url, _ = servers.enter_context(serve(hub_route(Store()), port=ports.hub))
        with _taken(f"--port {ports.wikidata}"):
            wikidata = servers.enter_context(small_wikidata(Faults(shares), ports.wikidata, history))
        release = f"v{END[:10].replace('-', '.')}"
        out.write(f"A small Wikidata is at {wikidata.url}, a Hub at {hub_url}. Ctrl-C ends them.\n")
        out.write("In another terminal build a release, publish it, load it:\n\n")
        out.write("".join(f"{line}\n" for line in tour(wikidata.arguments(), hub_url, release)))
        out.flush()
        while True:
            time.sleep(3600)


def tour(asked: list[str], hub_url: str, release: str) -> list[str]:
    """The commands that go from the wiki to a data set that is loaded.

    Args:
        asked: The part of the build's command line that names the wiki.
        hub_url: Where the Hub is.
        release: The name of the release.
    """
    load = f'import datasets; print(datasets.load_dataset("{_REPO}", "recent", revision="{release}"))'
    # Otherwise the Hub's client uses Xet, a protocol of its own that the sandbox does not have.
    where = {"HF_ENDPOINT": hub_url, "HF_TOKEN": WRITE_TOKEN, "HF_HUB_DISABLE_XET": "1"}
    how = ["--contact", "you@example.org", "--config", str(_QUICK), "--out", _OUT]
    return [
        shlex.join(["editmill", "build", *asked, *how]),
        f"export {' '.join(f'{name}={value}' for name, value in where.items())}",
        shlex.join(["editmill", "publish", f"{_OUT}/{release}", "--repo-id", _REPO]),
        shlex.join(["python", "-c", load]),
    ]


@contextlib.contextmanager
def _taken(where: str) -> Generator[None]:
    """A port that is taken or does not exist, as our error."""
    try:
        yield
    except (OSError, OverflowError) as error:
        what = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise UsageError(f"The port cannot be used: {what}", where, "Take another.") from error


def _shares(text: str) -> Mapping[str, float]:
    """The share of each fault."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        if name not in (*FAULTS, *TROUBLES) or not share.replace(".", "", 1).isdigit():
            known = ", ".join((*FAULTS, *TROUBLES))
            raise UsageError(
                f"{part!r} is not a fault with its share", "--faults", f"Write it as in maxlag=0.1. Faults are {known}."
            )
        found[name] = float(share)
    return found
