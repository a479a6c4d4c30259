"""A server that answers while a test asks."""

import contextlib
import threading


@contextlib.contextmanager
def serving(server):
    """Serve in a thread until the block ends; the port is closed afterwards."""
    thread = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.02))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
