"""Settings of the application: where it listens, what it accepts. None changes a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """Read once from the environment (``LIANPIAN_HOST=...``) when the application is made."""

    model_config = SettingsConfigDict(env_prefix="LIANPIAN_", frozen=True, extra="ignore")

    project: str = Field(
        str(Path("lianpian-demo") / "project.gpkg"),
        description="what is served: a .gpkg file, a folder of them, or a postgresql:// address",
    )
    office: str | None = Field(
        None,
        description="where people, shares and jobs are kept: a file or a postgresql:// address; "
        "beside the projects unless given",
    )
    host: str = Field("127.0.0.1", description="address to listen on; only this machine by default")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    public_url: str | None = Field(
        None, description="address that others reach it by, as https://plan.example.cn"
    )
    login: Literal["auto", "on", "off"] = Field(
        "auto", description="auto: nobody signs in where only this machine can reach it"
    )
    session_hours: float = Field(12.0, gt=0, description="how long a sign-in lasts unused")
    trusted_proxies: str = Field(
        "", description="addresses or networks, comma between, whose X-Forwarded-For is believed"
    )
    oidc_issuer: str | None = Field(None, description="identity provider of the organisation")
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    max_features: int = Field(
        50_000, ge=1, description="most features that one answer with a layer's geometry may hold"
    )
    max_upload_mb: float = Field(500.0, gt=0, description="largest file that may be sent")
    max_zip_ratio: float = Field(100.0, gt=1, description="most that a zip may grow when unpacked")
    max_vertices: int = Field(20_000_000, ge=1, description="most vertices of one imported file")
    tile_cache_mb: float = Field(64.0, ge=0, description="memory for tiles that were asked for")
    jobs: int = Field(2, ge=1, le=64, description="how many jobs run at once")
    jobs_stop_s: float = Field(
        10.0, ge=0, description="seconds that running jobs may go on when the server stops"
    )
    jobs_folder: str | None = Field(
        None, description="where files made by jobs are kept for a day; beside the office if unset"
    )
    dask_address: str | None = Field(
        None, description="scheduler to run jobs on, as tcp://host:8786"
    )
    log: Literal["json", "text", "off"] = Field("json", description="form of the log's lines")

    @property
    def only_here(self) -> bool:
        """Whether only this machine can reach the application."""
        return self.host in LOOPBACK

    @property
    def needs_login(self) -> bool:
        """Whether people sign in."""
        return self.login == "on" or (self.login == "auto" and not self.only_here)
