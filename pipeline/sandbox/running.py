"""`editmill sandbox`: the small Wikidata until somebody ends it."""

import shlex
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from pipeline.errors import PipelineError, UsageError
from pipeline.sandbox.server import FAULTS, Faults

_DISORDER = "disorder"


def run(port: int, faults: str, out: TextIO) -> int:
    """Serve until Ctrl-C.

    Args:
        port: Of the wiki; 0 for any that is free.
        faults: What goes wrong, as "maxlag=0.1,dropped=0.05".
        out: Where to tell how to ask it.

    Raises:
        UsageError: There is no such fault, or the port is taken.
        PipelineError: The SPARQL engine is not installed.
    """
    shares = dict(_shares(faults))
    try:
        from pipeline.sandbox.wikidata import small_wikidata
    except ModuleNotFoundError as error:
        raise PipelineError(
            f"The sandbox needs {error.name}", remedy="Install it: pip install 'editmill[sandbox]'."
        ) from error
    from pipeline.sandbox.hub import Hub
    from pipeline.sandbox.slice import slice_history

    history = slice_history()
    history.disorder = shares.pop(_DISORDER, 0.0)
    with tempfile.TemporaryDirectory(prefix="editmill-hub-") as store:
        hub = Hub(Path(store))
        try:
            with small_wikidata(Faults(shares), port, history) as wikidata:
                threading.Thread(target=hub.serve_forever, daemon=True).start()
                out.write(f"A small Wikidata is at {wikidata.url}, a Hub at {hub.url}. Ctrl-C ends them.\n\n")
                command = ["editmill", "build", *wikidata.arguments(), "--contact", "you@example.org"]
                out.write(f"{shlex.join(command)}\n")
                out.write(
                    f"HF_ENDPOINT={hub.url} HF_TOKEN=hf_sandbox_write editmill publish RELEASE --repo-id me/mill\n"
                )
                out.flush()
                while True:
                    time.sleep(3600)
        except OSError as error:
            raise UsageError(f"The port cannot be had: {error.strerror}", f"--port {port}", "Take another.") from error
        finally:
            hub.server_close()


def _shares(text: str) -> Mapping[str, float]:
    """The share of each fault."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        if name not in (*FAULTS, _DISORDER) or not share.replace(".", "", 1).isdigit():
            known = ", ".join((*FAULTS, _DISORDER))
            raise UsageError(
                f"{part!r} is no fault with its share", "--faults", f"Known are {known}, as in maxlag=0.1."
            )
        found[name] = float(share)
    return found
