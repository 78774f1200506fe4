"""Run untrusted code in a restricted process.

Linux offers several mechanisms, and not every machine allows each of them: namespaces (a separate
view of processes, network and mounts; :mod:`.namespaces`), Landlock (an allow-list of files and
addresses; :mod:`.landlock`), seccomp (an allow-list of system calls; :mod:`.seccomp`) and
resource limits (:mod:`.limits`). :func:`run` uses all that work here and reports the active layers.

The processes, outermost first::

    supervisor   measures resource use, and ends everything if it exceeds a limit
      init       process 1 of the new process namespace; when it ends, all others in it end
        worker   restricts itself, then runs the submission

The submission's code runs only in the worker and its descendants.
"""

from coursegrader.sandbox.allowed import LAYERS, SCRATCH_BYTES, Limits, Sandbox
from coursegrader.sandbox.processes import run
from coursegrader.sandbox.supervisor import OVERRUN

__all__ = ["LAYERS", "OVERRUN", "SCRATCH_BYTES", "Limits", "Sandbox", "run"]
