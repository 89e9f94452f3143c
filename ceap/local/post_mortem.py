"""pdb at the place where a stage failed."""

import pdb
import traceback
from types import FrameType, GeneratorType, TracebackType
from typing import Final

from ceap.local.frames import Code, Frame
from ceap.local.invocation import chain_of


def debug(error: BaseException, code: Code) -> None:
    """Start pdb where an error was raised, at the last place in a stage's own code, with what it called below."""
    debugger = _Debugger(code)
    traces = [link.__traceback__ for link in chain_of(error)]
    own = (trace for trace in traces if any(debugger.is_own(frame) for frame, _ in traceback.walk_tb(trace)))
    debugger.reset()
    debugger.interaction(None, next(own, traces[0]))


class _Debugger(pdb.Pdb):
    def __init__(self, code: Code) -> None:
        super().__init__()
        self._code: Final = code

    def is_own(self, frame: FrameType) -> bool:
        return self._code.is_own(Frame(frame.f_code.co_filename, None, "", None))

    def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
        stack, index = super().get_stack(f, t)
        own = [number for number, (frame, _) in enumerate(stack) if self.is_own(frame)]
        if own:
            return stack, own[-1]
        # A stage that yields something wrong is halted at its `yield`, outside of the traceback.
        halted = next(
            (
                (value.gi_frame, value.gi_frame.f_lineno)
                for frame, _ in stack
                for value in frame.f_locals.values()
                if type(value) is GeneratorType and value.gi_frame is not None and self.is_own(value.gi_frame)
            ),
            None,
        )
        return ([*stack, halted], len(stack)) if halted else (stack, index)
