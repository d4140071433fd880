"""The AsyncAPI 3 document: which messages go over the queues of a configuration, and what they look like.

`document.asyncapi_document` makes it.
"""
