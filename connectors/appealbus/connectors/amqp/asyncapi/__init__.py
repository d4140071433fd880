"""The AsyncAPI 3 document of a configuration, built by `document.asyncapi_document`."""
