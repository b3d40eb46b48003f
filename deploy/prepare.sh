#!/bin/bash
# Makes what a deployment must not share with any other: the broker's passwords, the installation's secret, an
# administrator's token and one for a gateway of another system. What is there already stays as it is.
#   prepare.sh FOLDER [HOST1 HOST2 HOST3]
# writes into FOLDER:
#   nats.env       the broker's passwords, and its routes where three hosts are named
#   <role>.env     the broker's user and password of each service, and of `audit`, `archive` and `reread`, which people use
#   secret.key     the secret of keyed hashes: the same on every machine of the installation, for ever
#   tokens.toml    who may call: digests of tokens
#   token-admin, token-gateway   the tokens themselves: hand them out, then delete them
set -euo pipefail
umask 077

(( $# == 1 || $# == 4 )) || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
dir=$1
shift
hosts=("$@")
mkdir -p "$dir"

# Letters and digits, a letter first: the broker reads anything else as more than a text.
random() { printf 'p%s' "$(od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n')"; }

digest() { printf '%s' "$1" | sha256sum | cut -d' ' -f1; }

if [[ ! -e $dir/nats.env ]]; then
  cluster=$(random 24)
  {
    for role in ingest router project deliver gateway audit archive reread; do
      password=$(random 24)
      printf 'NATS_%s_PASSWORD=%s\n' "${role^^}" "$password"
      printf 'SIMPANG_LOG__USER=%s\nSIMPANG_LOG__PASSWORD=%s\n' "$role" "$password" >"$dir/$role.env"
    done
    printf 'NATS_BACKUP_PASSWORD=%s\nNATS_OPERATOR_PASSWORD=%s\n' "$(random 24)" "$(random 24)"
    printf 'NATS_CLUSTER_PASSWORD=%s\n' "$cluster"
    for n in "${!hosts[@]}"; do
      printf 'NATS_ROUTE_%d=nats://cluster:%s@%s\n' $((n + 1)) "$cluster" "${hosts[n]}"
    done
  } >"$dir/nats.env.new"
  mv "$dir/nats.env.new" "$dir/nats.env"
fi

[[ -e $dir/secret.key ]] || random 32 >"$dir/secret.key"

if [[ ! -e $dir/tokens.toml ]]; then
  admin=$(random 24)
  gateway=$(random 24)
  printf '%s' "$admin" >"$dir/token-admin"
  printf '%s' "$gateway" >"$dir/token-gateway"
  cat >"$dir/tokens.toml" <<TOKENS
# Who may call: one entry a token, of which only the SHA-256 stands here. An agent's entry has no roles: those stand
# in their desk's records. Read when a role starts.

[[token]]
sha256 = "$(digest "$admin")"
principal = "admin"
roles = ["administrator", "auditor"]

[[token]]
sha256 = "$(digest "$gateway")"
principal = "gateway"
roles = ["gateway"]
TOKENS
fi
