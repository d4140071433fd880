"""Versions on their way to receivers, and how the receivers stand."""

from appealbus.core.domain.spans import handover_spans
from appealbus.core.health.messages import LATE
from appealbus.core.journal.deliveries.deliveries import DeliveryRow, DeliveryState, by_id, deliveries
from appealbus.core.journal.deliveries.delivering import Decision, ShownVersion
from appealbus.core.journal.deliveries.receivers import DeliveryOfAppeal, ReceiverState, of_appeal, receivers
from appealbus.core.journal.figures import past_handovers

__all__ = ["LATE", "Decision", "DeliveryOfAppeal", "DeliveryRow", "DeliveryState", "ReceiverState", "ShownVersion"]
__all__ += ["by_id", "deliveries", "handover_spans", "of_appeal", "past_handovers", "receivers"]
