#!/bin/sh
# Rekor (version 1), in the foreground, on Trillian: a signing key in memory, the search index in the same database.
# PORT (HTTP), TRILLIAN_PORT, DATABASE_PORT.
set -eu
exec rekor-server serve --rekor_server.address 127.0.0.1 --port "$PORT" --trillian_log_server.address 127.0.0.1 \
    --trillian_log_server.port "$TRILLIAN_PORT" --rekor_server.signer memory --enable_retrieve_api=false \
    --search_index.storage_provider mysql --search_index.mysql.dsn "test:test@tcp(127.0.0.1:$DATABASE_PORT)/test" --log_type dev
