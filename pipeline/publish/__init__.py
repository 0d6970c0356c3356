"""Publishing to the Hugging Face Hub: a release appears on main and under its tag whole, or not at all.

What is left to do is read off the Hub each time: its refs, its pull requests, its own listing with sizes and hashes.
So a run that was killed, or whose answer was lost, is finished by the next one, and nothing is done twice:

    a pull request named after the release and its manifest
    -> commits to it, until its listing is the release
    -> a merge, if main has not moved on
    -> the tag, on the commit whose listing is the release

`hub_client.py` is the way to the Hub, `hub_read.py` lists what is there, `hub_write.py` changes it.
"""

from pipeline.publish.hub_read import Begun, fetch, published, unfinished
from pipeline.publish.hub_write import Published, Upload, publish, roll_back

__all__ = ["Begun", "Published", "Upload", "fetch", "publish", "published", "roll_back", "unfinished"]
