"""What an operator sets of a run, in `prefect.yaml` or in the form that the UI makes of these models."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.core.edit_record import Category
from pipeline.core.parallel import Kind


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BuildParameters(_Parameters):
    """What to build a release from, and where."""

    source: Literal["sample", "dump", "live"] = "live"
    out: Path = Path("releases")
    work: Path | None = Field(default=None, description="where finished stages are kept; OUT/.work if it is not given")
    name: str | None = Field(
        default=None,
        pattern=r"^\w[\w.+-]*$",
        description="the name of the release; else the day of the run for source live, of the newer state for others",
    )
    config: Path | None = Field(default=None, description="a TOML file with what differs from the defaults")
    categories: tuple[Category, ...] | None = None
    workers: Annotated[int, Field(ge=1)] = 2
    executor: Kind = Field(default="processes", description="what runs the shards of a dump: processes here, or Dask")
    dask_address: str | None = Field(default=None, description="of Dask's scheduler; else a cluster is started here")
    model: str | None = Field(default=None, description="a causal language model for the semantic long tail")
    exclude: Path | None = Field(default=None, description="subjects and prompts to keep out of every split")
    dumps: Path | None = Field(default=None, description="source dump: the folder that dumps come to")
    pageviews: Path | None = Field(default=None, description="source dump: a file or folder of page views")
    days: Annotated[int, Field(ge=1)] = Field(default=7, description="source live: the length of the window")
    state: Path = Field(default=Path("state"), description="source live: what visits keep between runs")
    contact: str | None = Field(default=None, description="source live: who runs this; else EDITMILL_CONTACT says so")
    api: str | None = Field(default=None, description="source live: the api.php of the repository, else Wikidata's")
    sparql: str | None = Field(default=None, description="source live: its query service")
    pageview_service: str | None = Field(default=None, description="source live: where top page views come from")
    pageview_dumps: str | None = Field(default=None, description="source live: where monthly files of all pages lie")
    wiki_api: str | None = Field(default=None, description="source live: the wiki that page views are of")

    @model_validator(mode="after")
    def _complete(self) -> "BuildParameters":
        if self.source == "dump" and self.dumps is None:
            raise ValueError("source dump needs `dumps`, the folder that dumps come to")
        if self.dask_address and self.executor != "dask":
            raise ValueError("`dask_address` needs `executor: dask`")
        return self


class PublishParameters(_Parameters):
    """Where releases go; without a repository they stay on this machine."""

    repo_id: str | None = None
    private: bool = False
    accept_drift: bool = Field(default=False, description="a person has looked at what drifted and means it")


class WeeklyParameters(_Parameters):
    """A release from its source to the Hub."""

    build: BuildParameters = BuildParameters()
    publish: PublishParameters = PublishParameters()


class Release(_Parameters):
    """A finished release as tasks pass it on: where it is, and the hash that stands for its content."""

    folder: Path
    manifest_sha256: str = Field(default="", description="not compared if it is not given")
