"""The AsyncAPI 3 document of a configuration: its queues and their messages.

`document.asyncapi_document` builds it.
"""
