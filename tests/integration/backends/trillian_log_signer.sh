#!/bin/sh
# Trillian's signer, in the foreground: takes what is queued into the trees, five times a second.
# PORT (gRPC), HTTP_PORT, DATABASE_PORT.
set -eu
exec trillian_log_signer --mysql_uri="test:test@tcp(127.0.0.1:$DATABASE_PORT)/test" --rpc_endpoint="127.0.0.1:$PORT" \
    --http_endpoint="127.0.0.1:$HTTP_PORT" --force_master --sequencer_interval=200ms --batch_size=1000
