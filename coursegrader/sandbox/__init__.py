"""Run code that nobody trusts in a process that can do little.

Linux offers several means, and not every machine allows each of them: namespaces (an own
view of processes, network and mounts; :mod:`.namespaces`), Landlock (an allow-list of files and
addresses; :mod:`.landlock`), seccomp (an allow-list of calls of the system; :mod:`.seccomp`) and
resource limits (:mod:`.limits`). :func:`run` uses all that work here and says which layers are on.

The processes, outermost first::

    supervisor   our code only: counts, and ends everything when its time has come
      init       our code only: number 1 of the new process space; when it ends, all in it end
        worker   limits itself, then runs what it was given

Nothing of the submission runs in the first two.
"""

from coursegrader.sandbox.allowed import LAYERS, SCRATCH_BYTES, Limits, Sandbox
from coursegrader.sandbox.processes import run
from coursegrader.sandbox.supervisor import OVERRUN

__all__ = ["LAYERS", "OVERRUN", "SCRATCH_BYTES", "Limits", "Sandbox", "run"]
