"""What a process beside the bus is made of: a server that takes appeals, or a helper with a file of its own."""

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.bus.intake.decoding import MAX_BYTES, Unacceptable
from appealbus.core.bus.intake.quarantine import EVERY, trim_quarantine
from appealbus.core.bus.intake.reception import Received, Reception
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.config.loading import Loaded
from appealbus.core.config.models import BusSettings, LogSettings
from appealbus.core.errors import CORRECT
from appealbus.core.loading.due_dates import Counted
from appealbus.core.loading.host import Host
from appealbus.core.loading.pages import NotMade, make
from appealbus.core.loading.parts import build
from appealbus.core.logs import configure
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.core.process.runtime import relieve_collector, run_to_end, start_child
from appealbus.core.process.sidecar import OwnFile, refuse_another_s

__all__ = ["CORRECT", "EVERY", "MAX_BYTES", "BusSettings", "ClockWatch", "Counted", "Host", "Loaded", "LogSettings"]
__all__ += ["LogThrottle", "NotMade", "OwnFile", "Received", "Reception", "Unacceptable", "Watchdog"]
__all__ += ["build", "configure", "is_defect", "make", "refuse_another_s", "relieve_collector", "run_to_end"]
__all__ += ["start_child", "trim_quarantine", "within"]
