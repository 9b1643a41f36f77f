"""The HTTP server with the API of OpenAI: schemas, routes, request limits, decoding engine."""
