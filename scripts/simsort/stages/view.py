"""Show a results folder's pages in a browser and save what is curated on them.

simsort view RESULTS

Prints an address to open, and the `ssh -L` line to use on your own computer when this runs on a cluster. Only this
machine is served, below a secret path; Ctrl+C ends it. What is saved becomes part of the results by
`simsort apply-curation RESULTS`.
"""

import errno
import getpass
import os
import socket
from pathlib import Path

from simsort.errors import UserError

DEFAULT_PORT = 8765


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder")
    parser.add_argument("--port", type=int, help=f"port on this machine (default: {DEFAULT_PORT}, or any free one)")


def run(parser, argv):
    args = parser.parse_args(argv)
    server = open_server(args.results, args.port)
    for line in instructions(server):
        print(line, flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        print("simsort view: ended")
    finally:
        server.server_close()


def open_server(results: Path, port: int | None):
    """Open the server on the port asked for, or on any free one where none was asked for."""
    from simsort.viewing.server import PageServer

    if port is not None and not 0 <= port <= 65535:
        raise UserError(f"--port was given {port}", "allowed: 0 to 65535; 0 takes a free one")
    try:
        return PageServer(results, DEFAULT_PORT if port is None else port)
    except (OSError, PermissionError) as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        if port is None:
            return PageServer(results, 0)
        raise UserError(f"port {port} cannot be used ({error.strerror})", "leave --port out, or give another") from None


def instructions(server) -> list[str]:
    """Tell how to open the pages from here and from elsewhere."""
    port = server.server_address[1]
    lines = [f"open {server.address}"]
    lines += [f"  curate {name}: {server.page(name)}" for name in server.recordings]
    user, host = user_at(socket.gethostname())
    hop = f" -J {user}@{os.environ['SLURM_SUBMIT_HOST']}" if os.environ.get("SLURM_SUBMIT_HOST") else ""
    return [*lines, "from your own computer run this first, then open the same address there:",
            f"  ssh -N{hop} -L {port}:localhost:{port} {user}@{host}",
            f"what is saved becomes part of the results by: simsort apply-curation {server.results}", "Ctrl+C ends it"]


def user_at(host: str) -> tuple[str, str]:
    """Return this user and machine, as ssh names them."""
    try:
        return getpass.getuser(), host
    except (OSError, KeyError, ImportError):
        return "USER", host
