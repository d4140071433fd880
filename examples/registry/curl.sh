#!/bin/sh
# Submit, wait, read: with curl alone. BUS is the address of the API; TOKEN may submit, READER may read.
#
#   BUS=http://127.0.0.1:8470 TOKEN=ab_… READER=ab_… sh curl.sh
set -eu
say() { curl --silent --show-error --fail-with-body "$@"; }
as() { printf 'Authorization: Bearer %s' "$1"; }

# 1. Submit. The receipt means that the appeal is on disk; the same id again gets the same receipt.
at=$(say "$BUS/v1/appeals" -H "$(as "$TOKEN")" -H 'Content-Type: application/json' -H 'Idempotency-Key: "curl-1"' \
  -o /dev/null -w '%header{location}' \
  -d '{"kind": "complaint", "applicant": {"type": "person", "iin": "120101500006"}, "text": "No light in the yard"}')

# 2. Wait until there is a dossier: the feed answers as soon as there is something new. A reader keeps `next`.
id=${at##*/} next='' page=''
for _ in $(seq 100); do
  page=$(say "$BUS/v1/feed?wait=20${next:+&after=$next}" -H "$(as "$READER")")
  case $page in *"$id"*) break ;; esac
  next=$(printf %s "$page" | sed 's/.*"next":"\([0-9.]*\)".*/\1/')
done
echo "$page"

# 3. Read it. With `If-None-Match` and the ETag of what one has, the answer is 304 where nothing is new.
say "$BUS$at/dossier" -H "$(as "$READER")" -H 'Appealbus-Purpose: example'
echo
