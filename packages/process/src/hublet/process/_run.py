"""The functions of `subprocess` that start a child and wait for it: the standard library's, on our `Popen`."""

from __future__ import annotations

import subprocess as _subprocess
from typing import Any

from ._popen import Popen

__all__ = ["call", "check_call", "check_output", "getoutput", "getstatusoutput", "run"]

PIPE, STDOUT = _subprocess.PIPE, _subprocess.STDOUT
CalledProcessError = _subprocess.CalledProcessError
CompletedProcess = _subprocess.CompletedProcess
TimeoutExpired = _subprocess.TimeoutExpired


def run(
    *popenargs: Any,
    input: Any = None,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **kwargs: Any,
) -> _subprocess.CompletedProcess[Any]:
    """Start a child, wait for its end and return what became of it.  As `subprocess.run`.

    Parks, at most *timeout* seconds; `None` is without limit.  The child is killed, and waited for, if the time is up
    or the greenlet is killed.  Raises `TimeoutExpired`, `CalledProcessError` if *check*, and as `Popen`.
    """
    if input is not None:
        if kwargs.get("stdin") is not None:
            raise ValueError("stdin and input arguments may not both be used.")
        kwargs["stdin"] = PIPE
    if capture_output:
        if kwargs.get("stdout") is not None or kwargs.get("stderr") is not None:
            raise ValueError("stdout and stderr arguments may not be used with capture_output.")
        kwargs["stdout"] = kwargs["stderr"] = PIPE
    process: Popen[Any]
    with Popen(*popenargs, **kwargs) as process:
        try:
            stdout, stderr = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise  # leaving the block waits for it
        returncode = process.poll()
        assert returncode is not None
        if check and returncode:
            raise CalledProcessError(returncode, process.args, output=stdout, stderr=stderr)
    return CompletedProcess(process.args, returncode, stdout, stderr)


def call(*popenargs: Any, timeout: float | None = None, **kwargs: Any) -> int:
    """Start a child, wait for its end and return its returncode.  As `subprocess.call`.

    Parks, at most *timeout* seconds; `None` is without limit.  Raises `TimeoutExpired`, and as `Popen`.
    """
    process: Popen[Any]
    with Popen(*popenargs, **kwargs) as process:
        try:
            return process.wait(timeout=timeout)
        except BaseException:
            process.kill()
            raise


def check_call(*popenargs: Any, **kwargs: Any) -> int:
    """Start a child, wait for its end and return 0.  As `subprocess.check_call`.

    Parks.  Raises `CalledProcessError` if the returncode is not 0, and as `call`.
    """
    returncode = call(*popenargs, **kwargs)
    if returncode:
        raise CalledProcessError(returncode, kwargs.get("args") or popenargs[0])
    return 0


def check_output(*popenargs: Any, timeout: float | None = None, **kwargs: Any) -> Any:
    """Start a child, wait for its end and return what it wrote.  As `subprocess.check_output`.

    Parks, at most *timeout* seconds; `None` is without limit.  Raises `CalledProcessError` if the returncode is not 0,
    and as `run`.
    """
    for name in ("stdout", "check"):
        if name in kwargs:
            raise ValueError(f"{name} argument not allowed, it will be overridden.")
    if "input" in kwargs and kwargs["input"] is None:
        # Explicitly none is nothing: the child does not get our standard input.
        is_text = any(kwargs.get(name) for name in ("universal_newlines", "text", "encoding", "errors"))
        kwargs["input"] = "" if is_text else b""
    return run(*popenargs, stdout=PIPE, timeout=timeout, check=True, **kwargs).stdout


def getstatusoutput(cmd: Any, *, encoding: str | None = None, errors: str | None = None) -> tuple[int, str]:
    """Run *cmd* in a shell and return its returncode and what it wrote, without the last newline.  Parks.

    As `subprocess.getstatusoutput`.
    """
    try:
        data = check_output(cmd, shell=True, text=True, stderr=STDOUT, encoding=encoding, errors=errors)
        returncode = 0
    except CalledProcessError as error:
        data, returncode = error.output, error.returncode
    return returncode, data.removesuffix("\n")


def getoutput(cmd: Any, *, encoding: str | None = None, errors: str | None = None) -> str:
    """Run *cmd* in a shell and return what it wrote, without the last newline.  Parks.  As `subprocess.getoutput`."""
    return getstatusoutput(cmd, encoding=encoding, errors=errors)[1]
