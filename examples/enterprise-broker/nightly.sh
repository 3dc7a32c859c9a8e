#!/bin/sh
# What the realms named are tonight, as files in a clone of the repository that keeps it: nightly.sh FOLDER REALM...
# A credential that may only look will do. No secret is written. What no night changed makes no commit.
set -eu
live=$1
shift

# From nothing, so that what is gone leaves the files, too.
git -C "$live" rm -r --quiet --ignore-unmatch .
printf 'name = "live"\n' > "$live/realmform.toml"
realmform --project "$live" import --layout split "$@"
git -C "$live" add --all
git -C "$live" diff --cached --quiet || git -C "$live" commit --quiet --message "Live state of $(date -u +%F)"
