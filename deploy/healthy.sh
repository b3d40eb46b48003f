#!/bin/bash
# Whether the role in this container or unit answers: 0 when /healthz says 200. Needs nothing but bash.
#   healthy.sh [host [port]]
set -euo pipefail

host=${1:-127.0.0.1}
port=${2:-7480}
exec 3<>"/dev/tcp/$host/$port"
printf 'GET /healthz HTTP/1.0\r\nHost: %s\r\n\r\n' "$host" >&3
read -r -t 3 _ status _ <&3
[[ $status == 200 ]]
