"""Settings of the application: where it listens, what it accepts. None changes a figure."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once from the environment (``LIANPIAN_HOST=...``) when the application is made."""

    model_config = SettingsConfigDict(env_prefix="LIANPIAN_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on; only this machine by default")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    max_features: int = Field(
        50_000, ge=1, description="most features that one answer with a layer's geometry may hold"
    )
