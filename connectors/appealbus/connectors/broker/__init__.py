"""A message broker for connectors: one interface, implemented by RabbitMQ and in memory."""
