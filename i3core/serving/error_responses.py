"""Errors of the server in the form of the OpenAI API, with words that name what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..errors import ConfigError, I3Error
from .engine import BusyError, ClosingError
from .middleware import error_body
from .responses import RequestError

RETRY_AFTER_S = 1
ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/models")
_UNION_MEMBERS = ("str", "int", "float", "bool")  # pydantic names these in the path of a field of several types


def handle_errors(app: FastAPI) -> None:
    """Answer every error of the routes as the OpenAI API does."""

    def error_response(status: int, message: str, code: str | None = None, param: str | None = None) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else None
        return JSONResponse(error_body(status, message, code, param), status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return error_response(400, *_explained(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"There is nothing at this address; the routes are {', '.join(ROUTES)}."
        elif error.status_code == 405:
            message = f"This route does not answer to {request.method}."
        response = error_response(error.status_code, message)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(I3Error)
    async def ours(_: Request, error: I3Error) -> JSONResponse:
        if isinstance(error, RequestError):
            return error_response(error.status, error.what, error.code, error.param)
        if isinstance(error, BusyError):
            return error_response(429, str(error), "too_many_requests")
        if isinstance(error, ClosingError):
            return error_response(503, str(error), "closing")
        return error_response(400 if isinstance(error, ConfigError) else 500, str(error))

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return error_response(500, f"The server failed ({type(error).__name__}). Its output says more.")


def _explained(errors: Sequence[Mapping[str, Any]]) -> tuple[str, str, str | None]:
    """Message, code and name of the field for pydantic's errors about a body."""
    first = errors[0]
    if first["type"] == "json_invalid":
        position = first["loc"][-1]
        return f"The body is not JSON: {first['ctx']['error']} (after {position} characters).", first["type"], None
    if first["loc"] == ("body",):
        return "The body must be a JSON object, sent with Content-Type: application/json.", first["type"], None

    def field_of(error: Mapping[str, Any]) -> str:
        names = [str(part) for part in error["loc"][1:]]
        return ".".join(name for name in names if name not in _UNION_MEMBERS and "[" not in name)

    # A field of several types has an error for each. The one whose type fits, with a wrong range or part, says most.
    param = field_of(first)
    same = [error for error in errors if field_of(error) == param or field_of(error).startswith(f"{param}.")]
    near = [error for error in same if not error["type"].endswith("_type")]
    near = near or [error for error in same if field_of(error) != param]
    if near:
        return f"{field_of(near[0])}: {near[0]['msg']}", near[0]["type"], field_of(near[0])
    return f"{param}: {', or: '.join(dict.fromkeys(error['msg'] for error in same))}", first["type"], param
