"""A server for browsers and programs: a page that labels the microphone or a file, and the same as an HTTP API.

A request goes through these modules:

1. `guard`: Host, Origin and token of each request; the security headers of each response.
2. `app`: the routes, and their description as OpenAPI; `queries` and `descriptions` are the types of its values.
3. `uploads` reads the body into memory, never to disk; `places` bounds how much is in memory and in work.
4. `answers` classifies or segments it in a thread, as the command does; `events` tells of a segmentation while it runs.
5. `live` does that for samples that arrive by a WebSocket.

`limits` holds the limits, `problems` the errors as problem JSON, `page/` the page.

FastAPI, Starlette and pydantic are imported only in this room, when a server starts.
"""
