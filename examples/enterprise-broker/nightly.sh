#!/bin/sh
# Writes what realms really are into the clone of a repository, and commits what changed: nightly.sh CLONE REALM...
# No secret is written, and a credential that may only look will do.
set -eu
clone=$1
shift

# From nothing, so that what is gone leaves the files, too.
git -C "$clone" rm -r --quiet --ignore-unmatch .
echo 'name = "live"' > "$clone/realmform.toml"
realmform --project "$clone" import --layout split "$@"
git -C "$clone" add --all
git -C "$clone" diff --cached --quiet || git -C "$clone" commit --quiet --message "Live state of $(date -u +%F)"
