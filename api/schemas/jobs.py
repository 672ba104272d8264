"""Jobs as requests and answers of the API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from api.analyses.work import ASKABLE, options_model
from api.analyses.work.examples import EXAMPLES
from api.plain import in_json
from api.store.office.jobs import Job

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class JobIn(BaseModel):
    """What shall be done: a work, and the options that it takes."""

    model_config = ConfigDict(extra="forbid")

    work: str = Field(max_length=100, description="name of the work, as coverage or districts")
    options: dict[str, Any] = Field(default_factory=dict, description="what that work takes")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Document what each work takes; what is sent is read when the work is known."""
        told = handler.resolve_ref_schema(handler(core_schema))
        told["oneOf"] = [_asked(name, handler) for name in ASKABLE]
        told["examples"] = [{"work": name, "options": EXAMPLES[name]} for name in ASKABLE]
        return told


def _asked(name: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """Return what a request for one work looks like."""
    model = options_model(name)
    needs = any(field.is_required() for field in model.model_fields.values())
    return {
        "title": name,
        "description": model.__doc__,
        "type": "object",
        "properties": {
            "work": {"const": name},
            "options": handler(model.__pydantic_core_schema__),
        },
        "required": ["work", "options"] if needs else ["work"],
        "examples": [{"work": name, "options": EXAMPLES[name]}],
    }


class WorkOut(BaseModel):
    """A work that can be asked for."""

    work: str
    what: str = Field(description="what it answers")
    example: dict[str, Any] = Field(description="options to begin with")
    options: dict[str, Any] = Field(description="what it takes, as JSON Schema")

    @classmethod
    def of(cls, name: str) -> WorkOut:
        """Return what is to be told of a work."""
        model = options_model(name)
        return cls(
            work=name,
            what=str(model.__doc__),
            example=dict(EXAMPLES[name]),
            options=model.model_json_schema(),
        )


class WorksOut(BaseModel):
    """The works that can be asked for as jobs."""

    works: list[WorkOut]


class JobErrorOut(BaseModel):
    """Why a job failed."""

    error: str = Field(
        description="class of the error; Fault: ours; OutOfMemory; WorkerLost, SchedulerLost"
    )
    message: str


class JobOut(BaseModel):
    """One job."""

    id: str
    project: str
    work: str
    options: dict[str, Any]
    who: str
    state: JobState
    progress: float = Field(ge=0, le=1, description="share that is done")
    message: str = Field(description="what is being done, or why it ended")
    created: str
    started: str | None
    ended: str | None
    result: Any = Field(None, description="answer of the work; null before the end and in lists")
    error: JobErrorOut | None

    @classmethod
    def of(cls, job: Job) -> JobOut:
        """Return what the API tells of a job."""
        told = cls.model_validate(job, from_attributes=True)
        told.message = in_json(told.message)
        if told.error is not None:
            told.error.message = in_json(told.error.message)
        return told


class JobsOut(BaseModel):
    """Jobs of a project, the newest at the front."""

    jobs: list[JobOut]
