"""A message broker as connectors use it: one interface, RabbitMQ behind it, or a twin in the memory of the process."""
