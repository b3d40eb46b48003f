#!/bin/sh
# Runs all tests: with nextest where it is installed, else with cargo's own runner, and closes with a count.
set -eu
# Servers that tests talk to. Without them the tests that need them fail and say so.
missing=""
for command in dovecot openssl postfix swaks; do command -v "$command" >/dev/null 2>&1 || missing="$missing $command"; done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # Postfix is not set up and not started: tests start their own from folders of their own.
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        dovecot-imapd openssl postfix swaks libnet-ssleay-perl
fi
[ -w /dev/fuse ] || echo "This machine has no FUSE: the tests of power loss and of a full disk try nothing (docs/guarantees.md)."
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
    exec cargo test --locked --workspace --doc -q
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# The status goes through a file, since a pipe only tells its last command's.
{ cargo test --locked --workspace --no-fail-fast 2>&1 || echo "cargo-test-failed"; } | tee "$log"
if grep -q '^cargo-test-failed$' "$log"; then status=1; fi
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit $status
