#!/usr/bin/env bash
# The workshop's name for containers/pull.sh; takes the same arguments (see --help).
exec "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../containers/pull.sh" "$@"
