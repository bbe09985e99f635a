#!/usr/bin/env bash
# Asks a running control plane for everything its description allows and does not, with one key.
#   walk.sh CONTROL_URL   with the key in COUNTERSIGN_API_KEY and, if wanted, WALK_SECONDS (default 55): what is
#                         left of them when every route was asked goes to random requests
set -euo pipefail
cd "$(dirname "$0")"
url="$1/api/v1/openapi.json"

# The log that is followed never ends by itself, and a copy of the database is long: both have tests of
# their own. The key of this run is not to be revoked by it. A server whose authorization server is not there is
# answered 502, as the description says, and no check can tell that from a fault of ours.
exec .venv/bin/st run "$url" \
  --header "Authorization: Bearer ${COUNTERSIGN_API_KEY:?the key is missing}" \
  --phases examples,coverage,fuzzing \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance \
  --exclude-operation-id calls_tail \
  --exclude-operation-id backup \
  --exclude-operation-id keys_revoke \
  --exclude-operation-id credential_discover \
  --max-examples 12 \
  --max-time "${WALK_SECONDS:-55}" \
  --seed 4 \
  --generation-database none \
  --request-timeout 20 \
  --continue-on-failure \
  --no-color
